"""A person's reading of Postgres: a login that is checked there, a transaction that is undone.

The fence is the login. SET ROLE is none, since a query can take it back by set_config, and a
read-only transaction is none for the server's files.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

import psycopg
from psycopg import pq, sql

from rowmill.destinations.credentials import ReadingLogin
from rowmill.destinations.patience import Patience
from rowmill.destinations.postgres.connection import Connection, PostgresAddress
from rowmill.destinations.postgres.read.safe_login import refuse_unsafe_login
from rowmill.destinations.postgres.read.watch import CANCEL_SECONDS, Watch, watching
from rowmill.destinations.postgres.session import PostgresSession
from rowmill.destinations.postgres.session_settings import FORMS, LIMITS, set_local
from rowmill.engine.cancellation import Cancellation

_LOOK_FOR_CLIENT = "2s"
# The login's own limits of time end the session, as they would at the next try.
_CUT_BY_LIMITS = ("25P03", "25P04")
# What the server goes by if nobody is left here to end the query: not before the watch.
_GRACE_SECONDS = 5.0
_TIMEOUT = (
    "SELECT set_config(name, %(milliseconds)s::text, true) FROM pg_settings "
    "WHERE name = 'statement_timeout' AND setting::bigint NOT BETWEEN 1 AND %(milliseconds)s"
)


@dataclass(frozen=True)
class Asked:
    """Who asks Postgres, of which experiment, and how.

    Args:
        login: who reads.
        schema: the experiment's.
        patience: how long to try to connect.
        notice: told, in one line, if the login is not one for reading alone.
        cancellation: ends the query from another thread.
    """

    login: ReadingLogin
    schema: str
    patience: Patience
    notice: Callable[[str], None]
    cancellation: Cancellation = field(default_factory=Cancellation)


@dataclass(frozen=True)
class Reading:
    """A connection amid its read-only transaction, and what watches over it."""

    connection: Connection
    watch: Watch


@contextmanager
def reading(asked: Asked, seconds: float | None = None) -> Iterator[Reading]:
    """A connection of its own in a read-only transaction, the schema first on its search path.

    It is rolled back, since before Postgres 16 lo_create writes in such a transaction too, and the
    connection is closed. A statement that is left before its end, is cancelled or has no time left
    ends at the server too, as it does after `seconds`.

    Raises:
        DestinationRefused, DestinationUnavailable: Postgres cannot be reached, or the login is
            UnsafeLogin.
        QueryRefused: its `seconds` are over.
        Cancelled: by its cancellation.
    """
    asked.cancellation.check()
    login = asked.login
    address = PostgresAddress(lambda: login.values, patience=asked.patience, login_keys=login.keys)
    with PostgresSession(address) as session:
        connection = session.persist(session.connection)
        try:
            try:
                _begin(connection, login, address, asked.schema, seconds)
            except psycopg.Error as error:
                raise address.lost(error) from None
            if not login.named:
                asked.notice(_own_rights(address))
            with watching(connection, address, seconds, asked.cancellation) as watch:
                try:
                    yield Reading(connection, watch)
                except psycopg.Error:
                    watch.check()
                    raise
                finally:
                    _end(connection)
        except psycopg.Error as error:
            if connection.broken and error.sqlstate not in _CUT_BY_LIMITS:
                raise address.lost(error) from None
            raise


def _begin(
    connection: Connection,
    login: ReadingLogin,
    address: PostgresAddress,
    schema: str,
    seconds: float | None,
) -> None:
    # A role may have a search_path on which other functions go before Postgres's own.
    others: dict[str, str | int] = {"search_path": "pg_catalog"}
    neutral = FORMS
    if not login.named:
        # The limits of a login for queries are for queries; the loader's are heeded nowhere.
        neutral = {**FORMS, **LIMITS}
        others |= {"idle_in_transaction_session_timeout": 0, "lock_timeout": 0}
    settings = set_local(neutral, connection.info.server_version, others)
    begin = sql.SQL("BEGIN ISOLATION LEVEL READ COMMITTED READ ONLY, NOT DEFERRABLE")
    connection.execute(sql.SQL("; ").join([begin, *settings]))
    # Being the first query, it also bars a later SET TRANSACTION READ WRITE.
    refuse_unsafe_login(connection, login, address.describe(), schema)
    # A client that was killed takes its query with it: from Postgres 14 on, where its system can.
    unknown = (psycopg.errors.InvalidParameterValue, psycopg.errors.UndefinedObject)
    with suppress(*unknown), connection.transaction():
        connection.execute(f"SET LOCAL client_connection_check_interval = '{_LOOK_FOR_CLIENT}'")
    if seconds is not None:
        # A shorter one is the login's own limit.
        milliseconds = int((seconds + _GRACE_SECONDS) * 1000)
        connection.execute(_TIMEOUT, {"milliseconds": milliseconds})
    path = sql.SQL("SET LOCAL search_path TO {}, public").format(sql.Identifier(schema))
    connection.execute(path)


def _end(connection: Connection) -> None:
    """Leave the transaction. Amid a statement, or cut, the connection is closed and undoes it."""
    status = connection.info.transaction_status
    with suppress(psycopg.Error):
        if status is pq.TransactionStatus.ACTIVE:
            connection.cancel_safe(timeout=CANCEL_SECONDS)
        elif status is not pq.TransactionStatus.UNKNOWN:
            connection.execute("ROLLBACK")


def _own_rights(address: PostgresAddress) -> str:
    return (
        f"the query runs with all rights of {address.describe()}, in a read-only transaction; "
        "PGREADUSER and PGREADPASSWORD in the secret name a login for queries alone"
    )
