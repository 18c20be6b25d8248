"""The ledger's own tables in Postgres: made when missing, migrated, refused when too new."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from psycopg import errors, sql

from rowmill.destinations.errors import DestinationRefused
from rowmill.destinations.ledger_layout import (
    STEPS,
    Layout,
    Step,
    lacking,
    made_by,
    refuse_newer,
)
from rowmill.destinations.postgres.connection import Cursor
from rowmill.destinations.postgres.ledger.advisory_locks import lock_key
from rowmill.destinations.postgres.ledger.migration import foreign, migrate, stored_layout
from rowmill.destinations.postgres.ledger.rights import missing_grants
from rowmill.destinations.postgres.session import PostgresSession

# `runs.key` stands for the run in the rows of batches and parts, of which there may be millions;
# `tbl` is the table's place in the run's plan.
_TABLES = """
CREATE TABLE IF NOT EXISTS {0}.layout (version integer NOT NULL);
CREATE TABLE IF NOT EXISTS {0}.experiments (
    owner text PRIMARY KEY,
    uid text NOT NULL,
    claimed_at timestamptz NOT NULL DEFAULT now()
);
CREATE TABLE IF NOT EXISTS {0}.runs (
    key integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    id text NOT NULL UNIQUE,
    owner text NOT NULL,
    uid text NOT NULL,
    number integer NOT NULL,
    state text NOT NULL,
    plan jsonb NOT NULL,
    started_at timestamptz NOT NULL,
    finished_at timestamptz,
    message text NOT NULL,
    summary jsonb NOT NULL,
    UNIQUE (owner, uid, number)
);
CREATE TABLE IF NOT EXISTS {0}.batches (
    run integer NOT NULL,
    tbl smallint NOT NULL,
    batch integer NOT NULL,
    PRIMARY KEY (run, tbl, batch)
);
CREATE TABLE IF NOT EXISTS {0}.lineage (
    run integer NOT NULL,
    tbl smallint NOT NULL,
    part integer NOT NULL,
    first_batch integer NOT NULL,
    stop_batch integer NOT NULL,
    PRIMARY KEY (run, tbl, part, first_batch)
);
CREATE TABLE IF NOT EXISTS {0}.parts (
    run integer NOT NULL,
    tbl smallint NOT NULL,
    part integer NOT NULL,
    object_key text NOT NULL,
    upload_id text NOT NULL,
    etags text[] NOT NULL,
    rows bigint NOT NULL,
    bytes bigint NOT NULL,
    sha256 text NOT NULL,
    PRIMARY KEY (run, tbl, part)
);
CREATE TABLE IF NOT EXISTS {0}.pools (
    digest text PRIMARY KEY,
    content bytea NOT NULL
);
CREATE TABLE IF NOT EXISTS {0}.tables (
    schema_name text NOT NULL,
    table_name text NOT NULL,
    owner text NOT NULL,
    table_oid oid,
    run text,
    PRIMARY KEY (schema_name, table_name)
);
COMMENT ON TABLE {0}.tables IS 'who loads which table; the OID once it is published';
INSERT INTO {0}.layout SELECT 1 WHERE NOT EXISTS (SELECT FROM {0}.layout);
"""
_FIELD = "postgres.ledgerSchema"


def ensure_tables(
    session: PostgresSession, schema: str, steps: Sequence[Step] = STEPS
) -> Iterable[str]:
    """Make the ledger's schema and tables if they are missing, and do the steps that they lack.

    Returns:
        Sentences for the user: a step that this role may not do is left to the owner.

    Raises:
        DestinationRefused: the role may not, with the GRANTs to run; or a newer Rowmill made them.
    """
    try:
        layout = session.transaction(lambda cursor: _layout(cursor, schema))
        if layout is None:
            layout = session.transaction(lambda cursor: _make(cursor, schema))
    except DestinationRefused as refusal:
        if refusal.reason != "PermissionDenied":
            raise
        grants = session.transaction(lambda cursor: missing_grants(cursor, schema, _LEDGER_TABLES))
        raise _missing_rights(session, schema, grants) from refusal
    refuse_newer(layout, steps, _place(session, schema), _FIELD)
    tables = [*_LEDGER_TABLES, *made_by(step for step in steps if layout.has(step.number))]
    grants = session.transaction(lambda cursor: missing_grants(cursor, schema, tables))
    if grants:
        raise _missing_rights(session, schema, grants)
    return migrate(session, schema, lacking(layout, steps))


def tables_found(session: PostgresSession, schema: str, steps: Sequence[Step] = STEPS) -> bool:
    """Whether the ledger's tables are there, for this client to use; makes nothing.

    Raises:
        DestinationRefused: a newer Rowmill made them, or the role may not read them.
    """
    layout = session.transaction(lambda cursor: _layout(cursor, schema))
    refuse_newer(layout or Layout(), steps, _place(session, schema), _FIELD)
    return layout is not None


def _place(session: PostgresSession, schema: str) -> str:
    return f"in schema {schema!r} of {session.address.describe()}"


def _layout(cursor: Cursor, schema: str) -> Layout | None:
    """The layout; None when the table that tells it, or one of the others, is missing."""
    names = cursor.execute(
        "SELECT count(*) FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace "
        "WHERE nspname = %s AND relkind = 'r' AND relname = ANY(%s)",
        (schema, ["layout", *_LEDGER_TABLES]),
    ).fetchone()
    if names != (len(_LEDGER_TABLES) + 1,):
        return None
    return stored_layout(cursor, schema)


_LEDGER_TABLES = ("experiments", "runs", "batches", "lineage", "parts", "pools", "tables")


def _make(cursor: Cursor, schema: str) -> Layout:
    # CREATE ... IF NOT EXISTS of two sessions at once can still collide.
    cursor.execute("SELECT pg_advisory_xact_lock(%s)", (lock_key("ledger", schema),))
    exists = cursor.execute("SELECT FROM pg_namespace WHERE nspname = %s", (schema,)).fetchone()
    if exists is None:
        cursor.execute(sql.SQL("CREATE SCHEMA {}").format(sql.Identifier(schema)))
    try:
        cursor.execute(sql.SQL(_TABLES).format(sql.Identifier(schema)))
    except errors.UndefinedColumn:
        raise foreign(schema) from None
    return stored_layout(cursor, schema) or Layout()


def _missing_rights(session: PostgresSession, schema: str, grants: list[str]) -> DestinationRefused:
    return DestinationRefused(
        "PermissionDenied",
        f"the role lacks rights for the ledger in schema {schema!r} of "
        f"{session.address.describe()}: run as an administrator\n" + "\n".join(grants),
    )
