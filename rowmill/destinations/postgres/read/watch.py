"""Ends a statement at the server when its time is up or somebody cancels it, whatever it does.

A thread of its own does it: the one that reads may wait in the driver, or for a slow reader of its
own. A cancel request comes first. It is no help with a statement that catches it, or whose rows
nobody takes: then the session is ended, and at last the socket.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from enum import Enum
from threading import Event, Thread

import psycopg

from rowmill.destinations.errors import DestinationRefused, QueryRefused
from rowmill.destinations.postgres.connection import Connection, PostgresAddress
from rowmill.engine.cancellation import Cancellation, Cancelled

CANCEL_SECONDS = 1.0
# What each blow is given to show.
_PATIENCE_SECONDS = 1.0

_SESSION = (
    "SELECT pid, backend_start FROM pg_catalog.pg_stat_activity "
    "WHERE pid = pg_catalog.pg_backend_pid(); "
    # A query of the activity would else see it as of now.
    "SELECT pg_catalog.pg_stat_clear_snapshot()"
)
_TERMINATE = (
    "SELECT pg_catalog.pg_terminate_backend(pid) FROM pg_catalog.pg_stat_activity "
    "WHERE pid = %s AND backend_start = %s"
)


class Ended(Enum):
    """Why a statement was ended before it was done."""

    CANCELLED = "cancelled"
    TIME = "time"


class Watch:
    """Over one connection. `ended` is set before the statement is."""

    def __init__(self, steps: list[Callable[[], None]], seconds: float | None) -> None:
        self.ended: Ended | None = None
        self._steps = steps
        self._seconds = seconds
        self._wake = Event()
        self._left = Event()

    def cancel(self) -> None:
        """End the statement; may be called by any thread, and does not wait."""
        self._wake.set()

    def leave(self) -> None:
        """The statement is over: there is nothing to end any more."""
        self._left.set()
        self._wake.set()

    def check(self) -> None:
        """Raise Cancelled or QueryRefused, of its time, if it was ended."""
        if self.ended is Ended.CANCELLED:
            raise Cancelled
        if self.ended is Ended.TIME:
            raise QueryRefused(f"it was ended after {self._seconds:g} s, all the time it was given")

    def run(self) -> None:
        """Wait for an end, of either kind."""
        cancelled = self._wake.wait(self._seconds)
        if self._left.is_set():
            return
        self.ended = Ended.CANCELLED if cancelled else Ended.TIME
        for step in self._steps:
            with suppress(psycopg.Error, DestinationRefused, OSError):
                step()
            if self._left.wait(_PATIENCE_SECONDS):
                return


@contextmanager
def watching(
    connection: Connection,
    address: PostgresAddress,
    seconds: float | None,
    cancellation: Cancellation,
) -> Iterator[Watch]:
    """Watch over what is done on a connection in its transaction, while this is entered.

    Args:
        connection: amid a transaction; only what is its own is left to the thread.
        address: where a second connection ends its session.
        seconds: how long it may last.

    Raises:
        psycopg.Error: Postgres does not answer.
    """
    session = connection.execute(_SESSION).fetchone()

    def terminate() -> None:
        with address.connect() as other:
            other.execute(_TERMINATE, session)

    def shut() -> None:
        with socket.socket(fileno=os.dup(connection.fileno())) as same:
            same.shutdown(socket.SHUT_RDWR)

    watch = Watch(
        [lambda: connection.cancel_safe(timeout=CANCEL_SECONDS), terminate, shut], seconds
    )
    thread = Thread(target=watch.run, name="query-watch", daemon=True)
    thread.start()
    try:
        with cancellation.telling(watch.cancel):
            yield watch
    finally:
        watch.leave()
        thread.join()
