"""The difference of two multisets of rows, by their hashes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rowmill.verify.buckets import RowHashes

Numbers = NDArray[np.int64]


@dataclass(frozen=True)
class Unmatched:
    """Positions of rows without a partner on the other side.

    `doubles` are those of the stored rows that equal an expected row which has its partners
    already; `originals` are, for each of them, that expected row.
    """

    expected: Numbers
    stored: Numbers
    doubles: Numbers
    originals: Numbers


def unmatched(expected: RowHashes, stored: RowHashes) -> Unmatched:
    """Pair equal rows off and say what is left; of equal rows the last ones are left."""
    count = len(expected.high)
    sides = np.repeat(np.array([0, 1]), [count, len(stored.high)])
    high = np.concatenate([expected.high, stored.high])
    low = np.concatenate([expected.low, stored.low])
    # Stable: within a group the expected come first, each side in its own order.
    order = np.lexsort((sides, low, high))
    high, low, sides = high[order], low[order], sides[order]
    begins = np.ones(len(order), dtype=np.bool_)
    begins[1:] = (high[1:] != high[:-1]) | (low[1:] != low[:-1])
    groups = np.cumsum(begins) - 1
    starts = np.flatnonzero(begins)
    total = np.bincount(groups, minlength=len(starts))
    there = np.bincount(groups, weights=sides, minlength=len(starts)).astype(np.int64)
    wanted = total - there
    # The row's number among those of its group and side.
    rank = np.arange(len(order)) - starts[groups] - np.where(sides == 1, wanted[groups], 0)
    left = rank >= np.minimum(wanted, there)[groups]
    known = wanted[groups] > 0
    is_stored = sides == 1
    doubles = left & is_stored & known
    return Unmatched(
        expected=order[left & ~is_stored],
        stored=order[left & is_stored & ~known] - count,
        doubles=order[doubles] - count,
        originals=order[starts[groups[doubles]]],
    )
