"""A read-only query for a person: its columns, and its rows as they come from the server."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from contextlib import closing, contextmanager

import psycopg
from psycopg import capabilities
from psycopg.types.string import TextLoader

from rowmill.destinations.postgres.connection import Connection
from rowmill.destinations.postgres.read.reader import Asked, Reading, reading
from rowmill.destinations.postgres.read.statement import (
    Statement,
    describe,
    is_of_long_row,
    refusing,
)
from rowmill.destinations.postgres.read.watch import Ended, Watch
from rowmill.engine.printed_columns import QueryResult
from rowmill.engine.query_bounds import UNBOUNDED, Bound, QueryBounds

# Rows that libpq hands over at a time: few, as one row may have a gigabyte.
_CHUNK_ROWS = 100

Row = Sequence[str | None]


@contextmanager
def querying(asked: Asked, query: str, bounds: QueryBounds = UNBOUNDED) -> Iterator[QueryResult]:
    """Run one statement as `reader.reading` has it, for as long as this is entered.

    Rows come while they are read, so that few are held at a time. A statement that is left before
    its last row, or interrupted, ends at the server too. Times are in UTC.

    Raises:
        QueryRefused: it is wrong, is not one statement, would write, or is none that returns rows;
            also while its rows are read.
        DestinationRefused, DestinationUnavailable: Postgres cannot be reached, or the login is
            UnsafeLogin.
        Cancelled: by its cancellation.
    """
    with refusing(), reading(asked, bounds.seconds) as opened:
        statement = describe(opened.connection, query)
        result = QueryResult(statement.columns, iter(()))
        with closing(_bounded(opened, statement, bounds, result)) as rows:
            result.rows = rows
            yield result


def _bounded(
    opened: Reading, statement: Statement, bounds: QueryBounds, result: QueryResult
) -> Generator[Row, None, None]:
    """The rows up to a bound, which is then the result's."""
    text, chunk = statement.text, _CHUNK_ROWS
    if bounds.bytes is not None:
        # Of rows that may each have all the bytes no more than one is held.
        text, chunk = statement.bounded(bounds.bytes) or text, 1
    taken = size = 0
    try:
        with closing(_rows(opened.connection, text, statement.types, chunk)) as rows:
            try:
                for row in rows:
                    if bounds.bytes is not None:
                        size += sum(len(cell.encode()) for cell in row if cell is not None)
                    result.cut = _bound(opened.watch, bounds, taken, size)
                    if result.cut is not None:
                        break
                    taken += 1
                    yield row
            except GeneratorExit:
                opened.watch.cancel()
                raise
            if result.cut is not None:
                # The driver waits for the statement's end.
                opened.watch.cancel()
    except psycopg.Error as error:
        result.cut = _bound_of(error, opened.watch)
        if result.cut is None:
            raise


def _bound(watch: Watch, bounds: QueryBounds, taken: int, size: int) -> Bound | None:
    """The bound that bars one more row, which brings the bytes to `size`."""
    if watch.ended is Ended.TIME:
        return Bound.SECONDS
    watch.check()
    if bounds.bytes is not None and size > bounds.bytes:
        return Bound.BYTES
    return Bound.ROWS if taken == bounds.rows else None


def _bound_of(error: psycopg.Error, watch: Watch) -> Bound | None:
    if is_of_long_row(error):
        return Bound.BYTES
    return Bound.SECONDS if watch.ended is Ended.TIME else None


def _rows(
    connection: Connection, text: str, types: Sequence[int], chunk: int
) -> Generator[Row, None, None]:
    """The rows, sent as the one statement that was described: as such it cannot be two."""
    with connection.cursor() as cursor:
        for oid in types:
            cursor.adapters.register_loader(oid, TextLoader)
        size = chunk if capabilities.has_stream_chunked() else 1
        yield from cursor.stream(text.encode(), size=size)
