"""Publish: one transaction in which the old tables go and the run's take their place."""

from __future__ import annotations

from collections.abc import Sequence

from psycopg import errors, sql

from rowmill.destinations.constraints import steps
from rowmill.destinations.dependants import (
    Dependants,
    drop_views,
    find_dependants,
    make_views,
    refuse_obstacles,
)
from rowmill.destinations.errors import DestinationRefused, DestinationUnavailable
from rowmill.destinations.grants import Grant, default_grants, grant_statement, grants_of
from rowmill.destinations.ledger import Run, RunState
from rowmill.destinations.ledger_locks import fence
from rowmill.destinations.ledger_runs import fenced, move_run, run_state
from rowmill.destinations.ownership import (
    OwnTable,
    lost_claims,
    occupants,
    own_tables,
    record_table,
    refuse_occupants,
    refuse_owners,
)
from rowmill.destinations.postgres_connection import Cursor, PostgresSession, quoted
from rowmill.destinations.staging import staging_schema
from rowmill.spec.dataset import Dataset, PostgresTarget

# Readers that come while the publish waits for earlier ones wait behind it, so it waits briefly,
# and again later.
_LOCK_SECONDS = 3.0


def publish(session: PostgresSession, target: PostgresTarget, run: Run, dataset: Dataset) -> None:
    """Let readers see the run instead of the one before; set it PUBLISHING in the same commit.

    A run that is PUBLISHING or COMPLETED is left as it is.

    Raises:
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
        _replace(cursor, target, run, dataset)
        move_run(
            cursor,
            target.ledger_schema,
            run.id,
            frozenset({RunState.FINALIZING}),
            RunState.PUBLISHING,
            "",
            {},
        )

    try:
        session.transaction(work, lock_seconds=_LOCK_SECONDS)
    except DestinationUnavailable as error:
        if not isinstance(error.__cause__, errors.LockNotAvailable):
            raise
        readers = session.transaction(lambda cursor: _readers(cursor, target, run.owner))
        raise DestinationUnavailable(
            f"the tables of the last run were in use all the time, by {readers}: end that, then "
            "run again; the run resumes at its publish"
        ) from error


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
    refuse_occupants(found, owner, role, replace=target.replace, adopt=adopt)
    tables = {table.oid: table for table in own_tables(cursor, target.ledger_schema, owner)}
    tables |= {item.table.oid: item.table for item in found}
    _refuse_taken_names(cursor, target, dataset, tables)
    return sorted(tables.values(), key=lambda table: table.oid)


def find_outgoing_dependants(
    cursor: Cursor, target: PostgresTarget, dataset: Dataset, tables: Sequence[OwnTable]
) -> Dependants:
    """What hangs on outgoing tables; refuses what could not be made again on the new ones.

    Raises:
        DestinationRefused: DependantsInTheWay.
    """
    found = find_dependants(cursor, [table.oid for table in tables])
    refuse_obstacles(found)
    if found.views:
        _refuse_lost_columns(cursor, target, dataset, tables, found)
    return found


def _replace(cursor: Cursor, target: PostgresTarget, run: Run, dataset: Dataset) -> None:
    names = [table.name for table in dataset.tables]
    refuse_owners(lost_claims(cursor, target.ledger_schema, run.owner, target.schema, names))
    _lock(cursor, outgoing(cursor, target, run.owner, dataset))
    # Read again now that nobody can hang anything more on them.
    tables = outgoing(cursor, target, run.owner, dataset)
    dependants = find_outgoing_dependants(cursor, target, dataset, tables)
    grants = _grants_by_name(cursor, target, tables, names)
    drop_views(cursor, dependants.views)
    drop_tables(cursor, tables)
    _make_schema(cursor, target.schema, run.owner)
    _move(cursor, target, run, names)
    _grant(cursor, target, dataset, grants)
    make_views(cursor, dependants.views)
    _record(cursor, target, run, names)
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


def _readers(cursor: Cursor, target: PostgresTarget, owner: str) -> str:
    """The sessions that hold a lock on the experiment's tables, as far as the role may see them."""
    tables = own_tables(cursor, target.ledger_schema, owner)
    rows = cursor.execute(
        "SELECT DISTINCT pid, coalesce(usename, '?'), coalesce(application_name, '') "
        "FROM pg_locks LEFT JOIN pg_stat_activity USING (pid) "
        "WHERE locktype = 'relation' AND granted AND relation = ANY(%s) AND database = "
        "(SELECT oid FROM pg_database WHERE datname = current_database()) ORDER BY 1",
        ([table.oid for table in tables],),
    ).fetchall()
    if not rows:
        return "sessions that are gone by now"
    return ", ".join(
        f"session {pid} of {user}" + (f" ({application})" if application else "")
        for pid, user, application in rows
    )


