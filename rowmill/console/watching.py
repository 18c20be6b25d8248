"""Watchers of runs: one thread looks at a run, however many watch it, and each event is made once.

A watcher misses what comes between its own looks, never the newest: an event tells all that is so,
so one that was not fetched in time gives way to the next. What goes wrong at the ledger is told as
an event, and the thread looks again: a watcher goes on by itself once the ledger is back.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from functools import partial

from rowmill.console.event_stream import BEAT, BEAT_SECONDS, event
from rowmill.console.words import in_calls, in_rest
from rowmill.engine.cancellation import Cancellation, Cancelled
from rowmill.engine.interface import Engine
from rowmill.engine.records import Progress
from rowmill.errors import Conflict, NotFound, RowmillError, Unavailable

_AGAIN_SECONDS = 1.0
# So often it is told anew that a server is waited for, and for how long still.
_SAY_SECONDS = 5.0
_MOST_RUNS = 200
_GONE = (NotFound, Conflict)
Key = tuple[str, int | None]


@dataclass(eq=False)
class _Watcher:
    """One listener: the newest event that it has not heard, and whether it was the last."""

    loop: asyncio.AbstractEventLoop
    news: asyncio.Event = field(default_factory=asyncio.Event)
    event: bytes | None = None
    ended: bool = False

    def tell(self, event: bytes | None, *, last: bool) -> None:
        """From any thread; `event` None repeats none."""

        def told() -> None:
            if event is not None:
                # Two last words, how it ended and that it did, are one message.
                self.event = event if not last else (self.event or b"") + event
            self.ended = self.ended or last
            self.news.set()

        try:
            self.loop.call_soon_threadsafe(told)
        except RuntimeError:
            # The console is ending, and its loop is closed.
            return


class _Watch:
    """The one look at a run, and who waits for what it sees."""

    def __init__(self, engine: Engine, key: Key, ended: Callable[[_Watch], None]) -> None:
        self.key = key
        self._engine = engine
        self._ended = ended
        self._stopped = Cancellation()
        self._newest: bytes | None = None
        self._said = -_SAY_SECONDS
        self.watchers: list[_Watcher] = []

    def start(self) -> None:
        name = f"watch {self.key[0]}"
        threading.Thread(target=self._work, name=name, daemon=True).start()

    def stop(self) -> None:
        self._stopped.cancel()

    def add(self, watcher: _Watcher) -> None:
        self.watchers.append(watcher)
        if self._newest is not None:
            watcher.tell(self._newest, last=False)

    def _work(self) -> None:
        try:
            while not self._looked():
                self._stopped.sleep(_AGAIN_SECONDS)
        except Cancelled:
            # Nobody watches any more, however the look is held up.
            return
        finally:
            self._ended(self)

    def _looked(self) -> bool:
        """Look until there is no more to see, which it returns, or the look fails."""
        name, run = self.key
        try:
            looks = self._engine.watch(name, run, waiting=self._held_up, cancellation=self._stopped)
            for progress in looks:
                self._stopped.check()
                self._tell(event("progress", progress_document(progress)))
        except Cancelled:
            raise
        except _GONE as error:
            self._tell(event("end", in_calls(error.to_json())), last=True)
            return True
        except RowmillError as error:
            self._tell(event("problem", in_calls(error.to_json())))
            return False
        self._tell(event("end", {"reason": "RunEnded"}), last=True)
        return True

    def _held_up(self, why: str) -> None:
        """Of each try at a server that is away: every few seconds it is time for the next word."""
        now = time.monotonic()
        if now - self._said >= _SAY_SECONDS:
            self._said = now
            self._tell(event("problem", {"reason": "Waiting", "message": in_rest(why)}))

    def _tell(self, event: bytes, *, last: bool = False) -> None:
        if not last:
            self._newest = event
        for watcher in tuple(self.watchers):
            watcher.tell(event, last=last)


@dataclass(frozen=True)
class Watched:
    """A run as one client sees it."""

    _watcher: _Watcher
    leave: Callable[[], None]

    async def events(self) -> AsyncIterator[bytes]:
        """Server-sent events of the run until it has ended: `progress`, `problem`, then `end`."""
        watcher = self._watcher
        while True:
            yield await _next(watcher)
            # The last words may have come while the client took the ones before.
            if watcher.ended and watcher.event is None:
                return


class Watching:
    """All the watches of one console."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._lock = threading.Lock()
        self._watches: dict[Key, _Watch] = {}

    def join(self, name: str, run: int | None) -> Watched:
        """Watch a run, from the event loop's thread; `leave` is to be called in the end.

        Raises:
            Unavailable: too many runs are watched.
        """
        watcher = _Watcher(asyncio.get_running_loop())
        watch = self._joined((name, run), watcher)
        return Watched(watcher, partial(self._leave, watch, watcher))

    def close(self) -> None:
        """End all watches."""
        with self._lock:
            for watch in self._watches.values():
                watch.stop()
                for watcher in watch.watchers:
                    watcher.tell(None, last=True)

    def _joined(self, key: Key, watcher: _Watcher) -> _Watch:
        with self._lock:
            watch = self._watches.get(key)
            if watch is None:
                if len(self._watches) >= _MOST_RUNS:
                    raise Unavailable("Busy", "too many runs are watched; try again later")
                watch = self._watches[key] = _Watch(self._engine, key, self._ended)
                watch.add(watcher)
                watch.start()
            else:
                watch.add(watcher)
            return watch

    def _leave(self, watch: _Watch, watcher: _Watcher) -> None:
        with self._lock:
            if watcher in watch.watchers:
                watch.watchers.remove(watcher)
            if not watch.watchers and self._watches.get(watch.key) is watch:
                del self._watches[watch.key]
                watch.stop()

    def _ended(self, watch: _Watch) -> None:
        """Called by its thread: who came after its last word watches anew."""
        with self._lock:
            if self._watches.get(watch.key) is watch:
                del self._watches[watch.key]
            for watcher in watch.watchers:
                watcher.tell(None, last=True)


async def _next(watcher: _Watcher) -> bytes:
    try:
        async with asyncio.timeout(BEAT_SECONDS):
            await watcher.news.wait()
    except TimeoutError:
        return BEAT
    watcher.news.clear()
    event, watcher.event = watcher.event, None
    return event or BEAT


def progress_document(progress: Progress) -> dict[str, object]:
    """A run as `GET .../runs/{run}` and its events tell it."""
    document = in_calls(progress.to_json())
    return {
        **document,
        "progress_pct": document["percent"],
        "last_updated": document["lastUpdated"],
    }
