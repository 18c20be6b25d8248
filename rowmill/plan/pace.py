"""How far a run is and how fast it gets on, in the one measure of every face: durable rows.

Rows are durable once every destination holds their batch: Postgres by its commit, a bucket by the
record of the whole part that the batch is of. What is on its way may be lost with a worker, so it
counts for nothing: neither in the percent nor in the rate.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

# Parts become durable in one lump each: a rate of less than this would jump with every part.
_OF_LATE_SECONDS = 60.0
# After so long, or with this part of the rows, a rate is no more that of the start.
_TELLING_SECONDS, _TELLING_PART = 5.0, 10
# Of the whole seconds in which a status tells times.
_LEAST_SECONDS = 1.0


def percent(rows: int, total: int, *, complete: bool = True) -> int:
    """The whole percent of durable rows, rounded down: 100 says that all of them are.

    Of none at all `complete` says whether they are done.
    """
    if not total:
        return 100 if complete else 0
    return 100 * rows // total


def eta_seconds(rows: int, total: int, rows_per_second: float | None) -> float | None:
    """Seconds until all rows are durable at this rate, None while nobody knows."""
    if rows >= total:
        return 0.0
    return (total - rows) / rows_per_second if rows_per_second else None


def foreseeable(seconds: float, made: int, ahead: int, left: int) -> bool:
    """Whether the rate so far tells when a load ends: the first small tables alone do not.

    Args:
        seconds: since the load began.
        made: rows that became durable since.
        ahead: rows that are on their way beyond these.
        left: rows that are not durable yet.
    """
    long_enough = seconds >= _TELLING_SECONDS or made * _TELLING_PART >= made + left
    return long_enough and made >= ahead


@dataclass(frozen=True)
class Pace:
    """Durable rows a second, as of the moment `at` at which `rows` last grew.

    `since` is when the load began, by the clock of `at`, in seconds. `rate` is None until then.
    """

    since: float
    at: float
    rows: int
    rate: float | None = None

    @classmethod
    def start(cls, rows: int, now: float) -> Pace:
        """The load begins, with so many rows from before."""
        return cls(now, now, rows)

    def on(self, rows: int, now: float) -> Pace:
        """With so many rows now: the mean of the last minute or so, at first of all the time."""
        if rows <= self.rows:
            return self
        seconds = max(_LEAST_SECONDS, now - self.at)
        found = (rows - self.rows) / seconds
        if self.rate is None:
            return Pace(self.since, now, rows, found)
        lately = -math.expm1(-seconds / _OF_LATE_SECONDS)
        weight = min(1.0, max(lately, seconds / max(seconds, now - self.since)))
        return Pace(self.since, now, rows, self.rate + weight * (found - self.rate))
