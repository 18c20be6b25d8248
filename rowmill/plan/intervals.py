"""Sets of batch numbers as sorted half-open intervals: small whatever the row count."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Sequence

Interval = tuple[int, int]
_END = float("inf")


def covers(intervals: Sequence[Interval], number: int) -> bool:
    """Whether `number` is in one of the intervals; O(log n)."""
    at = bisect_right(intervals, (number, _END)) - 1
    return at >= 0 and number < intervals[at][1]


def count(intervals: Iterable[Interval]) -> int:
    """How many numbers the intervals hold."""
    return sum(stop - start for start, stop in intervals)


def show(intervals: Iterable[Interval]) -> str:
    """The numbers as people write them, both ends inclusive: `0-41,57`."""
    return ",".join(
        str(start) if stop == start + 1 else f"{start}-{stop - 1}" for start, stop in intervals
    )
