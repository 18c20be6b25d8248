"""Feistel networks: the bijections under a permutation, and cycle walking to any size."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from rowmill.generate.draws.bits import Bits, mix_int

_ROUNDS = 4
# With four rounds, rows that differ in one half alone keep their difference once in 2**bits of the
# other half: too often below 16 bits.
_SMALL_ROUNDS, _SMALL_BITS = 6, 16
_SPREAD = np.uint64(0x9E3779B97F4A7C15)
_MIX = np.uint64(0xD6E8FEB86659FD93)
_HALF = np.uint64(32)


class NarrowNetwork:
    """A keyed bijection of 0 .. size - 1 for 2**16 < size <= 2**63.

    Four or six rounds over a left half of any radix and a right half of whole bits (the generalised
    network of Black and Rogaway 2002): the grid of the two is larger than the domain by less than
    a part in 256, and only what lands there is permuted again until it is inside.
    """

    def __init__(self, key: int, size: int) -> None:
        right_bits = (size - 1).bit_length() // 2
        radix = -(-size >> right_bits)
        self._limit = np.uint64(size)
        self._shift, self._mask = np.uint64(right_bits), np.uint64((1 << right_bits) - 1)
        self._right_bits, self._radix = right_bits, np.uint64(radix)
        self._rounds = _SMALL_ROUNDS if right_bits < _SMALL_BITS else _ROUNDS
        self._keys = _round_keys(key, self._rounds)

    def walk(self, values: Bits, *, inverse: bool) -> Bits:
        """The images of values, or what they are the images of."""
        once = self._backward if inverse else self._forward
        out = once(values)
        stray = np.flatnonzero(out >= self._limit)
        while len(stray):
            out[stray] = once(out[stray])
            stray = stray[out[stray] >= self._limit]
        return out

    def _forward(self, values: Bits) -> Bits:
        left, right, scratch = values >> self._shift, values & self._mask, np.empty_like(values)
        for turn in range(0, self._rounds, 2):
            self._draw_left(right, turn, scratch)
            left += scratch
            # Modulo the radix: a difference below 0 wraps around to more than the sum.
            np.minimum(left, np.subtract(left, self._radix, out=scratch), out=left)
            stir(left, self._keys[turn + 1], self._right_bits, scratch)
            right ^= scratch
        return self._join(left, right)

    def _backward(self, values: Bits) -> Bits:
        left, right, scratch = values >> self._shift, values & self._mask, np.empty_like(values)
        for turn in range(self._rounds - 2, -1, -2):
            stir(left, self._keys[turn + 1], self._right_bits, scratch)
            right ^= scratch
            self._draw_left(right, turn, scratch)
            left -= scratch
            np.minimum(left, np.add(left, self._radix, out=scratch), out=left)
        return self._join(left, right)

    def _draw_left(self, right: Bits, turn: int, out: Bits) -> None:
        """0 to radix - 1 (at most 2**32) from 32 bits that depend on `right`."""
        stir(right, self._keys[turn], 32, out)
        np.multiply(out, self._radix, out=out)
        np.right_shift(out, _HALF, out=out)

    def _join(self, left: Bits, right: Bits) -> Bits:
        np.left_shift(left, self._shift, out=left)
        np.bitwise_or(left, right, out=left)
        return left


class WideNetwork:
    """A keyed bijection of 0 .. size - 1 for 2**63 < size <= 2**128, over pairs of words.

    Four rounds over the halves of the smallest power of two that holds the size.
    """

    def __init__(self, key: int, size: int) -> None:
        width = (size - 1).bit_length()
        self._last = divmod(size - 1, 2**64)
        self._left_bits, self._right_bits = width // 2, width - width // 2
        self._keys = _round_keys(key, _ROUNDS)

    def walk(self, high: Bits, low: Bits, *, inverse: bool) -> tuple[Bits, Bits]:
        """The images of values as (upper, lower) words, or what they are the images of."""
        high, low = self._once(high, low, inverse=inverse)
        stray = np.flatnonzero(self._beyond(high, low))
        while len(stray):
            high[stray], low[stray] = self._once(high[stray], low[stray], inverse=inverse)
            stray = stray[self._beyond(high[stray], low[stray])]
        return high, low

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
        last_high, last_low = self._last
        beyond: NDArray[np.bool_] = low > np.uint64(last_low)
        beyond &= high == np.uint64(last_high)
        beyond |= high > np.uint64(last_high)
        return beyond

    def _rounds(self, left: Bits, right: Bits, *, inverse: bool) -> None:
        scratch = np.empty_like(left)
        for turn in range(_ROUNDS - 1, -1, -1) if inverse else range(_ROUNDS):
            if turn % 2 == 0:
                stir(right, self._keys[turn], self._left_bits, scratch)
                left ^= scratch
            else:
                stir(left, self._keys[turn], self._right_bits, scratch)
                right ^= scratch


def stir(half: Bits, key: Bits | np.uint64, width: int, out: Bits) -> None:
    """Into `out`: `width` bits (1 to 64) that depend on all bits of `half` and `key`."""
    np.add(half, key, out=out)
    np.multiply(out, _SPREAD, out=out)
    np.bitwise_xor(out, out >> _HALF, out=out)
    np.multiply(out, _MIX, out=out)
    np.right_shift(out, np.uint64(64 - width), out=out)


def _round_keys(key: int, rounds: int) -> list[np.uint64]:
    keys = [mix_int(key)]
    while len(keys) < rounds:
        keys.append(mix_int(keys[-1]))
    return [np.uint64(word) for word in keys]
