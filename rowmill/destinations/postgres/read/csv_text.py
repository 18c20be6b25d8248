"""A query's result as CSV, as the server's COPY writes it: what COPY reads again."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import suppress

import psycopg
from psycopg.generators import execute
from psycopg.pq import ExecStatus
from psycopg.pq.abc import PGconn
from psycopg.waiting import Wait

from rowmill.destinations.errors import QueryRefused
from rowmill.destinations.postgres.connection import Connection
from rowmill.destinations.postgres.read.reader import Asked, Reading, reading
from rowmill.destinations.postgres.read.statement import describe, is_of_long_row, refusing

_PIECE_BYTES = 2**16
# The driver holds a row in a buffer of up to twice its length, and once more by itself.
_ROW_BYTES = 16 * 2**20


def copying(asked: Asked, query: str, seconds: float | None = None) -> Generator[bytes, None, None]:
    """Pieces of CSV with a header, of a statement run as `reader.reading` has it.

    Raises:
        QueryRefused: it is wrong, or none that COPY takes, or its `seconds` are over; also in its
            midst.
        DestinationRefused, DestinationUnavailable: Postgres cannot be reached, or the login is
            UnsafeLogin.
        Cancelled: by its cancellation.
    """
    with refusing(), reading(asked, seconds) as opened:
        rows = describe(opened.connection, query).bounded(_ROW_BYTES)
        if rows is None:
            raise QueryRefused("CSV is of a SELECT, VALUES, TABLE or WITH")
        yield from _copied(opened, f"COPY ({rows}) TO STDOUT (FORMAT csv, HEADER)")


def _copied(opened: Reading, copy: str) -> Generator[bytes, None, None]:
    connection = opened.connection
    server = connection.pgconn
    try:
        # With parameters, if none, it cannot be two statements.
        server.send_query_params(copy.encode(), None)
        [begun, *_] = connection.wait(execute(server))
        if begun.status != ExecStatus.COPY_OUT:
            raise psycopg.errors.error_from_result(begun)
        piece = bytearray()
        while line := _line(connection, server):
            piece += line
            if len(piece) >= _PIECE_BYTES:
                opened.watch.check()
                yield bytes(piece)
                piece.clear()
        for ended in connection.wait(execute(server)):
            if ended.status != ExecStatus.COMMAND_OK:
                raise psycopg.errors.error_from_result(ended)
        if piece:
            yield bytes(piece)
    except GeneratorExit:
        opened.watch.cancel()
        with suppress(psycopg.Error):
            # What came meanwhile, up to the end.
            while _line(connection, server):
                pass
            connection.wait(execute(server))
        raise
    except psycopg.Error as error:
        if is_of_long_row(error):
            raise QueryRefused(
                f"a row has more than {_ROW_BYTES // 2**20} MiB: choose fewer columns of it, or "
                "take all by `rowmill query -o csv`"
            ) from None
        raise


def _line(connection: Connection, server: PGconn) -> memoryview | None:
    """The next line; None after the last. Its row came by one message: libpq has no larger unit."""
    length, line = server.get_copy_data(1)
    if length == 0:
        length, line = connection.wait(_arriving(server))
    return line if length > 0 else None


def _arriving(server: PGconn) -> Generator[Wait, object, tuple[int, memoryview]]:
    while True:
        # psycopg asks at times whether somebody interrupts: nothing need have come then.
        if (yield Wait.R):
            server.consume_input()
        length, line = server.get_copy_data(1)
        if length:
            return length, line
