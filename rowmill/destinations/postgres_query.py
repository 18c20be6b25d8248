"""A read-only query for a person: its columns and rows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import psycopg
from psycopg import sql
from psycopg.pq import ExecStatus
from psycopg.types.string import TextLoader

from rowmill.destinations.errors import QueryRefused
from rowmill.destinations.postgres_connection import Connection, PostgresAddress, PostgresSession

# Shown as Postgres prints them: exact, and the same in every output.
_AS_TEXT = [
    "numeric",
    "date",
    "time",
    "timetz",
    "timestamp",
    "timestamptz",
    "interval",
    "uuid",
    "bytea",
    "inet",
    "cidr",
    "json",
    "jsonb",
]


def read_rows(
    address: PostgresAddress, query: str, *, schema: str
) -> tuple[list[str], Sequence[Sequence[Any]]]:
    """Run one statement in a read-only transaction with `schema` first on the search path.

    A superuser runs it with no other right than to read all tables.

    Raises:
        QueryRefused: it is wrong, is not one statement, would write, or is none that returns rows.
        DestinationRefused, DestinationUnavailable: Postgres cannot be reached.
    """
    with PostgresSession(address) as session:
        connection = session.persist(session.connection)
        try:
            return _read(connection, query, schema)
        except psycopg.Error as error:
            if connection.broken:
                raise address.error(error) from None
            text = str(error).strip()
            if "multiple commands" in text:
                text = "give one SQL statement at a time"
            raise QueryRefused(text) from None


def _read(connection: Connection, query: str, schema: str) -> tuple[list[str], list[Any]]:
    for name in _AS_TEXT:
        connection.adapters.register_loader(name, TextLoader)
    connection.execute("BEGIN READ ONLY")
    # A superuser's functions and COPY reach the server's files, in such a transaction too.
    if connection.info.parameter_status("is_superuser") == "on" and _has_reader(connection):
        connection.execute("SET LOCAL ROLE pg_read_all_data")
    path = sql.SQL("SET LOCAL search_path TO {}, public").format(sql.Identifier(schema))
    connection.execute(path)
    # Prepared, it is one statement: no `COMMIT; DROP ...` leaves the transaction. The first
    # query before it bars a SET TRANSACTION READ WRITE.
    connection.execute("SELECT")
    _check_returns_rows(connection, query)
    connection.prepare_threshold = 0
    cursor = connection.execute(query.encode(), prepare=True)
    return [column.name for column in cursor.description or ()], cursor.fetchall()


def _has_reader(connection: Connection) -> bool:
    """Whether the predefined role is there: from Postgres 14 on."""
    return connection.info.server_version >= 140_000


def _check_returns_rows(connection: Connection, query: str) -> None:
    """Refuse what returns none before it runs: DO and COPY could take their rights back."""
    server = connection.pgconn
    prepared = server.prepare(b"", query.encode())
    if prepared.status != ExecStatus.COMMAND_OK:
        raise psycopg.errors.error_from_result(prepared)
    if server.describe_prepared(b"").nfields == 0:
        raise QueryRefused(
            "this returns no rows: a query only reads, by SELECT, VALUES, TABLE, SHOW or EXPLAIN"
        )
