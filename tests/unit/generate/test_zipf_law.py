"""Zipf's law: each rank's share, in the exact head and in the buckets of the tail."""

from __future__ import annotations

import numpy as np
import pytest

from rowmill.generate.bits import bits
from rowmill.generate.zipf import zipf_ranks, zipf_table

DRAWS = 1_000_000


def draw(exponent: float, ranks: int, key: int) -> np.ndarray:
    return zipf_ranks(bits(key, np.arange(DRAWS)), zipf_table(exponent, ranks))


def shares(exponent: float, ranks: int, edges: np.ndarray) -> np.ndarray:
    """The share of ranks edges[i] .. edges[i + 1] - 1 (from 1), summed rank by rank."""
    weights = np.arange(1, ranks + 1, dtype=np.float64) ** -exponent
    sums = np.concatenate([[0.0], np.cumsum(weights)])
    return np.diff(sums[edges - 1]) / sums[-1]


@pytest.mark.parametrize("exponent", [0.0, 0.5, 1.0, 1.1, 2.5])
@pytest.mark.parametrize("ranks", [1, 2, 1000, 65_536, 65_537, 3_000_000])
def test_ranks_have_their_shares(exponent: float, ranks: int) -> None:
    drawn = draw(exponent, ranks, 17)
    assert drawn.min() >= 1
    assert drawn.max() <= ranks
    grid = np.geomspace(1, ranks + 1, 60).round().astype(np.int64)
    edges = np.unique(np.concatenate([np.arange(1, min(ranks, 20) + 1), grid]))
    expected = shares(exponent, ranks, edges) * DRAWS
    observed = np.histogram(drawn, edges)[0]
    kept = expected > 10
    chi_square = ((observed - expected)[kept] ** 2 / expected[kept]).sum()
    # Beyond this once in about 10 million seeds, for 1 to 80 degrees of freedom.
    assert chi_square < kept.sum() + 8 * (2 * kept.sum()) ** 0.5 + 20


@pytest.mark.parametrize("exponent", [0.7, 1.0, 1.2, 1.8])
def test_the_exponent_is_recovered(exponent: float) -> None:
    """By maximum likelihood: the mean log-rank is the law's, within six standard errors."""
    ranks = 1_000_000
    drawn = np.log(draw(exponent, ranks, 23))
    logs = np.log(np.arange(1, ranks + 1))
    weights = np.exp(-exponent * logs)
    weights /= weights.sum()
    mean = (weights * logs).sum()
    spread = ((weights * (logs - mean) ** 2).sum() / DRAWS) ** 0.5
    assert abs(drawn.mean() - mean) < 6 * spread


def test_ranks_beyond_any_table() -> None:
    drawn = draw(0.8, 10**12, 29)
    # Of a law this flat the share up to rank x is about (x / ranks) ** 0.2.
    for x in (10**8, 10**10, 10**11):
        expected = (x / 10**12) ** 0.2
        assert abs((drawn <= x).mean() - expected) < 0.02
    assert len(np.unique(drawn[drawn > 10**10])) > 100_000
