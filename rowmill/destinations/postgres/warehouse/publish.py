"""Publish: one transaction in which the old tables go and the run's take their place."""

from __future__ import annotations

from collections.abc import Sequence

from psycopg import errors, sql

from rowmill.destinations.errors import DestinationRefused, LateAdditions
from rowmill.destinations.postgres.additions.model import When
from rowmill.destinations.postgres.additions.own_keys import Made
from rowmill.destinations.postgres.additions.putting_on import (
    move_statistics,
    put_on,
    reset_settings,
    unmark,
)
from rowmill.destinations.postgres.additions.reading import MadeBy
from rowmill.destinations.postgres.additions.staged import find_lack, read_present
from rowmill.destinations.postgres.connection import Cursor
from rowmill.destinations.postgres.ledger.advisory_locks import fence
from rowmill.destinations.postgres.ledger.run_rows import fenced, move_run, run_state
from rowmill.destinations.postgres.quoted_names import quoted
from rowmill.destinations.postgres.session import PostgresSession
from rowmill.destinations.postgres.tables.dependants import drop_views, find_dependants, make_views
from rowmill.destinations.postgres.tables.grants import (
    Privileges,
    close_identities,
    grant_defaults,
    hand_over,
    make_owner,
    privileges_of,
    restore_privileges,
)
from rowmill.destinations.postgres.tables.ownership import (
    OwnTable,
    lost_claims,
    own_tables,
    record_table,
    refuse_owners,
)
from rowmill.destinations.postgres.tables.staging import staging_schema
from rowmill.destinations.postgres.tables.tables_in_use import take_from_readers
from rowmill.destinations.postgres.warehouse.outgoing import find_hanging, outgoing
from rowmill.plan.runs import Run, RunState
from rowmill.spec.dataset import Dataset, PostgresTarget


def publish(
    session: PostgresSession,
    target: PostgresTarget,
    run: Run,
    dataset: Dataset,
    made_by: MadeBy,
) -> None:
    """Let readers see the run instead of the one before; set it PUBLISHING in the same commit.

    A run that is PUBLISHING or COMPLETED is left as it is.

    Args:
        made_by: what an earlier run made of the tables.

    Raises:
        LateAdditions: users put something on the old tables that the new ones lack.
        Fenced: the run is not FINALIZING.
        DestinationRefused: TargetInUse, TableExists, NameTaken, DependantsInTheWay,
            PermissionDenied.
        DestinationUnavailable: readers held the old tables for as long as the patience lasts.
    """

    def work(cursor: Cursor) -> None:
        fence(cursor, run.id)
        state = run_state(cursor, target.ledger_schema, run.id)
        if state in (RunState.PUBLISHING, RunState.COMPLETED):
            return
        if state is not RunState.FINALIZING:
            raise fenced(run.id, state, RunState.FINALIZING)
        _replace(cursor, target, run, dataset, made_by)
        move_run(
            cursor,
            target.ledger_schema,
            run.id,
            frozenset({RunState.FINALIZING}),
            RunState.PUBLISHING,
            "",
            {},
        )

    def old(cursor: Cursor) -> list[int]:
        return [table.oid for table in own_tables(cursor, target.ledger_schema, run.owner)]

    take_from_readers(session, work, old, "run again; the run resumes at its publish")


def _replace(
    cursor: Cursor, target: PostgresTarget, run: Run, dataset: Dataset, made_by: MadeBy
) -> None:
    names = [table.name for table in dataset.tables]
    refuse_owners(lost_claims(cursor, target.ledger_schema, run.owner, target.schema, names))
    _lock(cursor, outgoing(cursor, target, run.owner, dataset))
    # Read again now that nobody can hang anything more on them, or change it.
    tables = outgoing(cursor, target, run.owner, dataset)
    hanging = find_hanging(cursor, target, dataset, tables, made_by, trial=False)
    additions, staging = hanging.additions, staging_schema(run.id)
    new = Made(dataset, target.constraints)
    if lack := find_lack(read_present(cursor, staging), additions.builds, new):
        raise LateAdditions(str(each) for each in (*lack.drops, *lack.builds))
    privileges = _privileges(cursor, target, tables)
    reset_settings(cursor, staging, [oid for oid, _ in _relations(cursor, staging, names)])
    for table in tables:
        put_on(cursor, table.schema, additions, table.name, {When.BEFORE})
    drop_views(cursor, hanging.views)
    drop_tables(cursor, tables)
    _make_schema(cursor, target.schema, run.owner)
    _move(cursor, target, run, names)
    move_statistics(cursor, staging, target.schema, additions)
    oids = {name: oid for oid, name in _relations(cursor, target.schema, names)}
    _hand_over(cursor, target, oids, privileges)
    make_views(cursor, hanging.views)
    unmark(cursor, target.schema, additions)
    for name in names:
        put_on(cursor, target.schema, additions, name, {When.PUBLISH, When.BOTH})
    close_identities(cursor, list(oids.values()))
    # Last, for the owner may have taken from itself what the steps before need.
    _grant(cursor, target, oids, privileges)
    _record(cursor, target, run, oids)
    _drop_empty_staging(cursor, run)


