"""Poisson counts, truncated, of any mean: an exact table, or for huge means its smooth outline."""

from __future__ import annotations

from fractions import Fraction
from math import sqrt

import numpy as np
from numpy.typing import NDArray

from rowmill.generate.draws.alias import AliasTable
from rowmill.generate.draws.bits import Bits
from rowmill.generate.draws.exact_math import Floats, log
from rowmill.generate.draws.quantiles import QuantileTable, quantile_table
from rowmill.generate.draws.shapes import as_float

# An exact table of at most so many counts; it suffices for means up to 29 million.
_MOST_COUNTS = 2**17


class PoissonTable:
    """Draws Poisson counts with `mean` before truncation to [first, last], 0 <= first <= last.

    Each count has its own weight, from the ratio to its neighbour, for as far as they matter (to
    2**-63 of all). If that takes more than 131,072 counts (a mean above 29 million), the counts are
    rounded from the continuous density mean**x / Gamma(x + 1) between first - 1/2 and last + 1/2, a
    count's chance of which is off by less than 2 x 10**-9 of itself.
    """

    def __init__(self, mean: float, first: int, last: int) -> None:
        if not 0 <= first <= last:
            raise ValueError(f"no Poisson count lies between {first} and {last}")
        likely = min(max(int(mean), first), last)
        # Ten standard deviations and more; the constant is for small means.
        reach = 200 + int(12.0 * sqrt(likely))
        below, above = min(likely - first, reach), min(last - likely, reach)
        self._smooth: QuantileTable | None = None
        self._alias: AliasTable | None = None
        if below + above < _MOST_COUNTS:
            self._origin = likely - below
            self._alias = AliasTable(_weights(mean, likely, below, above))
        else:
            self._origin = likely
            self._smooth = _outline(mean, likely, likely - first, last - likely)
            self._range = (float(first - likely), float(last - likely))

    def draw(self, random: Bits) -> NDArray[np.int64]:
        """A count for each 64 random bits."""
        if self._alias is not None:
            counts = self._alias.draw(random)
        else:
            assert self._smooth is not None
            distance = self._smooth.draw(random)
            distance += 0.5
            np.floor(distance, out=distance)
            counts = np.clip(distance, *self._range, out=distance).astype(np.int64)
        counts += self._origin
        return counts


def _weights(mean: float, likely: int, below: int, above: int) -> Floats:
    """Weights of `likely - below` to `likely + above`, that of `likely` being 1."""
    up = mean / (likely + np.arange(1, above + 1, dtype=np.float64))
    down = (likely - np.arange(below, dtype=np.float64)) / mean if below else np.empty(0)
    return np.concatenate([np.multiply.accumulate(down)[::-1], [1.0], np.multiply.accumulate(up)])


def _outline(mean: float, likely: int, below: int, above: int) -> QuantileTable:
    """The table of x - likely, x continuous with density mean**x / Gamma(x + 1).

    By Stirling, with X = likely + 1/2, the log-density at a distance d is
    d log(mean / X) - X f(d / X), f(t) = (1 + t) log(1 + t) - t, and what matters has |t| < 0.01.
    """
    centre = likely + 0.5
    slope = float(log(np.array([as_float(Fraction(mean) / Fraction(centre))]))[0])

    def log_density(d: Floats) -> Floats:
        t = d / centre
        series = 1.0 / 2.0 - t * (1.0 / 6.0 - t * (1.0 / 12.0 - t * (1.0 / 20.0 - t / 30.0)))
        return d * slope - d * t * series

    return quantile_table(log_density, below + 0.5, above + 0.5, lambda d: d)
