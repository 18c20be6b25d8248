"""The tables that a publish is to replace, and all that hangs on them: made again, or refused."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rowmill.destinations.errors import DestinationRefused
from rowmill.destinations.postgres.additions.model import Additions
from rowmill.destinations.postgres.additions.own_keys import Made
from rowmill.destinations.postgres.additions.reading import MadeBy, read_additions
from rowmill.destinations.postgres.additions.trial import try_additions
from rowmill.destinations.postgres.connection import Cursor
from rowmill.destinations.postgres.tables.constraints import steps
from rowmill.destinations.postgres.tables.dependants import View, find_dependants
from rowmill.destinations.postgres.tables.ownership import (
    OwnTable,
    occupants,
    own_tables,
    refuse_occupants,
)
from rowmill.spec.dataset import Dataset, PostgresTarget


@dataclass(frozen=True)
class Hanging:
    """What is made again once the tables are replaced: views, and what users put on the tables."""

    views: tuple[View, ...]
    additions: Additions


def outgoing(
    cursor: Cursor,
    target: PostgresTarget,
    owner: str,
    dataset: Dataset,
    *,
    adopt: str | None = None,
) -> list[OwnTable]:
    """The tables that a publish drops: the experiment's own, and those it has leave to replace.

    Raises:
        DestinationRefused: TargetInUse, TableExists, NameTaken or PermissionDenied.
    """
    names = [table.name for table in dataset.tables]
    role = cursor.connection.info.user
    found = occupants(cursor, target.ledger_schema, owner, target.schema, names)
    tables = {table.oid: table for table in own_tables(cursor, target.ledger_schema, owner)}
    tables |= {item.table.oid: item.table for item in found if item.kind == "r"}
    # What goes with a table that is dropped, or refused itself, is in nobody's way.
    in_the_way = [item for item in found if item.goes_with not in tables]
    refuse_occupants(in_the_way, owner, role, replace=target.replace, adopt=adopt)
    _refuse_taken_names(cursor, target, dataset, tables)
    return sorted(tables.values(), key=lambda table: table.oid)


def find_hanging(
    cursor: Cursor,
    target: PostgresTarget,
    dataset: Dataset,
    tables: Sequence[OwnTable],
    made_by: MadeBy,
    *,
    trial: bool,
) -> Hanging:
    """What hangs on outgoing tables; refuses what could not be made again on the new ones.

    Args:
        made_by: what an earlier run made of the tables.
        trial: try all of it on empty tables, which only the publish itself can better.

    Raises:
        DestinationRefused: DependantsInTheWay, all that there is at once.
    """
    if not tables:
        return Hanging((), Additions())
    found = find_dependants(cursor, [table.oid for table in tables])
    new = Made(dataset, target.constraints)
    additions = read_additions(cursor, tables, new, target.schema, made_by)
    hanging = Hanging(found.views, additions)
    obstacles = [*found.obstacles, *additions.obstacles]
    obstacles += _lost_columns(cursor, target, dataset, tables, hanging)
    if trial and not obstacles:
        obstacles += try_additions(cursor, new, additions, [table.oid for table in tables])
    if obstacles:
        raise DestinationRefused(
            "DependantsInTheWay",
            "the tables of the last run cannot be replaced, because of what cannot be made again "
            f"on the new ones: {'; '.join(sorted(set(obstacles)))}. Drop or change it (and make it "
            "again after the run), then run again",
        )
    return hanging


def _refuse_taken_names(
    cursor: Cursor, target: PostgresTarget, dataset: Dataset, tables: dict[int, OwnTable]
) -> None:
    """Indexes share the names of tables: one on a table that stays must not bear a planned name."""
    planned = [step.name for step in steps(dataset, target.constraints) if step.kind != "f"]
    taken = cursor.execute(
        "SELECT relname, coalesce(indrelid::regclass::text, '') FROM pg_class c "
        "JOIN pg_namespace n ON n.oid = relnamespace LEFT JOIN pg_index ON indexrelid = c.oid "
        "WHERE nspname = %s AND relname = ANY(%s) AND coalesce(indrelid, c.oid) <> ALL(%s::oid[]) "
        "ORDER BY 1",
        (target.schema, planned, list(tables)),
    ).fetchall()
    if taken:
        listed = "; ".join(f'"{name}"' + (f" on {on}" if on else "") for name, on in taken)
        raise DestinationRefused(
            "NameTaken",
            f"schema {target.schema!r} holds relations with names that this run's keys and "
            f"indexes need: {listed}. Drop or rename them, then run again",
        )


def _lost_columns(
    cursor: Cursor,
    target: PostgresTarget,
    dataset: Dataset,
    tables: Sequence[OwnTable],
    hanging: Hanging,
) -> list[str]:
    """Views, policies and rules that read what the new tables have not."""
    staying = [table.oid for table in tables if table.name in dataset.by_name]
    views = {view.oid: str(view) for view in hanging.views}
    rows = cursor.execute(
        "SELECT DISTINCT coalesce(ev_class, 0), pg_describe_object(classid, objid, 0), nspname, "
        "relname, coalesce(attname, '') FROM pg_depend d "
        "LEFT JOIN pg_rewrite w ON w.oid = d.objid AND d.classid = 'pg_rewrite'::regclass "
        "LEFT JOIN pg_policy p ON p.oid = d.objid AND d.classid = 'pg_policy'::regclass "
        "JOIN pg_class c ON c.oid = refobjid JOIN pg_namespace n ON n.oid = relnamespace "
        "LEFT JOIN pg_attribute ON attrelid = refobjid AND attnum = refobjsubid "
        "AND refobjsubid > 0 "
        "WHERE refclassid = 'pg_class'::regclass AND refobjid = ANY(%(tables)s) "
        "AND deptype = 'n' AND (ev_class = ANY(%(on)s) OR polrelid = ANY(%(on)s))",
        {"tables": [table.oid for table in tables], "on": [*staying, *views]},
    ).fetchall()
    built = {(build.table, build.name) for build in hanging.additions.builds}
    lost = []
    for on, description, schema, name, column in rows:
        reader = views.get(on, description)
        table = dataset.by_name.get(name) if schema == target.schema else None
        if table is None:
            lost.append(f'{reader} reads "{schema}"."{name}", which goes away')
        elif column and column not in table.by_name and (name, column) not in built:
            lost.append(f'{reader} reads {name}."{column}", which the new table has not')
    return lost
