"""How often a status is written: what is more than progress soon, mere progress rarely."""

from __future__ import annotations

from dataclasses import dataclass

from rowmill_operator.memory.queue import Key

# A status write has the API server validate the whole spec again.
_LARGE = 200_000
_LARGE_SECONDS = 30.0
# Progress of a run that goes on and on is written a little more rarely: with what else is written
# of it that comes to less than a quarter of a write a second, and people see it within 10 seconds.
_SLOWER_AFTER, _SLOWER = 30.0, 1.2
# Two operators that see differently would take back each other's news without a pause.
_NEWS_SECONDS = 1.0


@dataclass
class _Times:
    """When the status was written, and when it last was for more than progress."""

    last: float
    urgent: float


class Pace:
    """How long a status must wait, by the caller's clock."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._times: dict[Key, _Times] = {}

    def wait(self, key: Key, size: int, now: float, *, urgent: bool = False) -> float:
        """Seconds until progress, or `urgent` news, may be written for a spec of `size` bytes."""
        times = self._times.get(key)
        if times is None:
            return 0.0
        if urgent:
            return max(0.0, times.urgent + _NEWS_SECONDS - now)
        interval = _LARGE_SECONDS if size > _LARGE else self._interval(now - times.urgent)
        return max(0.0, times.last + interval - now)

    def written(self, key: Key, now: float, *, urgent: bool) -> None:
        """The status was written."""
        times = self._times.get(key)
        if times is None or urgent:
            self._times[key] = _Times(now, now)
        else:
            times.last = now

    def forget(self, key: Key) -> None:
        """The experiment is gone."""
        self._times.pop(key, None)

    def _interval(self, since_urgent: float) -> float:
        return self._seconds * (_SLOWER if since_urgent > _SLOWER_AFTER else 1.0)
