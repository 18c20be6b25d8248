"""All that finalize does to the loaded tables of a run: steps in an order that would do alone."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import partial

from psycopg import sql

from rowmill.counting import counted
from rowmill.destinations.errors import DestinationRefused
from rowmill.destinations.postgres.additions.model import FIRST, Attachment, Build, Kind
from rowmill.destinations.postgres.additions.putting_on import say
from rowmill.destinations.postgres.additions.staged import finish, make
from rowmill.destinations.postgres.connection import Cursor
from rowmill.destinations.postgres.tables.constraints import (
    Step,
    locks,
    locks_to_validate,
    perform,
    validate,
)
from rowmill.destinations.postgres.tables.lock_modes import Lock
from rowmill.destinations.postgres.warehouse.step_order import FinalizeStep

# Who makes a user's thing in the owner's name lets him into the run's schema: one at a time. No
# table has an empty name.
_SCHEMA = ""
# All tables that are not the run's are one: who refers to them looks at no row under that lock.
OTHERS = "(tables of others)"


def finalize_steps(
    schema: str,
    rows: Mapping[str, int],
    steps: Iterable[Step],
    builds: Sequence[Build],
    settings: Sequence[Attachment],
) -> list[FinalizeStep]:
    """What makes the tables what the manifest says, and counts them.

    Args:
        schema: the run's own, where they are staged.
        rows: of each table by the plan, in the plan's order.
        steps: the run's own keys, indexes and references, keys first.
        builds: what users built on the published tables, and these lack.
        settings: the options that users gave the published tables.
    """
    return [
        *(each for build in builds if build.kind in FIRST for each in _build(schema, rows, build)),
        *_own(schema, rows, list(steps)),
        *(
            each
            for build in builds
            if build.kind not in FIRST
            for each in _build(schema, rows, build)
        ),
        *_settings(schema, settings),
        *(_analyze(schema, table, count) for table, count in rows.items()),
    ]


def _own(schema: str, rows: Mapping[str, int], steps: Sequence[Step]) -> Iterator[FinalizeStep]:
    """Keys; references for new rows; then what reads the rows, which most references let be."""
    keys = [step for step in steps if step.kind in "pu"]
    references = [step for step in steps if step.kind == "f"]
    indexes = [step for step in steps if step.kind == "i"]
    for step in (*keys, *references, *indexes):
        looks_at = 0 if step.kind == "f" else rows[step.table]
        work = partial(perform, schema=schema, step=step)
        yield FinalizeStep(step.label, locks(step), looks_at, work)
    for step in references:
        looks_at = rows[step.table] + rows[step.parent]
        work = partial(validate, schema=schema, step=step)
        yield FinalizeStep(step.label, locks_to_validate(step), looks_at, work)


def _build(schema: str, rows: Mapping[str, int], build: Build) -> Iterator[FinalizeStep]:
    """A user's thing; what stands on a table of somebody else's is made in two transactions."""
    mode = Lock.SHARE_ROW_EXCLUSIVE if build.kind is Kind.REFERENCE else Lock.ACCESS_EXCLUSIVE
    held = dict.fromkeys(build.relations & set(rows) | {build.table}, mode)
    if build.role:
        held[_SCHEMA] = Lock.ACCESS_EXCLUSIVE
    if build.outside:
        held[OTHERS] = Lock.SHARE_ROW_EXCLUSIVE
    work = partial(make, schema=schema, build=build)
    yield FinalizeStep(build.label, held, rows[build.table], work)
    if build.is_in_two:
        looked_at = {**held, OTHERS: Lock.ROW_SHARE}
        work = partial(finish, schema=schema, build=build)
        yield FinalizeStep(build.label, looked_at, rows[build.table], work)


def _settings(schema: str, settings: Sequence[Attachment]) -> Iterator[FinalizeStep]:
    if settings:
        held = dict.fromkeys((each.table for each in settings), Lock.ACCESS_EXCLUSIVE)
        work = partial(say, schema=schema, attachments=settings)
        yield FinalizeStep("options of tables and columns", held, 0, work)


def _analyze(schema: str, table: str, rows: int) -> FinalizeStep:
    held = {table: Lock.SHARE_UPDATE_EXCLUSIVE}
    work = partial(_analyze_and_count, schema=schema, table=table, rows=rows)
    return FinalizeStep(f"statistics and count of {table}", held, rows, work)


def _analyze_and_count(cursor: Cursor, schema: str, table: str, rows: int) -> None:
    name = sql.Identifier(schema, table)
    cursor.execute(sql.SQL("ANALYZE {}").format(name))
    found = cursor.execute(sql.SQL("SELECT count(*) FROM {}").format(name)).fetchone()
    if found != (rows,):
        holds = counted(found[0] if found else 0, "row")
        raise DestinationRefused(
            "RowsDiffer",
            f"table {table!r} in schema {schema!r} holds {holds}, the plan says {rows}: "
            "somebody changed it during the load. Run again with --restart",
        )
