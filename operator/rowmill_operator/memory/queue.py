"""A queue of experiments to look at: each in it once, each worked on by one worker at a time."""

from __future__ import annotations

import asyncio
import heapq
from collections.abc import Callable
from dataclasses import dataclass, field

Key = tuple[str, str]
"""Namespace and name of an experiment."""

_FIRST_WAIT = 0.5
_LONGEST_WAIT = 60.0


class Schedule:
    """Which key is to be worked on next, by times that the caller gives: no clock, no waiting.

    A key has one due time, the earliest that was asked for. One that is added while it is worked
    on comes again afterwards.
    """

    def __init__(self) -> None:
        self._due: dict[Key, float] = {}
        self._heap: list[tuple[float, Key]] = []
        self._working: dict[Key, float | None] = {}
        self._failures: dict[Key, int] = {}

    def add(self, key: Key, at: float) -> None:
        """Have `key` worked on at the time `at`, or earlier if that was asked for."""
        if key in self._working:
            wished = self._working[key]
            self._working[key] = at if wished is None else min(wished, at)
        elif at < self._due.get(key, float("inf")):
            self._due[key] = at
            heapq.heappush(self._heap, (at, key))

    def take(self, now: float) -> Key | None:
        """The key that has been due longest; `done` must follow."""
        self._drop_stale()
        if not self._heap or self._heap[0][0] > now:
            return None
        _, key = heapq.heappop(self._heap)
        del self._due[key]
        self._working[key] = None
        return key

    def done(self, key: Key) -> None:
        """The work on `key` has ended; it comes again if it was added meanwhile."""
        again = self._working.pop(key)
        if again is not None:
            self.add(key, again)

    def failed(self, key: Key, now: float) -> float:
        """Have `key` worked on again after a wait that doubles with each failure; the wait."""
        failures = self._failures.get(key, 0)
        self._failures[key] = failures + 1
        wait = min(_LONGEST_WAIT, _FIRST_WAIT * 2.0 ** min(failures, 20))
        self.add(key, now + wait)
        return wait

    def succeeded(self, key: Key) -> None:
        """Forget the failures of `key`."""
        self._failures.pop(key, None)

    def next_due(self) -> float | None:
        """When the next key is due."""
        self._drop_stale()
        return self._heap[0][0] if self._heap else None

    def waiting(self, now: float) -> int:
        """How many keys are due and not worked on."""
        return sum(due <= now for due in self._due.values())

    def age(self, now: float) -> float:
        """Seconds for which the oldest key that is due has been so."""
        due = self.next_due()
        return max(0.0, now - due) if due is not None else 0.0

    def _drop_stale(self) -> None:
        while self._heap and self._due.get(self._heap[0][1]) != self._heap[0][0]:
            heapq.heappop(self._heap)


@dataclass
class TokenBucket:
    """At most `rate` tokens a second on average and `burst` at once, by the caller's clock."""

    rate: float
    burst: float
    _tokens: float = field(init=False)
    _at: float = field(init=False, default=float("-inf"))

    def __post_init__(self) -> None:
        self._tokens = self.burst

    def take(self, now: float) -> float:
        """Take a token; how long to wait before using it, in seconds."""
        self._tokens = min(self.burst, self._tokens + self.rate * max(0.0, now - self._at))
        self._at = now
        self._tokens -= 1
        return max(0.0, -self._tokens / self.rate)


class WorkQueue:
    """A `Schedule` by the loop's clock, for several workers, rate-limited."""

    def __init__(self, bucket: TokenBucket, clock: Callable[[], float] | None = None) -> None:
        self._schedule = Schedule()
        self._bucket = bucket
        self._clock = clock or (lambda: asyncio.get_running_loop().time())
        self._wakers: set[asyncio.Future[None]] = set()

    def add(self, key: Key, after: float = 0.0) -> None:
        """Have `key` worked on in `after` seconds at the latest."""
        self._schedule.add(key, self._clock() + after)
        self._wake()

    async def take(self) -> Key:
        """Wait for a key that is due; `done` must follow."""
        while (key := self._schedule.take(self._clock())) is None:
            await self._sleep(self._schedule.next_due())
        wait = self._bucket.take(self._clock())
        if wait > 0:
            await asyncio.sleep(wait)
        return key

    def done(self, key: Key) -> None:
        """The work on `key` went well."""
        self._schedule.succeeded(key)
        self._schedule.done(key)
        self._wake()

    def failed(self, key: Key) -> float:
        """The work on `key` failed: it comes again after the returned seconds."""
        wait = self._schedule.failed(key, self._clock())
        self._schedule.done(key)
        self._wake()
        return wait

    def depth(self) -> int:
        """How many keys are due and not worked on."""
        return self._schedule.waiting(self._clock())

    def age(self) -> float:
        """Seconds for which the oldest key that is due has been so."""
        return self._schedule.age(self._clock())

    async def _sleep(self, until: float | None) -> None:
        """Wait for a change, at most until the time `until`."""
        waker = asyncio.get_running_loop().create_future()
        self._wakers.add(waker)
        timeout = None if until is None else max(0.0, until - self._clock())
        try:
            await asyncio.wait([waker], timeout=timeout)
        finally:
            self._wakers.discard(waker)

    def _wake(self) -> None:
        """Wake one worker: what it does not take, the next change wakes another for."""
        for waker in self._wakers:
            if not waker.done():
                waker.set_result(None)
                return
