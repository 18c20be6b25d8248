"""Quantile tables against theory, octave by octave of the probability, far into both tails."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction

import numpy as np
import pytest
from scipy import stats

from rowmill.generate.draws.bits import bits
from rowmill.generate.draws.exact_math import Floats
from rowmill.generate.draws.quantiles import QuantileTable
from rowmill.generate.draws.shapes import (
    Scale,
    TruncatedExponential,
    beta_table,
    exponential_table,
    lognormal_table,
    normal_table,
)

F = Fraction
DRAWS = 10_000_000
Distribution = Callable[[Floats], Floats]


def probabilities() -> tuple[np.ndarray, Floats]:
    """Places in a half, some in each octave, and what they stand for: probabilities to the end."""
    random = np.random.default_rng(3)
    places = np.unique((2.0 ** random.uniform(0, 52, 20_000)).astype(np.uint64))
    return places, (places.astype(np.float64) + 0.5) * 2.0**-53


def ends(table: QuantileTable) -> tuple[Floats, Floats, Floats]:
    """The probabilities, and the values so far from the low end and from the high end."""
    places, p = probabilities()
    low = places << np.uint64(11)
    return p, table.draw(low), table.draw(low | np.uint64(2**63))


def cases() -> list[tuple[str, QuantileTable, Distribution, Distribution]]:
    """Tables with the exact distribution functions, counted from the low and the high end."""
    found = []

    def add(name: str, table: QuantileTable, exact: stats.rv_continuous) -> None:
        found.append((name, table, exact.cdf, exact.sf))

    add("normal", normal_table(0, 1, Scale()), stats.norm())
    add("normal moved", normal_table(-50.5, 12.25, Scale()), stats.norm(-50.5, 12.25))
    add("exponential", exponential_table(2.5, Scale()), stats.expon(scale=2.5))
    for sigma in (0.1, 0.8, 5.0, 50.0):
        add(
            f"lognormal {sigma}",
            lognormal_table(1.0, sigma, Scale()),
            stats.lognorm(sigma, scale=np.exp(1)),
        )
    for alpha, beta in ((2, 3), (1, 1), (30, 2), (1000, 3), (1e6, 1e6)):
        table = beta_table(alpha, beta, Scale(F(0), F(1)))
        add(f"beta {alpha} {beta}", table, stats.beta(alpha, beta))
    return found


@pytest.mark.parametrize(
    ("table", "below", "above"), [pytest.param(*c[1:], id=c[0]) for c in cases()]
)
def test_the_probability_beyond_a_value_is_right_in_every_octave(
    table: QuantileTable, below: Distribution, above: Distribution
) -> None:
    """To a part in 200,000 of itself: unseen by any test on less than 10**10 rows."""
    p, low, high = ends(table)
    np.testing.assert_allclose(below(low), p, rtol=5e-6)
    # A double near the high end of a bounded interval has no more digits than this.
    np.testing.assert_allclose(above(high), p, rtol=5e-6, atol=1e-13 if high.max() <= 1.0 else 0.0)


@pytest.mark.parametrize(("low", "high"), [(6, 7), (-7, -6), (-2, 0.5), (0, 9), (3, None)])
def test_a_truncated_normal_lies_between_the_probabilities_of_its_bounds(
    low: float, high: float | None
) -> None:
    top = np.inf if high is None else high
    table = normal_table(0, 1, Scale(F(low), None if high is None else F(high)))
    p, first, last = ends(table)
    assert first.min() >= low
    assert last.max() <= top
    if high is not None and high < 0:
        first, last, low, top = -last, -first, -high, -low
    # By the upper tail, where the probabilities of bounds above 0 lose nothing.
    at_low, at_top = stats.norm.sf(low), stats.norm.sf(top)
    mass = at_low - at_top
    np.testing.assert_allclose(first, stats.norm.isf(at_low - p * mass), rtol=1e-8, atol=1e-9)
    np.testing.assert_allclose(last, stats.norm.isf(at_top + p * mass), rtol=1e-8, atol=1e-9)


@pytest.mark.parametrize("sigmas", [40, 1000, 10**6])
def test_a_normal_truncated_far_in_its_tail_is_exponential_there(sigmas: int) -> None:
    """Density exp(-x**2 / 2) from x = s: (x - s) s is exponential but for terms of 1 / s**2."""
    table = normal_table(0, 1, Scale(F(sigmas), None, origin=F(sigmas)))
    p, low, _ = ends(table)
    rate = sigmas + low / 2
    beyond = np.exp(-low * rate)
    np.testing.assert_allclose(1 - beyond, p, atol=2.0 / sigmas**2 + 1e-9)


def test_a_truncated_exponential_far_from_zero_starts_anew_at_its_bound() -> None:
    far = exponential_table(2.0, Scale(F(10**9), None, origin=F(10**9)))
    new = exponential_table(2.0, Scale())
    np.testing.assert_array_equal(far.coefficients, new.coefficients)


@pytest.mark.parametrize("width", ["0.000000000001", "1", "30"])
def test_an_exponential_between_two_bounds(width: str) -> None:
    w = F(width)
    table = exponential_table(1.0, Scale(F(5), 5 + w, origin=F(5)))
    p, low, high = ends(table)
    share = -np.expm1(-float(w))
    np.testing.assert_allclose(low, -np.log1p(-p * share), rtol=1e-7)
    beyond = np.exp(-float(w))
    from_top = -np.log1p(p * share / beyond)
    np.testing.assert_allclose(high, float(w) + from_top, rtol=1e-7, atol=1e-15)


@pytest.mark.parametrize(("alpha", "beta"), [(0.5, 0.5), (0.1, 2.0), (0.01, 0.01), (0.01, 50.0)])
def test_a_beta_density_that_is_infinite_at_an_end(alpha: float, beta: float) -> None:
    """Near 0 the share below x is x**alpha / (alpha B(alpha, beta)), down to the least double."""
    table = beta_table(alpha, beta, Scale(F(0), F(1)))
    p, low, high = ends(table)
    seen = low > 1e-280
    np.testing.assert_allclose(stats.beta(alpha, beta).cdf(low[seen]), p[seen], rtol=1e-5)
    # Mirrored, so that the distance from 1 is not lost.
    mirrored = beta_table(beta, alpha, Scale(F(0), F(1)))
    np.testing.assert_allclose(1 - ends(mirrored)[1], high, rtol=1e-4, atol=1e-15)


@pytest.mark.parametrize(("alpha", "beta"), [(0.001, 0.001), (1e9, 1.0), (1e12, 1e12), (1e-6, 1)])
def test_extreme_betas_stay_within_their_bounds_and_keep_their_mean(
    alpha: float, beta: float
) -> None:
    values = beta_table(alpha, beta, Scale(F(0), F(1))).draw(bits(1, np.arange(100_000)))
    assert values.min() >= 0.0
    assert values.max() <= 1.0
    exact = stats.beta(alpha, beta)
    assert abs(values.mean() - exact.mean()) < 5 * exact.std() / 100_000**0.5


def test_one_value() -> None:
    random = bits(1, np.arange(100))
    at_seven = Scale(F(7), F(7))
    for table in (
        normal_table(0, 1, at_seven),
        exponential_table(1, at_seven),
        beta_table(2, 2, at_seven),
    ):
        assert set(table.draw(random).tolist()) == {7.0}
    np.testing.assert_allclose(lognormal_table(0, 1, at_seven).draw(random), 7.0, rtol=1e-14)


@pytest.mark.parametrize(
    "make",
    [
        lambda: Scale(F(2), F(1)),
        lambda: exponential_table(1, Scale(None, F(-1))),
        lambda: lognormal_table(0, 1, Scale(None, F(0))),
    ],
)
def test_an_empty_interval_is_refused(make: Callable[[], object]) -> None:
    with pytest.raises(ValueError, match=r"no value lies between|cannot be at most"):
        make()


@pytest.mark.parametrize(
    "make",
    [
        lambda: normal_table(0, 1e308, Scale(F(0), F(1), unit=F(1, 10**38))),
        lambda: beta_table(1e300, 1e300, Scale(F(0), F(1))),
        lambda: beta_table(1, 1, Scale(F(-(10**308)), F(10**308))),
    ],
)
def test_what_leaves_the_doubles_is_refused(make: Callable[[], object]) -> None:
    with pytest.raises(ValueError, match="too narrow or too wide for doubles"):
        make()


@pytest.mark.parametrize(
    ("table", "value"),
    [
        (normal_table(1, 1e-300, Scale()), 1.0),
        (normal_table(0, 1e-300, Scale(F(10**10), F(10**11))), 1e10),
        (lognormal_table(0, 1e-300, Scale()), 1.0),
        (exponential_table(1e-300, Scale(F(5), F(6))), 5.0),
    ],
)
def test_what_is_too_narrow_for_a_double_is_one_value(table: QuantileTable, value: float) -> None:
    assert set(table.draw(bits(1, np.arange(1000))).tolist()) == {value}


@pytest.mark.parametrize(
    ("table", "exact"),
    [
        (normal_table(0, 1, Scale()), stats.norm()),
        (exponential_table(1, Scale()), stats.expon()),
        (lognormal_table(3.5, 0.8, Scale()), stats.lognorm(0.8, scale=np.exp(3.5))),
        (beta_table(0.5, 3, Scale(F(0), F(1))), stats.beta(0.5, 3)),
    ],
    ids=["normal", "exponential", "lognormal", "beta"],
)
def test_ten_million_draws(table: QuantileTable, exact: stats.rv_continuous) -> None:
    """Kolmogorov-Smirnov and the counts in the tails: each fails for one seed in 10,000."""
    values = table.draw(bits(4, np.arange(DRAWS)))
    values.sort()
    # Every tenth is enough: the distance is then off by at most a millionth.
    places = np.arange(0, DRAWS, 10) / DRAWS
    shares = exact.cdf(values[::10])
    distance = max(np.max(shares - places), np.max(places + 1 / DRAWS - shares))
    assert stats.kstwobign.sf(distance * DRAWS**0.5) > 1e-4
    for p in (1e-3, 1e-4, 1e-5, 1e-6):
        for count in (np.sum(values < exact.ppf(p)), np.sum(values > exact.isf(p))):
            assert stats.binomtest(int(count), DRAWS, p).pvalue > 1e-4 / 8


def test_a_delay_is_exponential_between_its_bounds() -> None:
    day = 86_400e6
    delays = TruncatedExponential(90 * day, day, 365 * day).draw(bits(2, np.arange(1_000_000)))
    assert delays.min() >= day
    assert delays.max() <= 365 * day
    exact = stats.truncexpon(364 / 90, loc=day, scale=90 * day)
    assert stats.kstest(delays, exact.cdf).pvalue > 1e-4


def test_a_delay_without_an_upper_bound() -> None:
    delays = TruncatedExponential(5.0, 100.0, None).draw(bits(2, np.arange(1_000_000)))
    assert stats.kstest(delays, stats.expon(loc=100, scale=5).cdf).pvalue > 1e-4


def test_draws_of_any_length_are_the_same_draws() -> None:
    table = normal_table(0, 1, Scale())
    random = bits(3, np.arange(40_000))
    whole = table.draw(random)
    assert len(table.draw(random[:0])) == 0
    np.testing.assert_array_equal(
        whole, np.concatenate([table.draw(random[:17_001]), table.draw(random[17_001:])])
    )
