"""A person's statement: that it is one, what it returns, and the same without huge rows."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import psycopg
from psycopg import generators, sql
from psycopg.pq import ExecStatus
from psycopg.pq.abc import PGresult

from rowmill.destinations.errors import QueryRefused
from rowmill.destinations.postgres.connection import Connection
from rowmill.destinations.postgres.read.statement_text import selected
from rowmill.engine.printed_columns import PrintedColumn, Scalar
from rowmill.engine.saved_queries import unstorable

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
# The name of each type, whether its values are of any length, whether these are bytea, text or
# varchar, and the elements of those that are arrays, as int2vector is not: printed in braces.
_TYPES = """
SELECT pg_catalog.format_type(asked.oid, asked.mod), t.typlen = -1, t.oid IN (17, 25, 1043),
  CASE e.typtype WHEN 'd' THEN e.typbasetype ELSE e.oid END, e.typdelim::text
FROM unnest(%s::oid[], %s::int[]) WITH ORDINALITY AS asked (oid, mod, n)
JOIN pg_catalog.pg_type t ON t.oid = asked.oid
LEFT JOIN pg_catalog.pg_type e ON e.oid = t.typelem AND e.typarray = t.oid
ORDER BY asked.n
"""
_MISSING = (psycopg.errors.UndefinedTable, psycopg.errors.InvalidSchemaName)
# No integer: the server fails at a row for which it is to be one.
_TOO_LONG = "rowmill: this row is too long"


@dataclass(frozen=True)
class Statement:
    """One statement that returns rows: its text, its columns and the OIDs of their types.

    `lengths` are expressions for the bytes of those columns whose values may be long, in which a
    column stands as `c1`, `c2` and so on.
    """

    text: str
    columns: list[PrintedColumn]
    types: list[int]
    lengths: list[str]

    def bounded(self, row_bytes: int) -> str | None:
        """The same rows, none of which has much more than so many bytes: the server fails there.

        It could hold a gigabyte in one cell, and the driver takes rows as wholes. None of a
        statement of which no table can be made, such as SHOW or EXPLAIN.
        """
        text = selected(self.text)
        if text is None:
            return None
        names = [f"c{number}" for number in range(1, len(self.columns) + 1)]
        as_they_were = sql.SQL(", ").join(
            sql.SQL("{} AS {}").format(sql.Identifier(name), sql.Identifier(column.name))
            for name, column in zip(names, self.columns, strict=True)
        )
        # The statement ends its line, and so a comment at its end. With OFFSET it is planned by
        # itself: no expression of it is worked out once more for its length.
        rows = f"(SELECT * FROM (\n{text}\n) AS q OFFSET 0) AS q ({', '.join(names)})"
        return f"SELECT {as_they_were.as_string()} FROM {rows}{self._where(row_bytes)}"

    def _where(self, row_bytes: int) -> str:
        if not self.lengths:
            return ""
        total = " + ".join(self.lengths)
        too_long = f"CASE WHEN {total} > {row_bytes} THEN '{_TOO_LONG}' END"
        return f" WHERE ({too_long})::integer IS NULL"


def describe(connection: Connection, text: str) -> Statement:
    """What a statement returns; refuse what returns nothing before it runs: DO and COPY do not.

    Prepared, it is one statement: no `COMMIT; DROP ...` leaves the transaction.

    Raises:
        QueryRefused: it is wrong, is not one statement, or returns no rows.
        psycopg.Error: the server refuses it.
    """
    if unstorable(text):
        raise QueryRefused("the query holds a NUL, or half a surrogate pair")
    for name, value in _PRINTING.items():
        connection.execute(f"SET LOCAL {name} = '{value}'".encode())
    server = connection.pgconn
    server.send_prepare(b"", text.encode())
    prepared = _result(connection)
    if prepared.status != ExecStatus.COMMAND_OK:
        raise psycopg.errors.error_from_result(prepared)
    server.send_describe_prepared(b"")
    described = _result(connection)
    if described.nfields == 0:
        raise QueryRefused(
            "this returns no rows: a query only reads, by SELECT, VALUES, TABLE, SHOW or EXPLAIN"
        )
    return _statement(connection, text, described)


def is_of_long_row(error: psycopg.Error) -> bool:
    """Whether a `bounded` statement failed at a row that is longer than it lets it be."""
    return isinstance(error, psycopg.errors.InvalidTextRepresentation) and _TOO_LONG in str(error)


@contextmanager
def refusing() -> Iterator[None]:
    """Raise QueryRefused for what the server says of a statement."""
    try:
        yield
    except psycopg.Error as error:
        message = str(error).strip()
        if "multiple commands" in message:
            message = "give one SQL statement at a time"
        if isinstance(error, psycopg.errors.ConfigurationLimitExceeded):
            message = f"{message}: sort or join fewer rows, or filter them first"
        if "data-modifying" in message:
            message = "a query only reads: no INSERT, UPDATE, DELETE or MERGE in its WITH"
        raise QueryRefused(message, missing=isinstance(error, _MISSING)) from None
    except UnicodeDecodeError:
        raise QueryRefused(
            "a value is no UTF-8, as in a database of the encoding SQL_ASCII"
        ) from None


def _result(connection: Connection) -> PGresult:
    """Wait as psycopg does, which an interrupt ends: the analysis may wait for a table's lock."""
    results: list[PGresult] = connection.wait(generators.execute(connection.pgconn))
    return results[-1]


def _statement(connection: Connection, text: str, described: PGresult) -> Statement:
    fields = range(described.nfields)
    types = [described.ftype(i) for i in fields]
    modifiers = [described.fmod(i) for i in fields]
    known = connection.execute(_TYPES, (types, modifiers)).fetchall()
    columns, lengths = [], []
    for i, (name, any_length, texts, element, delimiter) in enumerate(known):
        scalar = _SCALARS.get(element or types[i], Scalar.TEXT)
        column = (described.fname(i) or b"").decode()
        columns.append(PrintedColumn(column, scalar, delimiter, name))
        if any_length:
            measure = "octet_length" if texts else "pg_column_size"
            lengths.append(f"coalesce(pg_catalog.{measure}(c{i + 1}), 0)::bigint")
    return Statement(text, columns, types, lengths)
