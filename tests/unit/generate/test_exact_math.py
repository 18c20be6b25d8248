"""The own exp, log, expm1 and log1p against correctly rounded decimal arithmetic."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Context, Decimal

import numpy as np
import pytest

from rowmill.generate.draws.exact_math import Floats, exp, expm1, log, log1p

EXACT = Context(prec=60)
RANDOM = np.random.default_rng(1)
SIGNS = np.where(RANDOM.random(500) < 0.5, -1.0, 1.0)
TINY = 10.0 ** RANDOM.uniform(-300, -1, 500)


def in_decimal(function: Callable[[Decimal], Decimal], x: Floats) -> Floats:
    return np.array([float(function(Decimal(value))) for value in x.tolist()])


@pytest.mark.parametrize(
    ("ours", "exact", "x"),
    [
        (exp, EXACT.exp, np.concatenate([RANDOM.uniform(-700, 709, 1000), SIGNS * TINY])),
        (
            expm1,
            lambda d: EXACT.subtract(Context(prec=400).exp(d), 1) if abs(d) > 1 else _expm1(d),
            np.concatenate([RANDOM.uniform(-40, 709, 500), SIGNS * TINY]),
        ),
        (
            log,
            EXACT.ln,
            np.concatenate(
                [10.0 ** RANDOM.uniform(-323, 308, 1000), 1 + SIGNS * TINY, [5e-324, 1.0]]
            ),
        ),
        (
            log1p,
            lambda d: Context(prec=400).ln(Context(prec=400).add(1, d)),
            np.concatenate([RANDOM.uniform(-0.999, 1e6, 300), (SIGNS * TINY)[:300]]),
        ),
    ],
)
def test_within_two_units_of_the_last_place(
    ours: Callable[[Floats], Floats], exact: Callable[[Decimal], Decimal], x: Floats
) -> None:
    expected = in_decimal(exact, x)
    assert np.all(np.abs(ours(x) - expected) <= 2 * np.spacing(np.abs(expected)))


def _expm1(x: Decimal) -> Decimal:
    total, term, n = Decimal(0), x, 1
    while abs(term) > abs(x) * Decimal(10) ** -40:
        total, n = EXACT.add(total, term), n + 1
        term = EXACT.divide(EXACT.multiply(term, x), n)
    return total


def test_the_ends_of_the_range() -> None:
    assert exp(np.array([-1000.0, 0.0, 1000.0])).tolist() == [0.0, 1.0, np.inf]
    assert expm1(np.array([-1000.0, 0.0])).tolist() == [-1.0, 0.0]
