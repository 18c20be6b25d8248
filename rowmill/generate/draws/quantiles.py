"""Quantile tables: from 64 random bits to a value of any log-concave density, in constant time.

The inverse of the distribution function as cubics over octaves of the probability towards both
ends, so that the far tails are as right as the middle. The table is of the truncated distribution
itself, so truncation costs a draw nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rowmill.generate.draws.bits import Bits, blocks
from rowmill.generate.draws.exact_math import Floats
from rowmill.generate.draws.inversion import LogDensity, lower_quantiles, panels

# Towards each end the probability is an odd multiple of 2**-54 below 1/2: 53 octaves.
_OCTAVES = 53
# Pieces of an octave, as powers of two: the first that is fine enough is taken.
_PIECE_BITS = (5, 7, 9)
# A piece holds its share of the probability to within this part of the probability beyond it.
_TOLERANCE = 5e-6
# Values whose cubics leave the normal doubles.
_NEGLIGIBLE = 1e-290

Value = Callable[[Floats], Floats]


@dataclass(frozen=True)
class QuantileTable:
    """Draws from the distribution that a table was made for (`quantile_table`).

    `coefficients` are of shape (4, 2 x 53 x 2**piece_bits): the cubics of the lower half, by
    rising probability from the low end, then those of the upper half, by rising probability from
    the high end.
    """

    coefficients: Floats
    piece_bits: int

    def draw(self, random: Bits) -> Floats:
        """A value for each 64 random bits: the top bit is the half, the next 52 the place in it."""
        out = np.empty(random.shape, dtype=np.float64)
        place = np.uint64(2**52 - 1)
        # The float of a place + 1/2 holds the octave in its exponent, the piece in its upper
        # mantissa bits and the position in the piece in the rest.
        rest_bits = 52 - self.piece_bits
        rest, scale = np.int64(2**rest_bits - 1), 2.0**-rest_bits
        first = np.int64(1022 << self.piece_bits)
        half = np.uint64(_OCTAVES << self.piece_bits)
        for here, scratch in blocks(len(random)):
            value = out[here]
            np.right_shift(random[here], np.uint64(11), out=scratch)
            np.bitwise_and(scratch, place, out=scratch)
            value[...] = scratch.view(np.int64)
            value += 0.5
            piece = scratch.view(np.int64)
            np.right_shift(value.view(np.int64), np.int64(rest_bits), out=piece)
            np.subtract(piece, first, out=piece)
            position = np.bitwise_and(value.view(np.int64), rest).astype(np.float64)
            position *= scale
            upper = np.right_shift(random[here], np.uint64(63))
            upper *= half
            np.add(scratch, upper, out=scratch)
            gathered = upper.view(np.float64)
            np.take(self.coefficients[3], piece, out=value, mode="clip")
            for power in (2, 1, 0):
                np.take(self.coefficients[power], piece, out=gathered, mode="clip")
                value *= position
                value += gathered
        return out


def constant_table(value: float) -> QuantileTable:
    """The distribution of one value."""
    coefficients = np.zeros((4, 2 * _OCTAVES), dtype=np.float64)
    coefficients[0] = value
    return QuantileTable(coefficients, 0)


def quantile_table(
    log_density: LogDensity, left: float, right: float, value: Value
) -> QuantileTable:
    """The table of `value(d)` for d in [-left, right] distributed with a log-concave density.

    `log_density(d)` need not be normalised; it is about 0 at its maximum, which is at or near 0.
    `value` is increasing. `left` and `right` are at least 0 and may be infinite.

    Raises:
        ValueError: the density or the values leave the range of doubles.
    """
    if left + right == 0.0:
        return constant_table(float(value(np.zeros(1))[0]))
    # What goes beyond the doubles is found in the outcome.
    with np.errstate(all="ignore"):
        table = _fitted(log_density, left, right, value)
    if not np.isfinite(table.coefficients).all():
        raise ValueError(
            "the distribution is too far from its bounds, too narrow or too wide for doubles: "
            "bring its parameters nearer to the values that the column can hold"
        )
    return table


def _fitted(log_density: LogDensity, left: float, right: float, value: Value) -> QuantileTable:
    """The table with the fewest pieces that are fine enough."""
    edges, masses = panels(log_density, left, right)
    mirrored_edges, mirrored_masses = -edges[::-1], masses[::-1].copy()
    for piece_bits in _PIECE_BITS:
        places = _probabilities(piece_bits)
        lower = lower_quantiles(log_density, edges, masses, places)
        upper = lower_quantiles(lambda d: log_density(-d), mirrored_edges, mirrored_masses, places)
        fits = [_cubics(value(lower)), _cubics(value(-upper))]
        if max(worst for _, worst in fits) <= _TOLERANCE * 2**piece_bits:
            break
    return QuantileTable(np.concatenate([cubics for cubics, _ in fits], axis=1), piece_bits)


def _probabilities(piece_bits: int) -> Floats:
    """The probabilities at the ends and quarters of all pieces of one half, rising."""
    quarters = 4 << piece_bits
    octave = 1.0 + np.arange(quarters) / quarters
    powers = (np.arange(_OCTAVES, dtype=np.int64) + (1023 - 54) << 52).view(np.float64)
    return np.append((powers[:, None] * octave).ravel(), 0.5)


def _cubics(values: NDArray[np.float64]) -> tuple[Floats, float]:
    """The cubics through each piece's ends and outer quarters, and the worst miss in the middle.

    The miss is a part of the piece's whole rise, less what rounding explains.
    """
    start, rise = values[:-1:4], values[4::4] - values[:-1:4]
    quarter, half = values[1::4] - start, values[2::4] - start
    three_quarters = values[3::4] - start
    linear = 8.0 * quarter + rise - (8.0 / 3.0) * three_quarters
    square = (64.0 * quarter - rise) / 3.0 - 5.0 * linear
    cube = rise - linear - square
    middle = 0.5 * (linear + 0.5 * (square + 0.5 * cube))
    rounding = 1e-14 * np.maximum(np.abs(values[:-1:4]), np.abs(values[4::4])) + _NEGLIGIBLE
    miss = np.maximum(np.abs(middle - half) - rounding, 0.0)
    worst = float(np.max(miss / np.maximum(np.abs(rise), 5e-324)))
    return np.stack([start, linear, square, cube]), worst