def _lock(cursor: Cursor, tables: Sequence[OwnTable]) -> None:
    for table in tables:
        cursor.execute(sql.SQL("LOCK TABLE {} IN ACCESS EXCLUSIVE MODE").format(table.identifier))


def _grants_by_name(
    cursor: Cursor, target: PostgresTarget, tables: Sequence[OwnTable], names: Sequence[str]
) -> dict[str, list[Grant]]:
    """The privileges for each new table: those of the table that it replaces, or the defaults."""
    known = grants_of(cursor, [table.oid for table in tables])
    old = {table.name: table.oid for table in tables if table.schema == target.schema}
    fresh = default_grants(cursor, target.schema)
    return {name: known.get(old[name], []) if name in old else fresh for name in names}


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


def _grant(
    cursor: Cursor, target: PostgresTarget, dataset: Dataset, grants: dict[str, list[Grant]]
) -> None:
    for table in dataset.tables:
        for grant in grants[table.name]:
            if grant.column is None or grant.column in table.by_name:
                cursor.execute(grant_statement(sql.Identifier(target.schema, table.name), grant))


def _record(cursor: Cursor, target: PostgresTarget, run: Run, names: Sequence[str]) -> None:
    cursor.execute(
        sql.SQL("DELETE FROM {}.tables WHERE owner = %s").format(quoted(target.ledger_schema)),
        (run.owner,),
    )
    rows = cursor.execute(
        "SELECT c.oid, relname FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace "
        "WHERE nspname = %s AND relname = ANY(%s) AND relkind = 'r'",
        (target.schema, list(names)),
    ).fetchall()
    for oid, name in rows:
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


def _refuse_taken_names(
    cursor: Cursor, target: PostgresTarget, dataset: Dataset, tables: dict[int, OwnTable]
) -> None:
    """Indexes share the names of tables: one on a table that stays must not bear a planned name."""
    planned = [step.name for step in steps(dataset, target.constraints) if step.kind != "f"]
    taken = cursor.execute(
        "SELECT relname, coalesce(indrelid::regclass::text, '') FROM pg_class c "
        "JOIN pg_namespace n ON n.oid = relnamespace LEFT JOIN pg_index ON indexrelid = c.oid "
        "WHERE nspname = %s AND relname = ANY(%s) AND coalesce(indrelid, 0) <> ALL(%s::oid[]) "
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


def _refuse_lost_columns(
    cursor: Cursor,
    target: PostgresTarget,
    dataset: Dataset,
    tables: Sequence[OwnTable],
    found: Dependants,
) -> None:
    """Find now, and not after the load, the views that the new tables will not fit."""
    rows = cursor.execute(
        "SELECT DISTINCT ev_class, nspname, relname, coalesce(attname, '') FROM pg_depend d "
        "JOIN pg_rewrite w ON w.oid = d.objid AND d.classid = 'pg_rewrite'::regclass "
        "JOIN pg_class c ON c.oid = refobjid JOIN pg_namespace n ON n.oid = relnamespace "
        "LEFT JOIN pg_attribute ON attrelid = refobjid AND attnum = refobjsubid "
        "AND refobjsubid > 0 "
        "WHERE refclassid = 'pg_class'::regclass AND refobjid = ANY(%s) AND ev_class = ANY(%s)",
        ([table.oid for table in tables], [view.oid for view in found.views]),
    ).fetchall()
    views = {view.oid: str(view) for view in found.views}
    lost = []
    for view, schema, name, column in rows:
        table = dataset.by_name.get(name) if schema == target.schema else None
        if table is None:
            lost.append(f'{views[view]} reads "{schema}"."{name}", which goes away')
        elif column and column not in table.by_name:
            lost.append(f'{views[view]} reads {name}."{column}", which the new table has not')
    if lost:
        raise DestinationRefused(
            "DependantsInTheWay",
            f"{'; '.join(sorted(lost))}. Drop or change the view, then run again",
        )
