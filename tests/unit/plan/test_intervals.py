"""Interval sets agree with plain sets of numbers."""

import itertools

from hypothesis import given
from hypothesis import strategies as st

from rowmill.plan.intervals import count, covers, fold, missing, show

numbers = st.sets(st.integers(0, 60))


@given(numbers)
def test_folding_keeps_every_number_in_as_few_intervals_as_possible(chosen: set[int]) -> None:
    intervals = fold(sorted(chosen))
    assert {n for start, stop in intervals for n in range(start, stop)} == chosen
    assert all(a[1] < b[0] for a, b in itertools.pairwise(intervals))
    assert count(intervals) == len(chosen)


@given(numbers, st.integers(0, 70))
def test_covers_says_what_is_in_the_set(chosen: set[int], number: int) -> None:
    assert covers(fold(sorted(chosen)), number) == (number in chosen)


@given(numbers)
def test_missing_is_the_complement(chosen: set[int]) -> None:
    gaps = missing(fold(sorted(chosen)), 61)
    assert {n for start, stop in gaps for n in range(start, stop)} == set(range(61)) - chosen


def test_intervals_are_shown_as_people_write_them() -> None:
    assert show([(0, 42), (57, 58)]) == "0-41,57"
    assert show([]) == ""
