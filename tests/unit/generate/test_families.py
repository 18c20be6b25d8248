"""Children per parent: exact totals, counts within bounds, and both ways in constant time."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rowmill.generate.draws.counts import CountLaw
from rowmill.generate.families import Families
from rowmill.spec.dataset import Dataset
from tests.unit.generate.core_datasets import families


def of(made: Dataset) -> Families:
    return Families(made, made.table("t"))


@st.composite
def bounded_means(draw: st.DrawFn) -> tuple[str, int, int]:
    low = draw(st.integers(0, 5))
    high = draw(st.integers(low, low + 40))
    thousandths = draw(st.integers(low * 1000, high * 1000))
    return f"{thousandths // 1000}.{thousandths % 1000:03}", low, high


def check_all(parents: int, mean: str, low: int, high: int) -> np.ndarray:
    """Every row's parent and place, and every parent's rows; returns the counts."""
    made = families(parents, mean, low, high)
    family, total = of(made), made.table("t").rows
    rows = np.arange(total)
    located = family.locate(rows)
    first, counts = family.children(np.arange(parents))
    assert counts.sum() == total
    if parents:
        assert counts.min() >= low
        assert counts.max() <= high
    assert np.array_equal(np.bincount(located.parents, minlength=parents), counts)
    assert np.array_equal(first[located.parents] + located.places, rows)
    return counts


@given(
    parents=st.integers(0, 40) | st.integers(1020, 1030) | st.integers(2040, 5000),
    bounded=bounded_means(),
)
@settings(max_examples=60, deadline=None)
def test_totals_are_exact_and_counts_within_bounds(
    parents: int, bounded: tuple[str, int, int]
) -> None:
    check_all(parents, *bounded)


@pytest.mark.parametrize(
    ("parents", "mean", "low", "high"),
    [
        (1, "2.5", 1, 4),
        (1025, "2.9999999", 0, 3),
        (1025, "0.0000001", 0, 3),
        (3 * 1024 + 1, "0.5", 0, 1),
        (5000, "0.0004", 0, 3),
        (2048, "3", 3, 3),
        (2049, "12.5", 12, 13),
        (4096, "1.00048828125", 1, 2),
    ],
)
def test_means_at_the_edge_of_their_bounds(parents: int, mean: str, low: int, high: int) -> None:
    check_all(parents, mean, low, high)


def test_many_children_each() -> None:
    """Beyond 4,096 children a block the look-up is by a guide."""
    counts = check_all(1500, "700.123", 0, 2000)
    assert abs(counts.std() / 700.123**0.5 - 1) < 0.1


def test_huge_tables_need_no_memory_of_their_size() -> None:
    made = families(10**10, "3.7", 0, 20)
    family, total = of(made), made.table("t").rows
    rows = np.random.default_rng(1).integers(0, total, 50_000)
    rows[:2] = 0, total - 1
    located = family.locate(rows)
    first, counts = family.children(located.parents)
    assert np.array_equal(first + located.places, rows)
    assert (located.places < counts).all()
    parents = np.random.default_rng(2).integers(0, 10**10, 50_000)
    first, counts = family.children(parents)
    some = counts > 0
    assert np.array_equal(family.locate(first[some]).parents, parents[some])
    assert not family.locate(first[some]).places.any()


def test_counts_follow_a_truncated_poisson_law() -> None:
    counts = check_all(200_000, "4", 1, 12)
    rate = 3.91  # of the zero-truncated law (the cut at 12 moves it little) with mean 4
    weights = np.cumprod(np.concatenate([[1.0], rate / np.arange(1, 13)]))[1:]
    expected = weights / weights.sum()
    observed = np.bincount(counts, minlength=13)[1:] / len(counts)
    assert np.abs(observed - expected).max() < 0.005


def test_neighbouring_parents_have_unrelated_counts_and_tables_differ() -> None:
    one = of(families(100_000, "4", 0, 12)).children(np.arange(100_000))[1].astype(float)
    other = of(families(100_000, "4", 0, 12, seed=43)).children(np.arange(100_000))[1]
    # Six standard deviations of a correlation of 100,000 pairs.
    assert abs(np.corrcoef(one[1:], one[:-1])[0, 1]) < 6 / 100_000**0.5
    assert abs(np.corrcoef(one[1024:], one[:-1024])[0, 1]) < 6 / 100_000**0.5
    assert abs(np.corrcoef(one, other)[0, 1]) < 6 / 100_000**0.5


def test_rows_that_do_not_match_the_mean_are_refused() -> None:
    made = families(10, "2", 0, 5)
    wrong = replace(made.table("t"), rows=21)
    with pytest.raises(ValueError, match="has 21 rows, but 10 parents"):
        Families(made, wrong)
    with pytest.raises(ValueError, match="has no rowsPer"):
        Families(made, made.table("p"))


@given(bounded=bounded_means(), size=st.integers(1, 300), extra=st.fractions(0, 1))
@settings(max_examples=100, deadline=None)
def test_a_block_reaches_any_total_its_bounds_allow(
    bounded: tuple[str, int, int], size: int, extra: Fraction
) -> None:
    mean, low, high = bounded
    total = size * low + int(extra * size * (high - low))
    counts = CountLaw(Fraction(mean), low, high).counts(1, size, total)
    assert counts.sum() == total
    assert counts.min() >= low
    assert counts.max() <= high


def test_a_mean_outside_its_bounds_is_refused() -> None:
    with pytest.raises(ValueError, match="mean of 5"):
        CountLaw(Fraction(5), 0, 4)
