"""Take a ledger in Postgres from one layout to a newer one, beside runs that are on their way.

Each step is a transaction, under the lock under which the tables are made: of two that migrate at
once one does a step, and a crash leaves whole steps. A step takes its tables from all others for an
instant. Batches hold them while they copy, so it waits for them only as long as others may be made
to wait behind it, then gives way and tries again; a ledger that stays busy is left as it is, for
the next run.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from psycopg import errors, sql

from rowmill.destinations.errors import DestinationRefused
from rowmill.destinations.ledger_layout import Layout, Step, made_by
from rowmill.destinations.postgres.connection import Cursor
from rowmill.destinations.postgres.ledger.advisory_locks import lock_key
from rowmill.destinations.postgres.ledger.rights import copied_grants, missing_grants
from rowmill.destinations.postgres.session import PostgresSession

_TRIES = 5
_LOCK_SECONDS = 0.5
_PAUSE_SECONDS = 1.0

# `version` is the oldest client that may write. Neither goes down: the statements that an owner
# keeps may be run once more, when later steps are done.
_COUNT = (
    "ALTER TABLE {0}.layout ADD COLUMN IF NOT EXISTS step integer; "
    "UPDATE {0}.layout SET step = greatest(step, {1}), version = greatest(version, {2});"
)


class _Busy(Exception):
    """Others hold what the step needs."""


class _NotAllowed(Exception):
    """The role may use the tables, and not do the step: change them, or make others."""


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
        A sentence for the user if the role may not do one: with the GRANT that it lacks if it owns
        the tables, or else the SQL for their owner.
    """
    for done, step in enumerate(steps):
        try:
            if not _did(session, schema, step):
                break
        except _NotAllowed:
            return [_left_undone(session, schema, steps[done:])]
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
        raise _NotAllowed from None


def _script(schema: str, step: Step) -> sql.Composed:
    name = sql.Identifier(schema)
    numbers = sql.Literal(step.number), sql.Literal(step.oldest_writer)
    return sql.SQL("\n").join(
        [
            sql.SQL(step.statements).format(name),
            *(copied_grants(schema, table) for table in step.tables),
            sql.SQL(_COUNT).format(name, *numbers),
        ]
    )


@dataclass(frozen=True)
class _Owner:
    """The role that owns the tables, and the GRANTs that it lacks to do the steps.

    `itself`: it is the session's role, or one whose rights that has.
    """

    name: str
    itself: bool
    lacks: list[str]


def _owner(cursor: Cursor, schema: str, steps: Sequence[Step]) -> _Owner:
    row = cursor.execute(
        "SELECT pg_get_userbyid(relowner)::text, pg_has_role(relowner, 'USAGE'), "
        "current_user::text FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace "
        "WHERE nspname = %s AND relname = 'layout'",
        (schema,),
    ).fetchone()
    if row is None:
        raise AssertionError("the table `layout` went while the ledger was migrated")
    name, itself, user = row
    lacks = missing_grants(cursor, schema, made_by(steps), user if itself else name)
    return _Owner(name, itself, lacks)


def _left_undone(session: PostgresSession, schema: str, steps: Sequence[Step]) -> str:
    """The sentence that says who may do the steps, and how."""
    owner = session.transaction(lambda cursor: _owner(cursor, schema, steps))
    old = f"the ledger in schema {schema!r} of {session.address.describe()} is of an older layout, "
    goes_on = "The run goes on with it as it is; what this Rowmill would keep besides is not kept"
    grants = "\n".join(owner.lacks)
    if owner.itself and grants:
        return (
            f"{old}and the role may change its tables but not make others. {goes_on} until an "
            f"administrator runs what follows, and then the next run does the rest:\n{grants}"
        )
    first = f"an administrator runs\n{grants}\nand then " if grants else ""
    script = "\n".join(_script(schema, step).as_string() for step in steps)
    return (
        f"{old}which only the role {owner.name} may change. {goes_on} until {first}that role "
        f"runs:\nBEGIN;\n{script}\nCOMMIT;"
    )
