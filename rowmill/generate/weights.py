"""Weighted draws: an index by integer weights, in constant time."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from rowmill.generate.bits import Bits, blocks

# A column is drawn by 32 bits: beyond this many its chance would be off by more than 2**-12.
MOST_WEIGHTS = 2**20


class WeightedIndex:
    """Draws index i with a chance proportional to `weights[i]` (non-negative, one above 0).

    An alias table (Vose 1991) in exact integers: of its n columns, each as likely, column i keeps
    i below a threshold and gives its alias otherwise. The column comes from the upper 32 bits of a
    draw, the threshold is compared with the lower 32, so that a chance is exact to 2**-32.
    """

    def __init__(self, weights: Sequence[int]) -> None:
        if len(weights) > MOST_WEIGHTS or min(weights) < 0 or sum(weights) == 0:
            raise ValueError(
                "weights are at most 2**20 integers of at least 0, and one of them is above 0"
            )
        thresholds, aliases = _alias_table(weights)
        self._count = np.uint64(len(weights))
        self._thresholds = thresholds
        self._aliases = aliases

    def draw(self, random: Bits) -> NDArray[np.int64]:
        """An index for each 64 random bits."""
        out = np.empty(random.shape, dtype=np.int64)
        half, low_mask = np.uint64(32), np.uint64(2**32 - 1)
        for here, scratch in blocks(len(random)):
            np.right_shift(random[here], half, out=scratch)
            np.multiply(scratch, self._count, out=scratch)
            np.right_shift(scratch, half, out=scratch)
            column = scratch.view(np.int64)
            kept = (random[here] & low_mask) < self._thresholds[column]
            out[here] = np.where(kept, column, self._aliases[column])
        return out


def _alias_table(weights: Sequence[int]) -> tuple[NDArray[np.uint64], NDArray[np.int64]]:
    """Thresholds in units of 2**-32 of a column (2**32: always kept), and aliases."""
    count, total = len(weights), sum(weights)
    left = [weight * count for weight in weights]
    thresholds, aliases = [2**32] * count, list(range(count))
    small = [i for i, amount in enumerate(left) if amount < total]
    large = [i for i, amount in enumerate(left) if amount >= total]
    while small and large:
        less, more = small.pop(), large[-1]
        thresholds[less], aliases[less] = left[less] * 2**32 // total, more
        left[more] -= total - left[less]
        if left[more] < total:
            small.append(large.pop())
    return np.array(thresholds, dtype=np.uint64), np.array(aliases, dtype=np.int64)
