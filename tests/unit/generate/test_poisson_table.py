"""Poisson counts: chi-square and tails for small, large and huge means, and when truncated."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from rowmill.generate.draws.bits import bits
from rowmill.generate.draws.poisson import PoissonTable

DRAWS = 2_000_000
RANDOM = bits(13, np.arange(DRAWS))
MOST = 2**62


@pytest.mark.parametrize(
    ("mean", "first", "last"),
    [
        (0.001, 0, MOST), (0.5, 0, MOST), (4.0, 0, MOST), (4.0, 1, 12), (4.0, 3, 3),
        (5.0, 50, MOST), (100.0, 0, 20), (1e3, 990, 1010), (1e6, 0, MOST),
        (1e6, 1_001_000, MOST), (1e8, 0, MOST),        (1e12, 10, 20), (1e300, 0, 3),
    ],
)  # fmt: skip
def test_counts_by_chi_square(mean: float, first: int, last: int) -> None:
    """Fails for one seed in 10,000 a case."""
    counts = PoissonTable(mean, first, last).draw(RANDOM)
    assert counts.min() >= first
    assert counts.max() <= last
    low, high = int(counts.min()), int(counts.max())
    step = max(1, (high - low) // 500)
    edges = np.arange(low, high + step + 1, step)
    observed = np.histogram(counts, edges)[0]
    # Relative to the most likely count, because far from the mean all chances underflow.
    values = np.arange(low, edges[-1])
    logs = values * np.log(mean) - _log_factorials(values)
    chances = np.where(values <= last, np.exp(logs - logs.max()), 0.0)
    expected = np.add.reduceat(chances, edges[:-1] - low) / chances.sum() * DRAWS
    common = expected >= 10
    if common.sum() == 1:
        assert observed[common][0] > DRAWS - 100
        return
    o, e = observed[common], expected[common]
    assert o.sum() > 0.999 * DRAWS
    assert stats.chisquare(o, e * o.sum() / e.sum()).pvalue > 1e-4


@pytest.mark.parametrize("mean", [1e9, 1e12, 1e16])
def test_huge_means(mean: float) -> None:
    """Beyond any table: mean, variance and skewness, each to four standard errors."""
    distance = (PoissonTable(mean, 0, MOST).draw(RANDOM) - int(mean)).astype(np.float64)
    steps = distance / mean**0.5
    assert abs(steps.mean()) < 4 / DRAWS**0.5
    assert abs(steps.var() - 1) < 4 * (2 / DRAWS) ** 0.5
    assert abs(stats.skew(steps) - mean**-0.5) < 4 * (6 / DRAWS) ** 0.5
    assert stats.kstest(steps, stats.norm.cdf).pvalue > 1e-4


def test_the_outline_of_a_huge_mean_continues_the_exact_table() -> None:
    """Just below and above the change of method the quantiles are those of scipy's Poisson."""
    for mean in (2.9e7, 3.1e7):
        counts = PoissonTable(mean, 0, MOST).draw(RANDOM)
        for count in np.quantile(counts, [0.001, 0.1, 0.5, 0.9, 0.999]):
            share = stats.poisson(mean).cdf(np.floor(count))
            seen = (counts <= count).mean()
            assert abs(share - seen) < 4 * (share * (1 - share) / DRAWS) ** 0.5


@pytest.mark.parametrize("last", [10**9, 10**12 - 10**7])
def test_a_huge_mean_truncated_below_itself(last: int) -> None:
    """Towards the bound each count is (count / mean) times as likely as the next."""
    mean = 1e12
    below = last - PoissonTable(mean, 0, last).draw(RANDOM)
    assert below.min() == 0
    ratio = last / mean
    if ratio < 0.5:
        exact = ratio / (1 - ratio)
        assert abs(below.mean() - exact) < 4 * (exact / (1 - ratio) / DRAWS) ** 0.5
    else:
        exact = stats.truncnorm(-np.inf, (last - mean) / mean**0.5)
        assert stats.kstest(-below / mean**0.5 + (last - mean) / mean**0.5, exact.cdf).pvalue > 1e-4


@pytest.mark.parametrize(("first", "last"), [(-1, 5), (6, 5)])
def test_an_empty_range_is_refused(first: int, last: int) -> None:
    with pytest.raises(ValueError, match="no Poisson count lies between"):
        PoissonTable(3.0, first, last)


def _log_factorials(values: np.ndarray) -> np.ndarray:
    """log(n!) less that of the first, summed so that huge counts lose nothing."""
    return np.concatenate([[0.0], np.cumsum(np.log(values[1:].astype(np.float64)))])
