"""Children counts: truncated Poisson counts for a block of parents, adding up to an exact total."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from rowmill.generate.draws.bits import bits, mix_int, unit

# Counts this unlikely beside the likeliest never matter.
_NEGLIGIBLE = 2.0**-60
# Beyond this rate a truncated Poisson law is all at its upper bound.
_TOP_RATE = 2.0**62


class CountLaw:
    """Poisson, truncated to [min, max], its rate solved so that the truncated law has the mean.

    Weights come from the ratio `rate / k` of neighbouring counts, in plain float arithmetic, so
    that every machine gets the same.
    """

    def __init__(self, mean: Fraction, low: int, high: int) -> None:
        if not low <= mean <= high:
            raise ValueError(f"a mean of {float(mean)} lies outside [{low}, {high}]")
        self._low, self._high = low, high
        self._first, weights = _window(_solve(float(mean), low, high), low, high)
        self._cumulative = np.cumsum(np.array(weights))

    def counts(self, key: int, size: int, total: int) -> NDArray[np.int64]:
        """`size` counts that add up to `total` (size x min <= total <= size x max).

        Drawn from equal strata of the law, so that a block is a fair picture of it and hardly any
        count has to be moved by one to meet the total; in random order.
        """
        slots = np.arange(size, dtype=np.int64)
        quantiles = (slots + unit(bits(key, slots))) / size * self._cumulative[-1]
        counts = self._first + np.searchsorted(self._cumulative, quantiles, side="right")
        counts = np.clip(counts, self._low, self._high)[np.argsort(bits(mix_int(key), slots))]
        return _adjusted(counts, total, self._low, self._high)


def _adjusted(counts: NDArray[np.int64], total: int, low: int, high: int) -> NDArray[np.int64]:
    while (missing := total - int(counts.sum())) != 0:
        step = 1 if missing > 0 else -1
        movable = np.flatnonzero(counts < high if missing > 0 else counts > low)
        counts[movable[: abs(missing)]] += step
    return counts


def _solve(mean: float, low: int, high: int) -> float:
    """The rate whose truncated law has the mean, by bisection."""
    if mean <= low:
        return 0.0
    below, above = 0.0, max(1.0, mean)
    while above < _TOP_RATE and _mean(above, low, high) < mean:
        below, above = above, above * 2
    # Each half settles one bit more of a double.
    for _ in range(60):
        middle = (below + above) / 2
        if _mean(middle, low, high) < mean:
            below = middle
        else:
            above = middle
    return above


def _mean(rate: float, low: int, high: int) -> float:
    first, weights = _window(rate, low, high)
    total = moment = 0.0
    for distance, weight in enumerate(weights):
        total += weight
        moment += weight * distance
    return first + moment / total


def _window(rate: float, low: int, high: int) -> tuple[int, list[float]]:
    """The counts of any weight: the first of them, and their weights (the mode's is 1)."""
    mode = min(max(int(rate), low), high)
    downward, weight, count = [], 1.0, mode
    while count > low and weight > _NEGLIGIBLE:
        weight = weight * count / rate if rate > 0 else 0.0
        count -= 1
        downward.append(weight)
    upward, weight, top = [1.0], 1.0, mode
    while top < high and weight > _NEGLIGIBLE:
        top += 1
        weight = weight * rate / top
        upward.append(weight)
    return count, downward[::-1] + upward
