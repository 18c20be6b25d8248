"""Random bits: 64 for each (key, row), and the exact draws made from them.

Only integer arithmetic, single float operations and comparisons: every machine gets the same bits.
Arrays are worked on in blocks that stay in a core's second-level cache.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

Bits = NDArray[np.uint64]

# 16,384 rows: block, scratch and result together are 384 KiB.
BLOCK = 16_384

_MASK = 2**64 - 1
# Splitmix64 (Steele, Lea, Flood 2014), with the constants of Stafford's variant 13.
_GOLDEN = 0x9E3779B97F4A7C15
_FIRST = 0xBF58476D1CE4E5B9
_SECOND = 0x94D049BB133111EB

# Up to here a draw of 32 bits is even enough: no value's chance is off by more than 2**-16.
_NARROW = 2**16
# Up to here a draw of 64 bits is: likewise 2**-16. Beyond it 128 bits are drawn.
_ONE_WORD = 2**48


def bits(key: int, rows: NDArray[np.int64]) -> Bits:
    """64 random bits for each row, shape as `rows`.

    Splitmix64's finalizer over `row x golden + key`, with the mixed key added once more halfway,
    so that two keys' streams are never shifted copies of each other.
    """
    out = np.empty(rows.shape, dtype=np.uint64)
    first, second = key & _MASK, mix_int(key)
    for here, scratch in blocks(len(rows)):
        z = out[here]
        np.multiply(rows[here].view(np.uint64), np.uint64(_GOLDEN), out=z)
        np.add(z, np.uint64(first), out=z)
        _finish(z, scratch, np.uint64(second))
    return out


def keyed_bits(keys: Bits, index: NDArray[np.int64] | int) -> Bits:
    """64 random bits for each pair of a key (64 random bits themselves) and an index."""
    out = np.empty(keys.shape, dtype=np.uint64)
    many = np.broadcast_to(np.asarray(index, dtype=np.int64), keys.shape)
    for here, scratch in blocks(len(keys)):
        z = out[here]
        np.multiply(many[here].view(np.uint64), np.uint64(_GOLDEN), out=z)
        np.add(z, keys[here], out=z)
        _finish(z, scratch, keys[here])
    return out


def below(random: Bits, count: int) -> NDArray[np.int64]:
    """An integer 0 to `count - 1` for each 64 random bits; 1 <= count <= 2**63.

    Multiply-high: `floor(random x count / 2**64)`, the product's high half put together from 32-bit
    halves. A value's chance is off by at most `count / 2**64` of itself (for counts up to 65,536,
    which use the upper 32 bits alone, `count / 2**32`). For counts above 2**48 prefer `integers`.
    """
    return scaled(random, count).view(np.int64)


def scaled(random: Bits, count: int) -> Bits:
    """`below` as unsigned integers, for 1 <= count < 2**64."""
    return _scale(random, count, np.empty(random.shape, dtype=np.uint64))


def below_each(random: Bits, counts: NDArray[np.int64]) -> NDArray[np.int64]:
    """`below` with a count (1 to 2**63 - 1) of its own for each draw, always from all 64 bits."""
    low_mask, half = np.uint64(2**32 - 1), np.uint64(32)
    many = counts.view(np.uint64)
    upper, lower = random >> half, random & low_mask
    count_upper, count_lower = many >> half, many & low_mask
    middle = upper * count_lower + ((lower * count_lower) >> half)
    carry: Bits = (lower * count_upper + (middle & low_mask)) >> half
    carry += upper * count_upper
    carry += middle >> half
    return carry.view(np.int64)


def integers(key: int, rows: NDArray[np.int64], count: int) -> NDArray[np.int64]:
    """A uniform integer 0 to `count - 1` for each row; 1 <= count <= 2**64.

    Above 2**63 the result is the value's two's complement: add it to a minimum with wrap-around.
    No value's chance is off by more than 2**-16 of itself, nor any interval's by 2**-48.
    """
    if count == 2**64:
        return bits(key, rows).view(np.int64)
    high = bits(key, rows)
    if count <= _ONE_WORD:
        return _scale(high, count, high).view(np.int64)
    low = bits(mix_int(key ^ _GOLDEN), rows)
    fraction = high * np.uint64(count)
    carry = _scale(low, count, low)
    carry += fraction
    whole = _scale(high, count, high)
    whole += carry < fraction
    return whole.view(np.int64)


def unit(random: Bits) -> NDArray[np.float64]:
    """A float strictly between 0 and 1 for each 64 random bits: `(upper 52 bits + 1/2) / 2**52`."""
    u = (random >> np.uint64(12)).astype(np.float64)
    u += 0.5
    u *= 2.0**-52
    return u


def chance(random: Bits, probability: float) -> NDArray[np.bool_]:
    """True with `probability` (exact to 2**-64) for each 64 random bits."""
    threshold = int(probability * 2.0**64)
    if threshold >= 2**64:
        return np.ones(random.shape, dtype=np.bool_)
    return random < np.uint64(threshold)


def mix_int(key: int) -> int:
    """Splitmix64's finalizer on one Python integer: another key from a key."""
    z = (key + _GOLDEN) & _MASK
    z = ((z ^ (z >> 30)) * _FIRST) & _MASK
    z = ((z ^ (z >> 27)) * _SECOND) & _MASK
    return z ^ (z >> 31)


