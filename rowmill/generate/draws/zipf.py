"""Zipf's law: ranks 1 to N with a weight of rank ** -exponent, in constant time for any N."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from rowmill.generate.draws.alias import AliasTable
from rowmill.generate.draws.bits import Bits, blocks, keyed_bits
from rowmill.generate.draws.exact_math import exp, expm1, log
from rowmill.generate.draws.quantiles import QuantileTable, quantile_table
from rowmill.generate.draws.shapes import as_float

# The ranks with a weight of their own; with the rest as one outcome an alias table of 2**16.
_SINGLE = 2**16 - 1
# Of the rest, a rank's chance is the integral of x ** -exponent over rank - 1/2 to rank + 1/2,
# which is its weight to within exponent**2 / 10**11 of itself.


@dataclass(frozen=True)
class ZipfTable:
    """A table for `zipf_ranks`; `rest` draws the ranks above 65,535, None if there are none."""

    ranks: int
    single: AliasTable
    rest: QuantileTable | None


def zipf_table(exponent: float, ranks: int) -> ZipfTable:
    """The table for ranks 1 to `ranks` (1 to 2**53) and an exponent of at least 0.

    Raises:
        ValueError: a parameter is out of range.
    """
    if not (exponent >= 0.0 and 1 <= ranks <= 2**53):
        raise ValueError(
            f"zipf takes an exponent of at least 0 and 1 to 2**53 ranks, not {exponent} and {ranks}"
        )
    count = min(ranks, _SINGLE)
    weights = exp(-exponent * log(np.arange(1, count + 1, dtype=np.float64)))
    if ranks == count:
        return ZipfTable(ranks, AliasTable(weights), None)
    start = count + 0.5
    span = float(log(np.array([as_float(Fraction(2 * ranks + 1, 2 * count + 1))]))[0])
    fall = exponent - 1.0
    first = exp((1.0 - exponent) * log(np.array([start])))
    mass = span if fall == 0.0 else float(expm1(np.array([-fall * span]))[0]) / -fall
    single = AliasTable(np.append(weights, first * mass))
    # In log x the density is exponential, rising or falling, so its maximum is at an end.
    if fall >= 0.0:
        rest = quantile_table(lambda d: -fall * d, 0.0, span, lambda d: start * exp(d))
    else:
        end = ranks + 0.5
        rest = quantile_table(lambda d: -fall * d, span, 0.0, lambda d: end * exp(d))
    return ZipfTable(ranks, single, rest)


def zipf_ranks(random: Bits, table: ZipfTable) -> NDArray[np.int64]:
    """A rank from 1 to `table.ranks` for each 64 random bits."""
    ranks = table.single.draw(random)
    ranks += 1
    if table.rest is not None:
        for here, _ in blocks(len(random)):
            _draw_rest(random[here], ranks[here], table.ranks, table.rest)
    return ranks


def _draw_rest(random: Bits, ranks: NDArray[np.int64], most: int, rest: QuantileTable) -> None:
    """Replace the rank `_SINGLE + 1`, which stands for all from there on."""
    beyond = np.flatnonzero(ranks > _SINGLE)
    # The bits have been used to choose the rest; mixed once more they are fresh.
    far = rest.draw(keyed_bits(random[beyond], 1))
    far += 0.5
    np.floor(far, out=far)
    ranks[beyond] = np.clip(far, _SINGLE + 1, most, out=far)
