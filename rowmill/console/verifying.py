"""Verifications in the background: a client waits as long as it likes, or asks again."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import Future, ThreadPoolExecutor

from rowmill.engine.interface import Engine
from rowmill.engine.verification import Verification

# Each takes all cores that it may.
_AT_ONCE = 2


class Verifying:
    """The verifications that are under way, at most one of an experiment."""

    def __init__(self) -> None:
        self._pool = ThreadPoolExecutor(_AT_ONCE, "verify")
        self._lock = threading.Lock()
        self._running: dict[str, Future[Verification]] = {}

    async def verify(self, engine: Engine, name: str, seconds: float) -> Verification | None:
        """What the verification found; None while it goes on after so many seconds.

        Who asks again then waits for the same one, and nobody who waits holds a thread. Raises as
        `Engine.verify`.
        """
        with self._lock:
            future = self._running.get(name)
            if future is None:
                future = self._running[name] = self._pool.submit(engine.verify, name)
        waiting = asyncio.wrap_future(future)
        await asyncio.wait({waiting}, timeout=seconds)
        if not waiting.done():
            # What becomes of it is for who asks again.
            waiting.add_done_callback(_heard)
            return None
        self._forget(name, future)
        return await waiting

    def close(self) -> None:
        """Begin none any more."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _forget(self, name: str, future: Future[Verification]) -> None:
        with self._lock:
            if self._running.get(name) is future:
                del self._running[name]


def _heard(waiting: asyncio.Future[Verification]) -> None:
    if not waiting.cancelled():
        waiting.exception()
