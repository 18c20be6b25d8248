"""Take a ledger in Postgres from one layout to a newer one, beside runs that are on their way.

Each step is a transaction, under the lock under which the tables are made: of two that migrate at
once one does a step, and a crash leaves whole steps. A step takes its tables from all others for an
instant. Batches hold them while they copy, so it waits for them only as long as others may be made
to wait behind it, then gives way and tries again; a ledger that stays busy is left as it is, for
the next run.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from psycopg import errors, sql

from rowmill.destinations.errors import DestinationRefused
from rowmill.destinations.ledger_layout import Layout, Step
from rowmill.destinations.ledger_locks import lock_key
from rowmill.destinations.postgres_connection import Cursor, PostgresSession

_TRIES = 5
_LOCK_SECONDS = 0.5
_PAUSE_SECONDS = 1.0

# `version` is the oldest client that may write. In one statement for an owner to run, too.
_COUNT = (
    "ALTER TABLE {0}.layout ADD COLUMN IF NOT EXISTS step integer; "
    "UPDATE {0}.layout SET step = {1}, version = greatest(version, {2});"
)


class _Busy(Exception):
    """Others hold what the step needs."""


class _NotOwner(Exception):
    """The role may use the tables, and not change them."""


def stored_layout(cursor: Cursor, schema: str) -> Layout | None:
    """The layout of the ledger in `schema`; None if none is stored.

    Raises:
        DestinationRefused: LedgerForeign.
    """
    query = sql.SQL(
        "SELECT max(version), max((to_jsonb(found) ->> 'step')::integer) FROM {}.layout AS found"
    )
    try:
        row = cursor.execute(query.format(sql.Identifier(schema))).fetchone()
    except errors.UndefinedColumn:
        raise foreign(schema) from None
    if row is None or row[0] is None:
        return None
    return Layout(step=row[1] or 1, oldest_writer=row[0])


def foreign(schema: str) -> DestinationRefused:
    """The refusal of a schema in which others have tables of the ledger's names."""
    return DestinationRefused(
        "LedgerForeign",
        f"the schema {schema!r} holds tables of the ledger's names that are not Rowmill's: "
        "set another `postgres.ledgerSchema`",
    )


def migrate(session: PostgresSession, schema: str, steps: Sequence[Step]) -> Iterable[str]:
    """Do `steps`, in their order; ends at one that cannot be done now.

    Returns:
        A sentence for the user if the role may not do one: with the SQL for the tables' owner.
    """
    for done, step in enumerate(steps):
        try:
            if not _did(session, schema, step):
                break
        except _NotOwner:
            owner = session.transaction(lambda cursor: _owner(cursor, schema))
            return [_for_owner(session, schema, owner, steps[done:])]
    return []


def _did(session: PostgresSession, schema: str, step: Step) -> bool:
    for tried in range(1, _TRIES + 1):
        try:
            session.transaction(
                lambda cursor: _do(cursor, schema, step), lock_seconds=_LOCK_SECONDS
            )
        except _Busy:
            if tried < _TRIES:
                session.address.patience.sleep(_PAUSE_SECONDS)
        else:
            return True
    return False


def _do(cursor: Cursor, schema: str, step: Step) -> None:
    try:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", (lock_key("ledger", schema),))
        layout = stored_layout(cursor, schema)
        if layout is None or not layout.has(step.number):
            cursor.execute(_script(schema, step))
    except errors.LockNotAvailable:
        raise _Busy from None
    except errors.InsufficientPrivilege:
        raise _NotOwner from None


def _script(schema: str, step: Step) -> sql.Composed:
    name = sql.Identifier(schema)
    numbers = sql.Literal(step.number), sql.Literal(step.oldest_writer)
    count = sql.SQL(_COUNT).format(name, *numbers)
    return sql.SQL("\n").join([sql.SQL(step.statements).format(name), count])


def _owner(cursor: Cursor, schema: str) -> str:
    row = cursor.execute(
        "SELECT pg_get_userbyid(relowner) FROM pg_class c JOIN pg_namespace n "
        "ON n.oid = relnamespace WHERE nspname = %s AND relname = 'layout'",
        (schema,),
    ).fetchone()
    return "its owner" if row is None else str(row[0])


def _for_owner(session: PostgresSession, schema: str, owner: str, steps: Sequence[Step]) -> str:
    script = "\n".join(_script(schema, step).as_string() for step in steps)
    return (
        f"the ledger in schema {schema!r} of {session.address.describe()} is of an older layout, "
        f"which only the role {owner} may change. The run goes on with it as it is; what this "
        f"Rowmill would keep besides is not kept until that role runs:\nBEGIN;\n{script}\nCOMMIT;"
    )
