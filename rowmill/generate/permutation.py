"""Permutations: keyed bijections of 0 .. size - 1, computed row by row, and their inverses."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from rowmill.generate.bits import BLOCK, Bits, below, bits, keyed_bits, mix_int

WIDEST = 2**128

# Up to this size a table is made once: a true shuffle, and faster than any arithmetic.
_TABLE = 2**16
_ROUNDS = 4
# Of permutations that are all alike but for their key, the smallest (up to 16 elements) need more
# rounds until every pair of images is as likely.
_KEYED_ROUNDS, _SMALL_ROUNDS, _SMALL = 6, 16, 16
_SPREAD = np.uint64(0x9E3779B97F4A7C15)
_MIX = np.uint64(0xD6E8FEB86659FD93)
_HALF = np.uint64(32)


class Permutation:
    """A bijection of 0 .. size - 1 for any 1 <= size <= 2**128, chosen by a 64-bit key.

    Small sizes are shuffled; larger ones go through a Feistel network of four rounds over the two
    halves of the smallest power of two that holds them, with cycle walking: an image outside the
    domain is permuted again until it is inside (Black and Rogaway 2002), fewer than two passes on
    average.
    """

    def __init__(self, key: int, size: int) -> None:
        if not 1 <= size <= WIDEST:
            raise ValueError(f"a permutation has 1 to 2**128 elements, not {size}")
        self.size = size
        self._table: NDArray[np.int64] | None = None
        self._inverse: NDArray[np.int64] | None = None
        if size <= _TABLE:
            # The bits of different rows differ, so the order is free of ties.
            self._table = np.argsort(bits(key, np.arange(size, dtype=np.int64)))
            self._inverse = np.argsort(self._table)
        self._network = _Network(key, size)

    def forward(self, index: NDArray[np.int64]) -> NDArray[np.int64]:
        """The image of each index; size at most 2**63."""
        if self._table is not None:
            return self._table[index]
        return self._narrow(index, inverse=False)

    def inverse(self, image: NDArray[np.int64]) -> NDArray[np.int64]:
        """The index whose image each one is; size at most 2**63."""
        if self._inverse is not None:
            return self._inverse[image]
        return self._narrow(image, inverse=True)

    def forward_wide(self, index: NDArray[np.int64]) -> tuple[Bits, Bits]:
        """The image of each index as (upper 64 bits, lower 64 bits), for any size."""
        if self._table is not None:
            low = self._table[index].view(np.uint64)
            return np.zeros_like(low), low
        low = index.astype(np.int64, copy=False).view(np.uint64)
        return self._network.walk(np.zeros_like(low), low, inverse=False)

    def inverse_wide(self, high: Bits, low: Bits) -> tuple[Bits, Bits]:
        """The index as (upper, lower) 64 bits whose image each (high, low) is."""
        if self._inverse is not None:
            index = self._inverse[low.view(np.int64)].view(np.uint64)
            return np.zeros_like(index), index
        return self._network.walk(high, low, inverse=True)

    def _narrow(self, values: NDArray[np.int64], *, inverse: bool) -> NDArray[np.int64]:
        if self.size > 2**63:
            raise ValueError(f"{self.size} elements need the wide form of a permutation")
        out = np.empty(values.shape, dtype=np.int64)
        for start in range(0, len(values), BLOCK):
            here = slice(start, start + BLOCK)
            out[here] = self._network.walk_narrow(values[here].view(np.uint64), inverse=inverse)
        return out


class KeyedPermutation:
    """A family of bijections of 0 .. size - 1 (size at most 2**63), one for every key.

    The Feistel network of `Permutation`, with round keys of each row's own, and a rotation: so
    each image alone is uniform however small the size.
    """

    def __init__(self, size: int) -> None:
        if not 1 <= size <= 2**63:
            raise ValueError(f"a keyed permutation has 1 to 2**63 elements, not {size}")
        self._size = size
        self._left_bits, self._right_bits = _halves(size)
        self._rounds = _SMALL_ROUNDS if size <= _SMALL else _KEYED_ROUNDS

    def forward(self, keys: Bits, index: NDArray[np.int64]) -> NDArray[np.int64]:
        """The image of each index under the permutation of the key beside it."""
        limit = np.uint64(self._size)
        out = self._once(keys, index.view(np.uint64))
        outside = np.flatnonzero(out >= limit)
        while len(outside):
            out[outside] = self._once(keys[outside], out[outside])
            outside = outside[out[outside] >= limit]
        # Rotated without a sum beyond 64 bits: size <= 2**63.
        out += below(keyed_bits(keys, -1), self._size).view(np.uint64)
        out -= limit * (out >= limit)
        return out.view(np.int64)

    def _once(self, keys: Bits, values: Bits) -> Bits:
        shift, mask = np.uint64(self._right_bits), np.uint64((1 << self._right_bits) - 1)
        left, right, scratch = values >> shift, values & mask, np.empty_like(values)
        for turn in range(0, self._rounds, 2):
            _stir(right, keyed_bits(keys, turn), self._left_bits, scratch)
            left ^= scratch
            _stir(left, keyed_bits(keys, turn + 1), self._right_bits, scratch)
            right ^= scratch
        left <<= shift
        left |= right
        return left


class _Network:
    """A Feistel network over `left_bits + right_bits` bits, and cycle walking to `size`."""

    def __init__(self, key: int, size: int) -> None:
        self._size = size
        self._left_bits, self._right_bits = _halves(size)
        self._keys = []
        for _ in range(_ROUNDS):
            key = mix_int(key)
            self._keys.append(np.uint64(key))

    def walk_narrow(self, values: Bits, *, inverse: bool) -> NDArray[np.int64]:
        """Images of values below size <= 2**63."""
        shift, mask = np.uint64(self._right_bits), np.uint64((1 << self._right_bits) - 1)
        limit = np.uint64(self._size)

        def once(some: Bits) -> Bits:
            left, right = some >> shift, some & mask
            self._rounds(left, right, inverse=inverse)
            np.left_shift(left, shift, out=left)
            np.bitwise_or(left, right, out=left)
            return left

        out = once(values)
        outside = np.flatnonzero(out >= limit)
        stray = out[outside]
        while len(outside):
            stray = once(stray)
            inside = stray < limit
            out[outside[inside]] = stray[inside]
            outside, stray = outside[~inside], stray[~inside]
        return out.view(np.int64)

    def walk(self, high: Bits, low: Bits, *, inverse: bool) -> tuple[Bits, Bits]:
        """Images of 128-bit values given and returned as (upper, lower) words."""
        out_high, out_low = self._once(high, low, inverse=inverse)
        outside = np.flatnonzero(self._beyond(out_high, out_low))
        high, low = out_high[outside], out_low[outside]
        while len(outside):
            high, low = self._once(high, low, inverse=inverse)
            beyond = self._beyond(high, low)
            out_high[outside[~beyond]] = high[~beyond]
            out_low[outside[~beyond]] = low[~beyond]
            outside, high, low = outside[beyond], high[beyond], low[beyond]
        return out_high, out_low

    def _once(self, high: Bits, low: Bits, *, inverse: bool) -> tuple[Bits, Bits]:
        if self._right_bits == 64:
            left, right = high.copy(), low.copy()
            self._rounds(left, right, inverse=inverse)
            return left, right
        shift, rest = np.uint64(self._right_bits), np.uint64(64 - self._right_bits)
        left = (low >> shift) | (high << rest)
        right = low & np.uint64((1 << self._right_bits) - 1)
        self._rounds(left, right, inverse=inverse)
        return left >> rest, (left << shift) | right

    def _beyond(self, high: Bits, low: Bits) -> NDArray[np.bool_]:
        last_high, last_low = divmod(self._size - 1, 2**64)
        beyond: NDArray[np.bool_] = low > np.uint64(last_low)
        beyond &= high == np.uint64(last_high)
        beyond |= high > np.uint64(last_high)
        return beyond

    def _rounds(self, left: Bits, right: Bits, *, inverse: bool) -> None:
        scratch = np.empty_like(left)
        for turn in range(_ROUNDS - 1, -1, -1) if inverse else range(_ROUNDS):
            if turn % 2 == 0:
                _stir(right, self._keys[turn], self._left_bits, scratch)
                np.bitwise_xor(left, scratch, out=left)
            else:
                _stir(left, self._keys[turn], self._right_bits, scratch)
                np.bitwise_xor(right, scratch, out=right)


def _halves(size: int) -> tuple[int, int]:
    """The bits of the left and the right half of the smallest power of two that holds `size`."""
    width = max((size - 1).bit_length(), 2)
    return width // 2, width - width // 2


def _stir(half: Bits, key: Bits | np.uint64, width: int, out: Bits) -> None:
    """`width` bits (1 to 64) that depend on all bits of `half` and `key`."""
    np.add(half, key, out=out)
    np.multiply(out, _SPREAD, out=out)
    np.bitwise_xor(out, out >> _HALF, out=out)
    np.multiply(out, _MIX, out=out)
    np.right_shift(out, np.uint64(64 - width), out=out)
