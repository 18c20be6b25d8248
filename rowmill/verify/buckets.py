"""Row hashes and their sums by bucket: what two sets of rows have in common, in fixed memory.

Each row gets 128 bits. 65,536 buckets hold how many rows fell into them and the sum of their
hashes: a multiset's fingerprint that needs no order, no key and no index.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from rowmill.verify.cell_hash import Words, mix

BUCKETS = 65_536
_MASK = np.uint64(BUCKETS - 1)
_FACTORS = np.uint64(0xD6E8FEB86659FD93)


@dataclass(frozen=True)
class RowHashes:
    """128 bits a row, as two arrays of words."""

    high: Words
    low: Words

    def buckets(self) -> NDArray[np.int64]:
        """The bucket of each row."""
        return (self.high & _MASK).astype(np.int64)


def row_hashes(cells: Sequence[Words], rows: int) -> RowHashes:
    """Join the cells' hashes of `rows` rows, column by column: a cell counts at its place alone.

    Each half is a linear form of the cells' hashes, whose odd factors are its own, then scrambled.
    """
    high = np.zeros(rows, dtype=np.uint64)
    low = np.zeros(rows, dtype=np.uint64)
    factors = mix(np.arange(2 * len(cells), dtype=np.uint64) + _FACTORS) | np.uint64(1)
    for place, hashes in enumerate(cells):
        high += hashes * factors[2 * place]
        low += hashes * factors[2 * place + 1]
    return RowHashes(mix(high), mix(low))


def _zeros() -> Words:
    return np.zeros(BUCKETS, dtype=np.uint64)


@dataclass
class Buckets:
    """Counts and sums by bucket; `add` rows in any order, in as many pieces as wanted."""

    counts: Words = field(default_factory=_zeros)
    highs: Words = field(default_factory=_zeros)
    lows: Words = field(default_factory=_zeros)

    def add(self, hashes: RowHashes) -> None:
        places = hashes.buckets()
        self.counts += np.bincount(places, minlength=BUCKETS).astype(np.uint64)
        np.add.at(self.highs, places, hashes.high)
        np.add.at(self.lows, places, hashes.low)

    def merge(self, other: Buckets) -> None:
        """Add another's rows to these."""
        self.counts += other.counts
        self.highs += other.highs
        self.lows += other.lows

    def without(self, other: Buckets) -> Buckets:
        """These rows less the other's, which must be among them."""
        return Buckets(self.counts - other.counts, self.highs - other.highs, self.lows - other.lows)

    def same(self, other: Buckets) -> bool:
        """Whether these rows and the other's are the same multiset."""
        return not self.differing(other).any()

    @property
    def rows(self) -> int:
        return int(self.counts.sum())

    @property
    def checksum(self) -> str:
        """The table's data checksum: the sum of all row hashes, as 32 hexadecimal digits."""
        return f"{int(self.highs.sum()):016x}{int(self.lows.sum()):016x}"

    def differing(self, other: Buckets) -> NDArray[np.bool_]:
        """A mask over the buckets: where these rows and the other's are not the same multiset.

        Rows that differ have equal sums in both halves with probability 2**-128.
        """
        differs: NDArray[np.bool_] = self.counts != other.counts
        differs |= self.highs != other.highs
        differs |= self.lows != other.lows
        return differs
