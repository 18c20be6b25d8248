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


def union(intervals: Iterable[Interval]) -> list[Interval]:
    """The same numbers in as few intervals as possible, sorted."""
    merged: list[Interval] = []
    for first, stop in sorted(intervals):
        if merged and first <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(merged[-1][1], stop))
        elif first < stop:
            merged.append((first, stop))
    return merged


def intersection(one: Sequence[Interval], other: Sequence[Interval]) -> list[Interval]:
    """The numbers that both sorted sets hold."""
    found: list[Interval] = []
    i = j = 0
    while i < len(one) and j < len(other):
        first, stop = max(one[i][0], other[j][0]), min(one[i][1], other[j][1])
        if first < stop:
            found.append((first, stop))
        if one[i][1] < other[j][1]:
            i += 1
        else:
            j += 1
    return found


def show(intervals: Iterable[Interval]) -> str:
    """The numbers as people write them, both ends inclusive: `0-41,57`."""
    return ",".join(
        str(start) if stop == start + 1 else f"{start}-{stop - 1}" for start, stop in intervals
    )


def parse(text: str) -> list[Interval]:
    """Read back what `show` wrote, as Jobs' indexes are written too; all else is no interval."""
    intervals = []
    for word in text.split(","):
        first, _, last = word.partition("-")
        if first.isdecimal() and (last or first).isdecimal():
            intervals.append((int(first), int(last or first) + 1))
    return intervals
