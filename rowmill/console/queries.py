"""Queries that are being answered, each with the name by which it is cancelled."""

from __future__ import annotations

import asyncio
import secrets
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TypeVar

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request

from rowmill.engine.cancellation import Cancellation
from rowmill.errors import Conflict, NotFound, Unavailable

T = TypeVar("T")
# Each holds a connection of its own.
_MOST = 20
# So often it is looked whether the client is still there.
_LOOK_SECONDS = 0.2


@dataclass(frozen=True)
class Download:
    """What a ticket is for: the result of a query of an experiment, as CSV, in so many seconds."""

    experiment: str
    sql: str
    id: str
    seconds: float


class Queries:
    """Those of one console."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._running: dict[tuple[str, str], Cancellation] = {}

    @contextmanager
    def running(self, experiment: str, wanted: str | None) -> Iterator[tuple[str, Cancellation]]:
        """Have a query be known while this is entered, by the id `wanted` or a new one.

        Raises:
            Conflict: one of this id is running.
            Unavailable: Busy, there are too many.
        """
        identity = wanted or secrets.token_urlsafe(12)
        key, cancellation = (experiment, identity), Cancellation()
        with self._lock:
            if key in self._running:
                raise Conflict("QueryRunning", f"a query {identity!r} is running already")
            if len(self._running) >= _MOST:
                raise Unavailable("Busy", "too many queries are running; try again")
            self._running[key] = cancellation
        try:
            yield identity, cancellation
        finally:
            with self._lock:
                del self._running[key]

    def cancel(self, experiment: str, identity: str) -> None:
        """End it; raises NotFound if none of this id is running."""
        with self._lock:
            found = self._running.get((experiment, identity))
        if found is None:
            raise NotFound("QueryUnknown", f"no query {identity!r} of {experiment} is running")
        found.cancel()

    def close(self) -> None:
        """End all of them."""
        with self._lock:
            running = [*self._running.values()]
        for each in running:
            each.cancel()


async def answered(request: Request, cancellation: Cancellation, ask: Callable[[], T]) -> T:
    """What `ask` returns from a thread of the pool; cancelled when the client leaves before."""
    answer = asyncio.ensure_future(run_in_threadpool(ask))
    try:
        while not answer.done():
            await asyncio.wait({answer}, timeout=_LOOK_SECONDS)
            if await request.is_disconnected():
                cancellation.cancel()
        return await answer
    except asyncio.CancelledError:
        # The console is ending, and the thread would hold it up.
        cancellation.cancel()
        raise
