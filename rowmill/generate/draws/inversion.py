"""Numerical inversion of a log-concave density: where a given probability lies.

Adaptive Gauss-Legendre panels, summed from the end that a probability is counted from, and Newton
steps within a panel (as Derflinger, Hörmann and Leydold 2010 do for densities). All in the
arithmetic of `exact_math`: the same bits everywhere.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from rowmill.generate.draws.exact_math import Floats, exp, expm1, log1p

LogDensity = Callable[[Floats], Floats]

# Where the density is below e**-60 of its maximum, less than a 2**-30th of the smallest
# probability that is asked for (2**-54) is left.
_DROP = 60.0
# The lower half of the nodes and weights of 8-point Gauss-Legendre on [0, 1] (Abramowitz, Stegun
# 25.4.30).
_NODES = (0.019855071751231884, 0.10166676129318664, 0.2372337950418355, 0.4082826787521751)
_WEIGHTS = (0.05061426814518813, 0.1111905172266872, 0.15685332293894363, 0.181341891689181)
_GAUSS = [(x, w) for x, w in zip(_NODES, _WEIGHTS, strict=True)] + [
    (1.0 - x, w) for x, w in zip(_NODES[::-1], _WEIGHTS[::-1], strict=True)
]
_PRECISION = 1e-10
# Where the density's own rounding keeps panels from agreeing, no more are made.
_MOST_PANELS = 10_000
_NEWTON_STEPS = 3
# Points worked on at once, for the cache.
_CHUNK = 4096


def panels(log_density: LogDensity, left: float, right: float) -> tuple[Floats, Floats]:
    """Edges from about -left to right, and the mass between each and the next.

    The ends are drawn in to where the density is negligible. Panels are halved until 8 points and
    2 x 8 points agree.
    """
    low = -_extent(lambda d: log_density(-d), left)
    high = _extent(log_density, right)
    steps = np.arange(17) / 16
    edges = np.concatenate([(low * steps[:0:-1]) if low < 0.0 else [], [0.0]])
    edges = np.concatenate([edges, (high * steps[1:]) if high > 0.0 else []])
    while True:
        start, width = edges[:-1], edges[1:] - edges[:-1]
        middle = start + 0.5 * width
        whole = _integral(log_density, start, width)
        halves = _integral(log_density, start, 0.5 * width) + _integral(
            log_density, middle, edges[1:] - middle
        )
        rough = np.abs(whole - halves) > _PRECISION * halves
        # A panel that rounding keeps from halving is as fine as it gets.
        rough &= (middle > start) & (middle < edges[1:])
        if not rough.any() or len(edges) > _MOST_PANELS:
            return edges, halves
        edges = np.sort(np.concatenate([edges, middle[rough]]))


def lower_quantiles(
    log_density: LogDensity, edges: Floats, masses: Floats, probabilities: Floats
) -> Floats:
    """For each probability p the point below which the share p of all mass lies."""
    below = np.cumsum(masses)
    before = np.concatenate([[0.0], below[:-1]])
    heights = log_density(edges)
    points = np.empty_like(probabilities)
    for first in range(0, len(points), _CHUNK):
        target = probabilities[first : first + _CHUNK] * below[-1]
        panel = np.minimum(np.searchsorted(below, target), len(masses) - 1)
        start, width = edges[panel], edges[panel + 1] - edges[panel]
        wanted = target - before[panel]
        share = _guess((heights[1:] - heights[:-1])[panel], wanted / masses[panel])
        for _ in range(_NEWTON_STEPS):
            reach = share * width
            wrong = _integral(log_density, start, reach) - wanted
            slope = width * exp(log_density(start + reach))
            share = np.minimum(np.maximum(share - wrong / slope, 0.0), 1.0)
        points[first : first + _CHUNK] = start + share * width
    return points


def _guess(rise: Floats, missing: Floats) -> Floats:
    """The share of a panel's width with the share `missing` of its mass, were its density e**x.

    `rise` is how much the log-density rises over the panel.
    """
    flat = np.abs(rise) < 1e-6
    steep = np.where(flat, 1.0, rise)
    inner = np.minimum(np.maximum(missing, 0.0), 1.0)
    bent = log1p(np.maximum(inner * expm1(steep), 2.0**-53 - 1.0)) / steep
    return np.minimum(np.maximum(np.where(flat, inner, bent), 0.0), 1.0)


def _integral(log_density: LogDensity, start: Floats, width: Floats) -> Floats:
    total = np.zeros_like(start)
    for node, weight in _GAUSS:
        total += weight * exp(log_density(start + node * width))
    return total * width


def _extent(log_density: LogDensity, bound: float) -> float:
    """The distance within `bound` at which the log-density has dropped by `_DROP` or a bit more."""
    reach = (np.arange(-1000, 1001, dtype=np.int64) + 1023 << 52).view(np.float64)
    with np.errstate(over="ignore", invalid="ignore"):
        far = np.flatnonzero(log_density(reach) < -_DROP)
    low, high = 0.0, min(bound, float(reach[far[0] if len(far) else -1]))
    for _ in range(3):
        steps = low + (high - low) * (np.arange(17) / 16)
        far = np.flatnonzero(log_density(steps) < -_DROP)
        if len(far) == 0:
            return high
        low, high = float(steps[far[0] - 1]), float(steps[far[0]])
    return high
