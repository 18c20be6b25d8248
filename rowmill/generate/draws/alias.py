"""Alias tables of up to millions of outcomes, made by array operations in exact integers."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from rowmill.generate.draws.bits import Bits, blocks
from rowmill.generate.draws.exact_math import Floats

# All outcomes together; one bit less than a word, so that no sum overflows.
_TOTAL_BITS = 63


class AliasTable:
    """Draws outcome i with a chance proportional to `weights[i]`, exact to 2**-63 and 1e-12.

    Walker's method (1977): of 2**k columns, each as likely, column i keeps i below a threshold and
    else gives its alias. The top k bits of a draw are the column, the next 63 - k are compared.
    `weights` are non-negative, finite, at least one above 0; at most 2**24 of them.
    """

    def __init__(self, weights: Floats) -> None:
        self._column_bits = max(1, (len(weights) - 1).bit_length())
        shares = np.zeros(2**self._column_bits, dtype=np.uint64)
        shares[: len(weights)] = _shares(weights)
        self._thresholds, self._aliases = _columns(
            shares, np.uint64(2 ** (_TOTAL_BITS - self._column_bits))
        )

    def draw(self, random: Bits) -> NDArray[np.int64]:
        """An outcome for each 64 random bits."""
        out = np.empty(random.shape, dtype=np.int64)
        column_shift = np.uint64(64 - self._column_bits)
        fraction = np.uint64(2 ** (_TOTAL_BITS - self._column_bits) - 1)
        for here, scratch in blocks(len(random)):
            column = out[here]
            np.right_shift(random[here], column_shift, out=column.view(np.uint64))
            threshold = np.take(self._thresholds, column, mode="clip")
            np.right_shift(random[here], np.uint64(1), out=scratch)
            np.bitwise_and(scratch, fraction, out=scratch)
            moved = scratch >= threshold
            alias = np.take(self._aliases, column, mode="clip")
            # column + moved x (alias - column): a choice without a branch.
            np.subtract(alias, column, out=alias)
            np.multiply(alias, moved, out=alias)
            np.add(column, alias, out=column)
        return out


def _shares(weights: Floats) -> NDArray[np.uint64]:
    """Integers proportional to the weights with the sum 2**63; the largest takes the rounding."""
    total = np.cumsum(weights)[-1]
    shares: NDArray[np.uint64] = (weights / total * 2.0**_TOTAL_BITS).astype(np.uint64)
    sums = np.cumsum(shares)
    largest = int(np.argmax(shares))
    # Modulo 2**64 the missing part comes out right even if rounding made the sum too large.
    shares[largest : largest + 1] += np.uint64(2**_TOTAL_BITS) - sums[-1:]
    return shares


def _columns(
    shares: NDArray[np.uint64], size: np.uint64
) -> tuple[NDArray[np.uint64], NDArray[np.int64]]:
    """Thresholds and aliases of columns of `size`, of which `shares` fill all.

    The outcomes short of a column, in order, are filled up from those with more, in order. An
    outcome with more that has given away too much is itself filled up from the next. So whose alias
    is whose follows from the running sums of what is lacking and of what is left over.
    """
    thresholds = np.minimum(shares, size)
    aliases = np.arange(len(shares), dtype=np.int64)
    poor = np.flatnonzero(shares < size)
    rich = np.flatnonzero(shares > size)
    if len(poor) == 0:
        return thresholds, aliases
    lacking = np.cumsum(size - shares[poor])
    spare = np.cumsum(shares[rich] - size)
    before = np.concatenate([np.zeros(1, dtype=np.uint64), lacking[:-1]])
    aliases[poor] = rich[np.searchsorted(spare, before, side="right")]
    # Each but the last of the rich ends where the lacking first reaches its spare.
    ended = lacking[np.searchsorted(lacking, spare[:-1], side="left")]
    thresholds[rich[:-1]] = size - (ended - spare[:-1])
    aliases[rich[:-1]] = rich[1:]
    return thresholds, aliases
