"""Row counts: scaled half to even, at least one, exact totals of children."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rowmill.spec.rules.scaling import children_rows, exact, scaled_rows


@pytest.mark.parametrize(
    ("rows", "scale", "expected"),
    [
        (0, "5", 0),
        (1, "0.0001", 1),
        (5, "0.5", 2),
        (7, "0.5", 4),
        (3, "0.1", 1),
        (10**12, "0.3", 3 * 10**11),
        (25, "0.1", 2),
        (35, "0.1", 4),
    ],
)
def test_scaled_rows(rows: int, scale: str, expected: int) -> None:
    assert scaled_rows(rows, exact(Decimal(scale))) == expected


@given(st.integers(0, 10**12), st.decimals("0.0001", "1000", places=4))
def test_scaled_rows_are_within_half_a_row(rows: int, scale: Decimal) -> None:
    scaled = scaled_rows(rows, exact(scale))
    assert (scaled >= 1) == (rows >= 1)
    assert abs(scaled - rows * Fraction(scale)) <= Fraction(1, 2) or scaled == 1


@given(st.integers(0, 10**9), st.decimals("0", "100", places=3))
def test_children_are_parents_times_mean(parents: int, mean: Decimal) -> None:
    total = children_rows(parents, exact(mean))
    assert abs(total - parents * Fraction(mean)) <= Fraction(1, 2)
    assert children_rows(parents * 1000, exact(mean)) == parents * 1000 * Fraction(mean)


def test_means_are_exact_decimals_and_not_floats() -> None:
    # As floats 5 x 0.7 x 10 would not end in exactly one half.
    assert children_rows(5, exact(Decimal("0.7"))) == 4
    assert children_rows(15, exact(Decimal("0.1"))) == 2
    assert children_rows(25, exact(Decimal("0.1"))) == 2


@pytest.mark.parametrize("number", ["1e401", "1e-401", "1." + "1" * 1000])
def test_numbers_that_never_end_are_refused(number: str) -> None:
    with pytest.raises(ValueError, match="too many digits"):
        exact(Decimal(number))
