"""Sets of batch numbers as sorted half-open intervals: small whatever the row count."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Sequence

Interval = tuple[int, int]
_END = float("inf")


def fold(numbers: Iterable[int]) -> list[Interval]:
    """Distinct numbers, in ascending order, as intervals."""
    intervals: list[Interval] = []
    for number in numbers:
        if intervals and intervals[-1][1] == number:
            intervals[-1] = (intervals[-1][0], number + 1)
        else:
            intervals.append((number, number + 1))
    return intervals


def covers(intervals: Sequence[Interval], number: int) -> bool:
    """Whether `number` is in one of the intervals; O(log n)."""
    at = bisect_right(intervals, (number, _END)) - 1
    return at >= 0 and number < intervals[at][1]


def count(intervals: Iterable[Interval]) -> int:
    """How many numbers the intervals hold."""
    return sum(stop - start for start, stop in intervals)


def missing(intervals: Iterable[Interval], total: int) -> list[Interval]:
    """What the intervals leave out of [0, total)."""
    gaps: list[Interval] = []
    position = 0
    for start, stop in [*intervals, (total, total)]:
        if start > position:
            gaps.append((position, start))
        position = max(position, stop)
    return gaps


def show(intervals: Iterable[Interval]) -> str:
    """The numbers as people write them, both ends inclusive: `0-41,57`."""
    return ",".join(
        str(start) if stop == start + 1 else f"{start}-{stop - 1}" for start, stop in intervals
    )
