"""Interval sets agree with plain sets of numbers."""

import itertools

from hypothesis import given
from hypothesis import strategies as st

from rowmill.plan.intervals import Interval, count, covers, parse, show, union

numbers = st.sets(st.integers(0, 60))
scattered = st.lists(
    st.tuples(st.integers(0, 50), st.integers(1, 10)).map(lambda pair: (pair[0], sum(pair)))
)


@given(numbers)
def test_count_says_how_many_are_in_the_set(chosen: set[int]) -> None:
    assert count(_folded(chosen)) == len(chosen)


@given(numbers, st.integers(0, 70))
def test_covers_says_what_is_in_the_set(chosen: set[int], number: int) -> None:
    assert covers(_folded(chosen), number) == (number in chosen)


def test_intervals_are_shown_as_people_write_them() -> None:
    assert show([(0, 42), (57, 58)]) == "0-41,57"
    assert show([]) == ""


@given(scattered)
def test_a_union_holds_the_same_numbers_in_as_few_intervals(found: list[tuple[int, int]]) -> None:
    merged = union(found)
    wanted = {n for first, stop in found for n in range(first, stop)}
    assert {n for first, stop in merged for n in range(first, stop)} == wanted
    assert sum(stop - first for first, stop in merged) == len(wanted)
    assert all(a[1] < b[0] for a, b in itertools.pairwise(merged))


@given(scattered)
def test_shown_intervals_are_read_back(found: list[tuple[int, int]]) -> None:
    merged = union(found)
    assert parse(show(merged)) == merged


def test_what_is_no_interval_is_passed_over() -> None:
    assert parse("") == []
    assert parse("x,3-,7,-2,9-11") == [(3, 4), (7, 8), (9, 12)]


def _folded(chosen: set[int]) -> list[Interval]:
    """The numbers as intervals that never touch."""
    starts = sorted(n for n in chosen if n - 1 not in chosen)
    stops = sorted(n + 1 for n in chosen if n + 1 not in chosen)
    return list(zip(starts, stops, strict=True))
