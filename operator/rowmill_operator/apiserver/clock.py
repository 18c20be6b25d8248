"""The API server's time: the one clock by which its stamps are told old or new."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from rowmill.http_dates import server_time

# A Date is told in whole seconds.
_TICK = timedelta(seconds=1)


class Clock:
    """Tells the API server's time by the Date of its answers, between them by a steady clock.

    The operator's node may have any time: it counts only until the first answer.
    """

    def __init__(self, steady: Callable[[], float] = time.monotonic) -> None:
        self._steady = steady
        # What the API server's clock shows beyond the steady one, as a time of day.
        self._start: datetime | None = None

    def heard(self, date: str | None, asked: float, answered: float) -> None:
        """Set it by an answer's Date header, written between two moments of the steady clock."""
        shown = server_time(date)
        if shown is None:
            return
        earliest = shown - timedelta(seconds=answered)
        latest = shown + _TICK - timedelta(seconds=asked)
        known = self._start if self._start is not None else earliest
        # What agrees with the answer stays, so that it runs evenly.
        self._start = min(max(known, earliest), latest)

    def now(self) -> datetime:
        """The API server's time, in UTC, to a second or so."""
        if self._start is None:
            return datetime.now(UTC)
        return self._start + timedelta(seconds=self._steady())
