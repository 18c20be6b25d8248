"""Verifications in the background: a client waits as long as it likes, or looks later."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import Future
from functools import partial

from rowmill.engine.interface import Engine
from rowmill.engine.verification import Verification
from rowmill.errors import Unavailable

# Each takes all cores that it may.
_AT_ONCE = 2
_MOST_WAITING = 100


class Verifying:
    """The verifications that are under way, at most one of an experiment."""

    def __init__(self) -> None:
        self._turns = threading.Semaphore(_AT_ONCE)
        self._lock = threading.Lock()
        self._closed = threading.Event()
        self._running: dict[str, Future[Verification]] = {}

    async def verify(self, engine: Engine, name: str, seconds: float) -> Verification | None:
        """What the verification found; None while it goes on after so many seconds.

        Who asks meanwhile waits for the same one, and nobody who waits holds a thread. Once it has
        ended its verdict is kept with the run, and who asks begins another: what it found is of
        then. Raises as `Engine.verify`.

        Raises:
            Unavailable: Busy, too many wait for their turn.
        """
        with self._lock:
            future = self._running.get(name)
            if future is None:
                future = self._begun(engine, name)
        waiting = asyncio.wrap_future(future)
        await asyncio.wait({waiting}, timeout=seconds)
        if not waiting.done():
            waiting.add_done_callback(_heard)
            return None
        return await waiting

    def close(self) -> None:
        """Begin none any more."""
        self._closed.set()

    def _begun(self, engine: Engine, name: str) -> Future[Verification]:
        if len(self._running) >= _MOST_WAITING:
            raise Unavailable("Busy", "too many verifications wait for their turn; try again later")
        future = self._running[name] = Future[Verification]()
        work = partial(self._work, engine, name, future)
        # Not of a pool, for whose threads the console would wait at its end.
        threading.Thread(target=work, name=f"verify {name}", daemon=True).start()
        return future

    def _work(self, engine: Engine, name: str, future: Future[Verification]) -> None:
        found, error = None, None
        with self._turns:
            try:
                if self._closed.is_set():
                    raise Unavailable("Busy", "the console is ending")
                found = engine.verify(name)
            except BaseException as caught:  # noqa: BLE001 - for who waits
                error = caught
        # Before it is told: who has heard of it and asks again begins another.
        with self._lock:
            del self._running[name]
        if found is None:
            future.set_exception(error)
        else:
            future.set_result(found)


def _heard(waiting: asyncio.Future[Verification]) -> None:
    if not waiting.cancelled():
        waiting.exception()
