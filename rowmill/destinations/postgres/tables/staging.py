"""The schema into which a run loads before anybody sees it: made, and dropped."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from psycopg import sql

from rowmill.destinations.errors import DestinationRefused
from rowmill.destinations.postgres.connection import Cursor
from rowmill.destinations.postgres.ledger.advisory_locks import fence
from rowmill.destinations.postgres.ledger.run_rows import running_key
from rowmill.destinations.postgres.quoted_names import quoted
from rowmill.destinations.postgres.session import PostgresSession
from rowmill.destinations.postgres.tables.dependants import find_dependants
from rowmill.destinations.postgres.tables.grants import close_schema
from rowmill.plan.runs import Run
from rowmill.spec.dataset import Dataset, Table


def staging_schema(run_id: str) -> str:
    """The name of the run's own schema."""
    return f"rowmill_run_{run_id}"


def stage(
    session: PostgresSession,
    ledger_schema: str,
    run: Run,
    dataset: Dataset,
    furnish: Callable[[Cursor, Sequence[Table]], None],
) -> None:
    """Make the run's schema and tables if they are missing; batches of a lost table count no more.

    Args:
        furnish: called with the tables that were made, before there is a row in them.

    Raises:
        Fenced: the run is not RUNNING.
    """

    def make(cursor: Cursor) -> None:
        missing = _missing(cursor, run.id, dataset.tables)
        if not missing:
            return
        # Alone: no worker may record a batch of a table that is being made again.
        fence(cursor, run.id)
        key = running_key(cursor, ledger_schema, run.id)
        _make_schema(cursor, run)
        missing = _missing(cursor, run.id, dataset.tables)
        for table in missing:
            cursor.execute(create_table(staging_schema(run.id), table))
            cursor.execute(
                sql.SQL("COMMENT ON TABLE {} IS {}").format(
                    sql.Identifier(staging_schema(run.id), table.name), sql.Literal(run.owner)
                )
            )
            place = [layout.table for layout in run.plan.tables].index(table.name)
            cursor.execute(
                sql.SQL("DELETE FROM {}.batches WHERE run = %s AND tbl = %s").format(
                    quoted(ledger_schema)
                ),
                (key, place),
            )
        furnish(cursor, missing)

    session.transaction(make)


def drop_staging(session: PostgresSession, run_id: str) -> None:
    """Drop the run's schema with all that is in it, if it is there.

    A schema of that name that has no owner key for a comment is not the run's, and stays.

    Raises:
        DestinationRefused: DependantsInTheWay, users put something there, or hung it on its tables.
    """

    def drop(cursor: Cursor) -> None:
        name = staging_schema(run_id)
        ours = cursor.execute(
            "SELECT FROM pg_namespace WHERE nspname = %s "
            "AND obj_description(oid, 'pg_namespace') IS NOT NULL",
            (name,),
        ).fetchone()
        if ours is not None:
            _refuse_users(cursor, name)
            cursor.execute(sql.SQL("DROP SCHEMA {} CASCADE").format(sql.Identifier(name)))

    session.transaction(drop)


def index_bytes(cursor: Cursor, schema: str) -> int:
    """The bytes of all keys and indexes on the tables of a schema; 0 where there is none."""
    row = cursor.execute(
        "SELECT coalesce(sum(pg_relation_size(c.oid)), 0)::bigint FROM pg_class c "
        "JOIN pg_namespace n ON n.oid = relnamespace WHERE nspname = %s AND relkind = 'i'",
        (schema,),
    ).fetchone()
    assert row is not None
    return int(row[0])


def _refuse_users(cursor: Cursor, schema: str) -> None:
    rows = cursor.execute(
        "SELECT c.oid, c.oid::regclass::text, relkind = 'r' "
        "AND obj_description(c.oid, 'pg_class') IS NOT NULL "
        "FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace "
        "WHERE nspname = %s AND relkind NOT IN ('i', 'I', 't') "
        "AND NOT EXISTS (SELECT FROM pg_depend WHERE classid = 'pg_class'::regclass "
        "AND objid = c.oid AND deptype IN ('a', 'i'))",
        (schema,),
    ).fetchall()
    found = find_dependants(cursor, [oid for oid, _, ours in rows if ours])
    strange = {name for _, name, ours in rows if not ours}
    strange |= {*map(str, found.views), *found.obstacles}
    if strange:
        raise DestinationRefused(
            "DependantsInTheWay",
            f"the tables that a run was loading in schema {schema} cannot be dropped while users "
            f"have these there or on them: {', '.join(sorted(strange))}. Drop them, then try again",
        )


def _missing(cursor: Cursor, run_id: str, tables: Iterable[Table]) -> list[Table]:
    rows = cursor.execute(
        "SELECT relname FROM pg_class JOIN pg_namespace n ON n.oid = relnamespace "
        "WHERE nspname = %s AND relkind = 'r'",
        (staging_schema(run_id),),
    ).fetchall()
    there = {row[0] for row in rows}
    return [table for table in tables if table.name not in there]


def _make_schema(cursor: Cursor, run: Run) -> None:
    name = staging_schema(run.id)
    there = cursor.execute("SELECT FROM pg_namespace WHERE nspname = %s", (name,)).fetchone()
    if there is None:
        cursor.execute(sql.SQL("CREATE SCHEMA {}").format(sql.Identifier(name)))
        # Before the publish nobody is to see its rows, nor more of them than a policy shows.
        close_schema(cursor, name)
        cursor.execute(
            sql.SQL("COMMENT ON SCHEMA {} IS {}").format(
                sql.Identifier(name), sql.Literal(run.owner)
            )
        )


def create_table(schema: str, table: Table) -> sql.Composed:
    """CREATE TABLE with the columns alone: keys come when the rows are there."""
    columns = [
        sql.SQL("{} {}{}").format(
            sql.Identifier(column.name),
            sql.SQL(column.type.sql),
            sql.SQL("" if column.nullable else " NOT NULL"),
        )
        for column in table.columns
    ]
    return sql.SQL("CREATE TABLE {} ({})").format(
        sql.Identifier(schema, table.name), sql.SQL(", ").join(columns)
    )
