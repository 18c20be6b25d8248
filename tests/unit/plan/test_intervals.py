"""Interval sets agree with plain sets of numbers."""

from hypothesis import given
from hypothesis import strategies as st

from rowmill.plan.intervals import Interval, count, covers, show

numbers = st.sets(st.integers(0, 60))


@given(numbers)
def test_count_says_how_many_are_in_the_set(chosen: set[int]) -> None:
    assert count(_folded(chosen)) == len(chosen)


@given(numbers, st.integers(0, 70))
def test_covers_says_what_is_in_the_set(chosen: set[int], number: int) -> None:
    assert covers(_folded(chosen), number) == (number in chosen)


def test_intervals_are_shown_as_people_write_them() -> None:
    assert show([(0, 42), (57, 58)]) == "0-41,57"
    assert show([]) == ""


def _folded(chosen: set[int]) -> list[Interval]:
    """The numbers as intervals that never touch."""
    starts = sorted(n for n in chosen if n - 1 not in chosen)
    stops = sorted(n + 1 for n in chosen if n + 1 not in chosen)
    return list(zip(starts, stops, strict=True))
