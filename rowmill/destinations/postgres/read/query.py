"""A read-only query for a person: its columns, and its rows as they come from the server."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing, contextmanager

import psycopg
from psycopg import capabilities, generators
from psycopg.pq import ExecStatus
from psycopg.pq.abc import PGresult
from psycopg.types.string import TextLoader

from rowmill.destinations.credentials import ReadingLogin
from rowmill.destinations.errors import QueryRefused
from rowmill.destinations.patience import Patience
from rowmill.destinations.postgres.connection import Connection
from rowmill.destinations.postgres.read.reader import reading
from rowmill.engine.printed_columns import PrintedColumn, QueryResult, Scalar

# Rows that libpq hands over at a time: few, as one row may have a gigabyte.
_CHUNK_ROWS = 100
# Whatever the login's own settings: one form of every value, and one that reads back exactly.
_PRINTING = {
    "timezone": "UTC",
    "datestyle": "ISO",
    "intervalstyle": "postgres",
    "bytea_output": "hex",
    "extra_float_digits": "1",
}
# bool; int8, int2, int4, oid, float4 and float8; money and numeric; json and jsonb.
_SCALARS = {
    16: Scalar.BOOLEAN,
    **dict.fromkeys((20, 21, 23, 26, 700, 701), Scalar.NUMBER),
    **dict.fromkeys((790, 1700), Scalar.DECIMAL),
    **dict.fromkeys((114, 3802), Scalar.JSON),
}
# The elements of those types that are arrays, as int2vector is not: printed in braces.
_ARRAYS = """
SELECT a.oid, CASE e.typtype WHEN 'd' THEN e.typbasetype ELSE e.oid END, e.typdelim::text
FROM pg_catalog.pg_type a JOIN pg_catalog.pg_type e ON e.oid = a.typelem AND e.typarray = a.oid
WHERE a.oid = ANY(%s::oid[])
"""
_MISSING = (psycopg.errors.UndefinedTable, psycopg.errors.InvalidSchemaName)


@contextmanager
def querying(
    login: ReadingLogin,
    query: str,
    *,
    schema: str,
    patience: Patience,
    notice: Callable[[str], None],
) -> Iterator[QueryResult]:
    """Run one statement as `reader.reading` has it, for as long as this is entered.

    Rows come while they are read, so that few are held at a time. A statement that is left before
    its last row, or interrupted, ends at the server too. Times are in UTC.

    Raises:
        QueryRefused: it is wrong, is not one statement, would write, or is none that returns rows;
            also while its rows are read.
        DestinationRefused, DestinationUnavailable: Postgres cannot be reached, or the login is
            UnsafeLogin.
    """
    try:
        with reading(login, schema=schema, patience=patience, notice=notice) as connection:
            for name, value in _PRINTING.items():
                connection.execute(f"SET LOCAL {name} = '{value}'".encode())
            described = _describe(connection, query)
            columns = _columns(connection, described)
            with closing(_rows(connection, query, described)) as rows:
                yield QueryResult(columns, rows)
    except psycopg.Error as error:
        raise _refusal(error) from None


def _refusal(error: psycopg.Error) -> QueryRefused:
    text = str(error).strip()
    if "multiple commands" in text:
        text = "give one SQL statement at a time"
    return QueryRefused(text, missing=isinstance(error, _MISSING))


def _rows(
    connection: Connection, query: str, described: PGresult
) -> Generator[Sequence[str | None], None, None]:
    """The rows, sent as the one statement that was described: as such it cannot be two."""
    with connection.cursor() as cursor:
        for i in range(described.nfields):
            cursor.adapters.register_loader(described.ftype(i), TextLoader)
        size = _CHUNK_ROWS if capabilities.has_stream_chunked() else 1
        yield from cursor.stream(query.encode(), size=size)


def _describe(connection: Connection, query: str) -> PGresult:
    """What it returns; refuse what returns nothing before it runs: DO and COPY are no reading.

    Prepared, it is one statement: no `COMMIT; DROP ...` leaves the transaction.
    """
    server = connection.pgconn
    server.send_prepare(b"", query.encode())
    prepared = _result(connection)
    if prepared.status != ExecStatus.COMMAND_OK:
        raise psycopg.errors.error_from_result(prepared)
    server.send_describe_prepared(b"")
    described = _result(connection)
    if described.nfields == 0:
        raise QueryRefused(
            "this returns no rows: a query only reads, by SELECT, VALUES, TABLE, SHOW or EXPLAIN"
        )
    return described


def _result(connection: Connection) -> PGresult:
    """Wait as psycopg does, which an interrupt ends: the analysis may wait for a table's lock."""
    results: list[PGresult] = connection.wait(generators.execute(connection.pgconn))
    return results[-1]


def _columns(connection: Connection, described: PGresult) -> list[PrintedColumn]:
    types = [described.ftype(i) for i in range(described.nfields)]
    arrays = {
        array: (element, delimiter)
        for array, element, delimiter in connection.execute(_ARRAYS, (types,)).fetchall()
    }
    columns = []
    for i, oid in enumerate(types):
        element, delimiter = arrays.get(oid, (oid, None))
        name = (described.fname(i) or b"").decode()
        columns.append(PrintedColumn(name, _SCALARS.get(element, Scalar.TEXT), delimiter))
    return columns
