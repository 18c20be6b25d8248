"""A person's reading of Postgres: a login that is checked there, a transaction that is undone.

The fence is the login. SET ROLE is none, since a query can take it back by set_config, and a
read-only transaction is none for the server's files.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import psycopg
from psycopg import pq, sql

from rowmill.destinations.credentials import ReadingLogin
from rowmill.destinations.patience import Patience
from rowmill.destinations.postgres.connection import Connection, PostgresAddress
from rowmill.destinations.postgres.read.safe_login import refuse_unsafe_login
from rowmill.destinations.postgres.session import PostgresSession
from rowmill.destinations.postgres.session_settings import FORMS, LIMITS, set_local

_LOOK_FOR_CLIENT = "2s"
# The login's own limits of time end the session, as they would at the next try.
_CUT_BY_LIMITS = ("25P03", "25P04")


@contextmanager
def reading(
    login: ReadingLogin,
    *,
    schema: str,
    patience: Patience,
    notice: Callable[[str], None],
) -> Iterator[Connection]:
    """A connection of its own in a read-only transaction, `schema` first on the search path.

    It is rolled back, since before Postgres 16 lo_create writes in such a transaction too, and the
    connection is closed.

    Args:
        login: who reads.
        schema: the experiment's.
        patience: how long to try to connect.
        notice: told, in one line, if the login is not one for reading alone.

    Raises:
        DestinationRefused, DestinationUnavailable: Postgres cannot be reached, or the login is
            UnsafeLogin.
    """
    address = PostgresAddress(lambda: login.values, patience=patience, login_keys=login.keys)
    with PostgresSession(address) as session:
        connection = session.persist(session.connection)
        try:
            try:
                _begin(connection, login, address, schema)
            except psycopg.Error as error:
                raise address.lost(error) from None
            if not login.named:
                notice(_own_rights(address))
            yield connection
        except psycopg.Error as error:
            if connection.broken and error.sqlstate not in _CUT_BY_LIMITS:
                raise address.lost(error) from None
            raise
        finally:
            _roll_back(connection)


def _begin(
    connection: Connection, login: ReadingLogin, address: PostgresAddress, schema: str
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
    path = sql.SQL("SET LOCAL search_path TO {}, public").format(sql.Identifier(schema))
    connection.execute(path)


def _roll_back(connection: Connection) -> None:
    # Amid a statement, or cut: the server rolls back when the connection is gone.
    if connection.info.transaction_status in (
        pq.TransactionStatus.INTRANS,
        pq.TransactionStatus.INERROR,
    ):
        with suppress(psycopg.Error):
            connection.execute("ROLLBACK")


def _own_rights(address: PostgresAddress) -> str:
    return (
        f"the query runs with all rights of {address.describe()}, in a read-only transaction; "
        "PGREADUSER and PGREADPASSWORD in the secret name a login for queries alone"
    )
