"""Permutations: keyed bijections of 0 .. size - 1, computed row by row, and their inverses."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from rowmill.counting import counted
from rowmill.generate.draws.bits import BLOCK, Bits, below, bits, keyed_bits
from rowmill.generate.draws.feistel import NarrowNetwork, WideNetwork, stir

NARROWEST_WIDE = 2**63 + 1
WIDEST = 2**128

# Up to this size a table is made once: a true shuffle, and faster than any arithmetic.
_TABLE = 2**16
# Of permutations that are all alike but for their key, the smallest (up to 16 elements) need more
# rounds until every pair of images is as likely.
_KEYED_ROUNDS, _SMALL_ROUNDS, _SMALL = 6, 16, 16


class Permutation:
    """A bijection of 0 .. size - 1 for any 1 <= size <= 2**128, chosen by a 64-bit key.

    Small sizes are shuffled, larger ones go through a Feistel network.
    """

    def __init__(self, key: int, size: int) -> None:
        if not 1 <= size <= WIDEST:
            raise ValueError(f"a permutation has 1 to 2**128 elements, not {size}")
        self.size = size
        self._narrow: _Shuffle | _Blocks | None = None
        self._wide: WideNetwork | None = None
        if size <= _TABLE:
            self._narrow = _Shuffle(key, size)
        elif size < NARROWEST_WIDE:
            self._narrow = _Blocks(NarrowNetwork(key, size))
        else:
            self._wide = WideNetwork(key, size)

    def forward(self, index: NDArray[np.int64]) -> NDArray[np.int64]:
        """The image of each index; size at most 2**63."""
        if self._narrow is None:
            raise ValueError(f"{counted(self.size, 'element')} need the wide form of a permutation")
        return self._narrow.forward(index)

    def inverse(self, image: NDArray[np.int64]) -> NDArray[np.int64]:
        """The index whose image each one is; size at most 2**63."""
        if self._narrow is None:
            raise ValueError(f"{counted(self.size, 'element')} need the wide form of a permutation")
        return self._narrow.inverse(image)

    def forward_wide(self, index: NDArray[np.int64]) -> tuple[Bits, Bits]:
        """The image of each index as (upper 64 bits, lower 64 bits), for any size."""
        if self._wide is None:
            low = self.forward(index).view(np.uint64)
            return np.zeros_like(low), low
        low = index.view(np.uint64)
        return self._wide.walk(np.zeros_like(low), low, inverse=False)

    def inverse_wide(self, high: Bits, low: Bits) -> tuple[Bits, Bits]:
        """The index as (upper, lower) 64 bits whose image each (high, low) is."""
        if self._wide is None:
            index = self.inverse(low.view(np.int64)).view(np.uint64)
            return np.zeros_like(index), index
        return self._wide.walk(high, low, inverse=True)


class KeyedPermutation:
    """A family of bijections of 0 .. size - 1 (size at most 2**63), one for every key.

    A Feistel network over the halves of the smallest power of two that holds the size, with round
    keys of each row's own, cycle walking, and a rotation: so each image alone is uniform however
    small the size.
    """

    def __init__(self, size: int) -> None:
        if not 1 <= size <= 2**63:
            raise ValueError(f"a keyed permutation has 1 to 2**63 elements, not {size}")
        width = max((size - 1).bit_length(), 2)
        self._size = size
        self._left_bits, self._right_bits = width // 2, width - width // 2
        self._rounds = _SMALL_ROUNDS if size <= _SMALL else _KEYED_ROUNDS

    def forward(self, keys: Bits, index: NDArray[np.int64]) -> NDArray[np.int64]:
        """The image of each index under the permutation of the key beside it."""
        limit = np.uint64(self._size)
        out = self._once(keys, index.view(np.uint64))
        stray = np.flatnonzero(out >= limit)
        while len(stray):
            out[stray] = self._once(keys[stray], out[stray])
            stray = stray[out[stray] >= limit]
        # Rotated without a sum beyond 64 bits: size <= 2**63.
        out += below(keyed_bits(keys, -1), self._size).view(np.uint64)
        out -= limit * (out >= limit)
        return out.view(np.int64)

    def _once(self, keys: Bits, values: Bits) -> Bits:
        shift, mask = np.uint64(self._right_bits), np.uint64((1 << self._right_bits) - 1)
        left, right, scratch = values >> shift, values & mask, np.empty_like(values)
        for turn in range(0, self._rounds, 2):
            stir(right, keyed_bits(keys, turn), self._left_bits, scratch)
            left ^= scratch
            stir(left, keyed_bits(keys, turn + 1), self._right_bits, scratch)
            right ^= scratch
        left <<= shift
        left |= right
        return left


class _Shuffle:
    """A table in random order: the bits of different rows differ, so there are no ties."""

    def __init__(self, key: int, size: int) -> None:
        self._images = np.argsort(bits(key, np.arange(size, dtype=np.int64)))
        self._indexes = np.argsort(self._images)

    def forward(self, index: NDArray[np.int64]) -> NDArray[np.int64]:
        return self._images[index]

    def inverse(self, image: NDArray[np.int64]) -> NDArray[np.int64]:
        return self._indexes[image]


class _Blocks:
    """A network applied block by block, so that its scratch stays in the cache."""

    def __init__(self, network: NarrowNetwork) -> None:
        self._network = network

    def forward(self, index: NDArray[np.int64]) -> NDArray[np.int64]:
        return self._walk(index, inverse=False)

    def inverse(self, image: NDArray[np.int64]) -> NDArray[np.int64]:
        return self._walk(image, inverse=True)

    def _walk(self, values: NDArray[np.int64], *, inverse: bool) -> NDArray[np.int64]:
        out = np.empty(values.shape, dtype=np.int64)
        for start in range(0, len(values), BLOCK):
            here = slice(start, start + BLOCK)
            images = self._network.walk(values[here].view(np.uint64), inverse=inverse)
            out[here] = images.view(np.int64)
        return out