def drop_tables(cursor: Cursor, tables: Sequence[OwnTable]) -> None:
    """Drop tables in one statement, so that references among them are no obstacle.

    Raises:
        DestinationRefused: DependantsInTheWay, for what came between.
    """
    if not tables:
        return
    names = sql.SQL(", ").join(table.identifier for table in tables)
    cursor.execute(sql.SQL("DROP TABLE {}").format(names))


def _lock(cursor: Cursor, tables: Sequence[OwnTable]) -> None:
    """Hold the views on the tables, the topmost first, and then the tables.

    In this order readers take their locks too, who would else wait for us and we for them. To make
    somebody the owner who is it locks and changes nothing, whatever LOCK would want of privileges.
    """
    found = find_dependants(cursor, [table.oid for table in tables])
    known = privileges_of(cursor, [table.oid for table in tables])
    # One that cannot be made again is refused by name once all is read.
    views = [
        (view.identifier, view.privileges.owner)
        for view in reversed(found.views)
        if not view.obstacle
    ]
    held = [(table.identifier, known[table.oid].owner) for table in tables]
    for name, owner in [*views, *held]:
        make_owner(cursor, name, owner)


def _privileges(
    cursor: Cursor, target: PostgresTarget, tables: Sequence[OwnTable]
) -> dict[str, Privileges]:
    """Owner and privileges for the tables that take the place of others."""
    known = privileges_of(cursor, [table.oid for table in tables])
    # What bears the name where the new one comes counts more than what is elsewhere.
    there = sorted(tables, key=lambda table: table.schema == target.schema)
    return {table.name: known[table.oid] for table in there}


def _make_schema(cursor: Cursor, schema: str, owner: str) -> None:
    there = cursor.execute("SELECT FROM pg_namespace WHERE nspname = %s", (schema,)).fetchone()
    if there is None:
        cursor.execute(sql.SQL("CREATE SCHEMA {}").format(sql.Identifier(schema)))
        # By its comment a schema that Rowmill made is known, and dropped when it is empty.
        cursor.execute(
            sql.SQL("COMMENT ON SCHEMA {} IS {}").format(sql.Identifier(schema), sql.Literal(owner))
        )


def _move(cursor: Cursor, target: PostgresTarget, run: Run, names: Sequence[str]) -> None:
    for name in names:
        try:
            cursor.execute(
                sql.SQL("ALTER TABLE {} SET SCHEMA {}").format(
                    sql.Identifier(staging_schema(run.id), name), sql.Identifier(target.schema)
                )
            )
        except (errors.DuplicateTable, errors.DuplicateObject) as error:
            raise DestinationRefused(
                "NameTaken",
                f"the run cannot be published, because {error.diag.message_primary}: "
                "drop or rename that, then run again",
            ) from error


def _hand_over(
    cursor: Cursor,
    target: PostgresTarget,
    oids: dict[str, int],
    privileges: dict[str, Privileges],
) -> None:
    for name, wanted in privileges.items():
        if name in oids:
            hand_over(cursor, sql.Identifier(target.schema, name), oids[name], wanted.owner)


def _grant(
    cursor: Cursor,
    target: PostgresTarget,
    oids: dict[str, int],
    privileges: dict[str, Privileges],
) -> None:
    """Each new table gets the privileges of the one before it, or the defaults."""
    for name, oid in oids.items():
        relation = sql.Identifier(target.schema, name)
        if name not in privileges:
            grant_defaults(cursor, relation, target.schema)
            continue
        wanted = privileges[name].on_columns(_columns(cursor, oid))
        restore_privileges(cursor, relation, oid, wanted)


def _relations(cursor: Cursor, schema: str, names: Sequence[str]) -> list[tuple[int, str]]:
    """OID and name of the tables of these names."""
    return cursor.execute(
        "SELECT c.oid, relname FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace "
        "WHERE nspname = %s AND relname = ANY(%s) AND relkind = 'r'",
        (schema, list(names)),
    ).fetchall()


def _columns(cursor: Cursor, oid: int) -> list[str]:
    rows = cursor.execute(
        "SELECT attname FROM pg_attribute WHERE attrelid = %s AND NOT attisdropped",
        (oid,),
    ).fetchall()
    return [name for (name,) in rows]


def _record(cursor: Cursor, target: PostgresTarget, run: Run, oids: dict[str, int]) -> None:
    cursor.execute(
        sql.SQL("DELETE FROM {}.tables WHERE owner = %s").format(quoted(target.ledger_schema)),
        (run.owner,),
    )
    for name, oid in oids.items():
        table = OwnTable(oid, target.schema, name)
        record_table(cursor, target.ledger_schema, run.owner, table, run.id)


def _drop_empty_staging(cursor: Cursor, run: Run) -> None:
    name = staging_schema(run.id)
    others = cursor.execute(
        "SELECT FROM pg_class JOIN pg_namespace n ON n.oid = relnamespace WHERE nspname = %s "
        "UNION ALL SELECT FROM pg_proc JOIN pg_namespace n ON n.oid = pronamespace "
        "WHERE nspname = %s LIMIT 1",
        (name, name),
    ).fetchone()
    if others is None:
        cursor.execute(sql.SQL("DROP SCHEMA IF EXISTS {}").format(sql.Identifier(name)))
