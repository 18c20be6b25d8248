"""A read-only query for a person: its columns and rows."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import psycopg
from psycopg import generators
from psycopg.pq import ExecStatus
from psycopg.pq.abc import PGresult
from psycopg.types.string import TextLoader

from rowmill.destinations.credentials import ReadingLogin
from rowmill.destinations.errors import QueryRefused
from rowmill.destinations.postgres_connection import Connection, Patience
from rowmill.destinations.postgres_reader import reading

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
    login: ReadingLogin,
    query: str,
    *,
    schema: str,
    patience: Patience,
    notice: Callable[[str], None],
) -> tuple[list[str], Sequence[Sequence[Any]]]:
    """Run one statement as `postgres_reader.reading` has it; an interrupt cancels it there too.

    Raises:
        QueryRefused: it is wrong, is not one statement, would write, or is none that returns rows.
        DestinationRefused, DestinationUnavailable: Postgres cannot be reached, or the login is
            UnsafeLogin.
    """
    try:
        with reading(login, schema=schema, patience=patience, notice=notice) as connection:
            return _read(connection, query)
    except psycopg.Error as error:
        text = str(error).strip()
        if "multiple commands" in text:
            text = "give one SQL statement at a time"
        raise QueryRefused(text) from None


def _read(connection: Connection, query: str) -> tuple[list[str], list[Any]]:
    for name in _AS_TEXT:
        connection.adapters.register_loader(name, TextLoader)
    # Prepared, it is one statement: no `COMMIT; DROP ...` leaves the transaction.
    _check_returns_rows(connection, query)
    connection.prepare_threshold = 0
    cursor = connection.execute(query.encode(), prepare=True)
    return [column.name for column in cursor.description or ()], cursor.fetchall()


def _check_returns_rows(connection: Connection, query: str) -> None:
    """Refuse what returns none before it runs: DO and COPY are no reading."""
    server = connection.pgconn
    server.send_prepare(b"", query.encode())
    prepared = _result(connection)
    if prepared.status != ExecStatus.COMMAND_OK:
        raise psycopg.errors.error_from_result(prepared)
    server.send_describe_prepared(b"")
    if _result(connection).nfields == 0:
        raise QueryRefused(
            "this returns no rows: a query only reads, by SELECT, VALUES, TABLE, SHOW or EXPLAIN"
        )


def _result(connection: Connection) -> PGresult:
    """Wait as psycopg does, which an interrupt ends: the analysis may wait for a table's lock."""
    results: list[PGresult] = connection.wait(generators.execute(connection.pgconn))
    return results[-1]
