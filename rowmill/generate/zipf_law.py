"""Zipf's law over any number of ranks: rank r with weight r ** -exponent."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from rowmill.generate.bits import Bits, below_each, keyed_bits
from rowmill.generate.exact_math import exp, expm1, log
from rowmill.generate.weights import WeightedIndex

# The first ranks each have their exact weight.
EXACT_RANKS = 65_536
# Beyond them ranks share buckets, each wider than the last by this factor; within a bucket all are
# as likely, which is off by at most exponent / 1,000 of a rank's weight.
_WIDER = 1 + 2.0**-9
# The total that integer weights add up to, about: a weight is exact to 2**-60 of the law.
_TOTAL = 2.0**60


class ZipfLaw:
    """Draws ranks, from 0, of Zipf's law with an exponent of at least 0 over `ranks` ranks."""

    def __init__(self, exponent: float, ranks: int) -> None:
        exact = min(ranks, EXACT_RANKS)
        self._edges = _bucket_edges(exact, ranks)
        weights = np.concatenate(
            [
                exp(-exponent * log(np.arange(1, exact + 1).astype(np.float64))),
                _bucket_weights(exponent, self._edges),
            ]
        )
        scale = _TOTAL / float(np.cumsum(weights)[-1])
        self._exact = exact
        self._index = WeightedIndex([int(weight) for weight in (weights * scale).tolist()])

    def draw(self, random: Bits) -> NDArray[np.int64]:
        """A rank, from 0, for each 64 random bits."""
        rank = self._index.draw(random)
        far = np.flatnonzero(rank >= self._exact)
        if len(far):
            bucket = rank[far] - self._exact
            first = self._edges[bucket]
            rank[far] = first + below_each(
                keyed_bits(random[far], 1), self._edges[bucket + 1] - first
            )
        return rank


def _bucket_edges(exact: int, ranks: int) -> NDArray[np.int64]:
    """Where the buckets start, as ranks from 0; the last edge is `ranks`."""
    edges = [exact]
    while edges[-1] < ranks:
        edges.append(min(int(edges[-1] * _WIDER) + 1, ranks))
    return np.array(edges, dtype=np.int64)


def _bucket_weights(exponent: float, edges: NDArray[np.int64]) -> NDArray[np.float64]:
    """The integral of x ** -exponent over each bucket, half a rank either way."""
    middles = edges.astype(np.float64)
    middles += 0.5
    low, high = middles[:-1], middles[1:]
    width, rest = log(high) - log(low), 1 - exponent
    if rest == 0:
        return width
    return exp(rest * log(low)) * (expm1(rest * width) / rest)