def blocks(length: int) -> Iterator[tuple[slice, Bits]]:
    """Slices of at most `BLOCK` rows, each with a scratch array of its length."""
    scratch = np.empty(min(length, BLOCK), dtype=np.uint64)
    for start in range(0, length, BLOCK):
        stop = min(start + BLOCK, length)
        yield slice(start, stop), scratch[: stop - start]


def _finish(z: Bits, scratch: Bits, between: Bits | np.uint64) -> None:
    np.right_shift(z, np.uint64(30), out=scratch)
    np.bitwise_xor(z, scratch, out=z)
    np.multiply(z, np.uint64(_FIRST), out=z)
    np.add(z, between, out=z)
    np.right_shift(z, np.uint64(27), out=scratch)
    np.bitwise_xor(z, scratch, out=z)
    np.multiply(z, np.uint64(_SECOND), out=z)
    np.right_shift(z, np.uint64(31), out=scratch)
    np.bitwise_xor(z, scratch, out=z)


def _scale(random: Bits, count: int, out: Bits) -> Bits:
    """Into `out`, which may be `random`: see `below`; 1 <= count < 2**64."""
    for here, scratch in blocks(len(random)):
        if count & (count - 1) == 0:
            _shift(random[here], count, out[here])
        elif count <= _NARROW:
            np.right_shift(random[here], np.uint64(32), out=out[here])
            np.multiply(out[here], np.uint64(count), out=out[here])
            np.right_shift(out[here], np.uint64(32), out=out[here])
        else:
            _multiply_high(random[here], count, out[here], scratch)
    return out


def _shift(random: Bits, count: int, out: Bits) -> None:
    width = count.bit_length() - 1
    if width == 0:
        out[...] = 0
    else:
        np.right_shift(random, np.uint64(64 - width), out=out)


def _multiply_high(random: Bits, count: int, out: Bits, scratch: Bits) -> None:
    """The upper 64 bits of `random x count`, exactly."""
    low_mask, half = np.uint64(2**32 - 1), np.uint64(32)
    count_high, count_low = np.uint64(count >> 32), np.uint64(count & (2**32 - 1))
    np.bitwise_and(random, low_mask, out=scratch)
    if count_high == 0:
        np.multiply(scratch, count_low, out=scratch)
        np.right_shift(scratch, half, out=scratch)
        np.right_shift(random, half, out=out)
        np.multiply(out, count_low, out=out)
        np.add(out, scratch, out=out)
        np.right_shift(out, half, out=out)
        return
    upper = random >> half
    # No sum overflows: (2**32 - 1)**2 + 2 x (2**32 - 1) = 2**64 - 1.
    middle = upper * count_low + ((scratch * count_low) >> half)
    np.multiply(scratch, count_high, out=scratch)
    np.add(scratch, middle & low_mask, out=scratch)
    np.right_shift(scratch, half, out=scratch)
    np.multiply(upper, count_high, out=out)
    np.add(out, middle >> half, out=out)
    np.add(out, scratch, out=out)
