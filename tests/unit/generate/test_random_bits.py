"""Draws are exact integer functions of the bits, and the bits pass for random."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rowmill.generate.draws.bits import (
    BLOCK,
    below,
    below_each,
    bits,
    chance,
    integers,
    keyed_bits,
    mix_int,
    scaled,
    unit,
)
from rowmill.generate.draws.keys import derive_key

WORDS = st.lists(st.integers(0, 2**64 - 1), min_size=1, max_size=40)
ROWS = np.arange(200_000)
# No chi-square below may be this many standard deviations off: a false alarm in 10 million seeds.
SIGMAS = 5.5


def chi_square_sigmas(observed: np.ndarray) -> float:
    expected = observed.sum() / len(observed)
    freedom = len(observed) - 1
    return float((((observed - expected) ** 2 / expected).sum() - freedom) / (2 * freedom) ** 0.5)


@given(words=WORDS, count=st.integers(65_537, 2**64 - 1))
@settings(max_examples=300, deadline=None)
def test_multiply_high_is_exact(words: list[int], count: int) -> None:
    random = np.array(words, dtype=np.uint64)
    assert scaled(random, count).tolist() == [word * count >> 64 for word in words]


@given(words=WORDS, count=st.integers(1, 65_536))
@settings(max_examples=100, deadline=None)
def test_small_counts_use_the_upper_half(words: list[int], count: int) -> None:
    random = np.array(words, dtype=np.uint64)
    assert below(random, count).tolist() == [(word >> 32) * count >> 32 for word in words]


@given(pairs=st.lists(st.tuples(st.integers(0, 2**64 - 1), st.integers(1, 2**63 - 1)), min_size=1))
@settings(max_examples=200, deadline=None)
def test_every_draw_may_have_its_own_count(pairs: list[tuple[int, int]]) -> None:
    words, counts = zip(*pairs, strict=True)
    drawn = below_each(np.array(words, dtype=np.uint64), np.array(counts, dtype=np.int64))
    assert drawn.tolist() == [word * count >> 64 for word, count in pairs]


@given(key=st.integers(0, 2**64 - 1), count=st.integers(2**48 + 1, 2**64))
@settings(max_examples=50, deadline=None)
def test_large_counts_stay_inside(key: int, count: int) -> None:
    drawn = integers(key, np.arange(100), count).view(np.uint64)
    assert int(drawn.max()) < count


def test_residues_of_a_count_that_64_bits_cannot_share_evenly_are_uniform() -> None:
    """By 64 bits alone, 3 x 2**61 values would come 3, 3 and 2 times in turns."""
    drawn = integers(3, ROWS, 3 * 2**61)
    assert abs(chi_square_sigmas(np.bincount(drawn % 3))) < SIGMAS


@given(words=WORDS)
def test_unit_floats_lie_strictly_between_0_and_1(words: list[int]) -> None:
    u = unit(np.array([*words, 0, 2**64 - 1], dtype=np.uint64))
    assert u.min() > 0
    assert u.max() < 1


def test_chances_at_the_ends() -> None:
    random = bits(1, np.arange(1000))
    assert not chance(random, 0.0).any()
    assert chance(random, 1.0).all()


@given(
    key=st.integers(0, 2**64 - 1),
    rows=st.lists(st.integers(-(2**63), 2**63 - 1), min_size=1, max_size=50),
)
@settings(max_examples=50, deadline=None)
def test_bits_belong_to_their_row(key: int, rows: list[int]) -> None:
    together = bits(key, np.array(rows, dtype=np.int64)).tolist()
    assert together == [int(bits(key, np.array([row]))[0]) for row in rows]


def test_blocks_do_not_show() -> None:
    rows = np.arange(3 * BLOCK + 5)
    assert np.array_equal(bits(7, rows)[BLOCK - 3 :], bits(7, rows[BLOCK - 3 :]))
    assert np.array_equal(bits(7, rows[::3]), bits(7, rows)[::3])


@pytest.mark.parametrize("width", [1, 8, 16])
@pytest.mark.parametrize("offset", [0, 24, 48])
def test_bits_of_neighbouring_rows_are_uniform(width: int, offset: int) -> None:
    random = bits(derive_key(1, "t", "c", "value", 1), ROWS)
    values = (random >> np.uint64(offset)) & np.uint64(2**width - 1)
    counts = np.bincount(values.astype(np.int64), minlength=2**width)
    assert abs(chi_square_sigmas(counts)) < SIGMAS


def test_every_bit_is_as_often_set_and_flips_with_the_next_row() -> None:
    random = bits(99, ROWS)
    for words in (random, random[1:] ^ random[:-1]):
        ones = [int(((words >> np.uint64(i)) & np.uint64(1)).sum()) for i in range(64)]
        spread = SIGMAS * (len(words) / 4) ** 0.5
        assert max(abs(count - len(words) / 2) for count in ones) < spread


@pytest.mark.parametrize("other", [1, 2, 2**63, 0x9E3779B97F4A7C15, 2**64 - 1])
def test_related_keys_give_unrelated_streams(other: int) -> None:
    one, two = bits(5, ROWS), bits((5 + other) % 2**64, ROWS)
    for shift in (0, 1):
        a, b = one[shift:] >> np.uint64(60), two[: len(two) - shift] >> np.uint64(60)
        counts = np.bincount((a * np.uint64(16) + b).astype(np.int64), minlength=256)
        assert abs(chi_square_sigmas(counts)) < SIGMAS
        assert not (one[shift:] == two[: len(two) - shift]).any()


def test_bits_keyed_by_bits_are_uniform_and_unlike_them() -> None:
    keys = bits(3, ROWS)
    first, second = keyed_bits(keys, 0), keyed_bits(keys, 1)
    for a, b in ((keys, first), (first, second)):
        pair = (a >> np.uint64(60)) * np.uint64(16) + (b >> np.uint64(60))
        counts = np.bincount(pair.astype(np.int64), minlength=256)
        assert abs(chi_square_sigmas(counts)) < SIGMAS


def test_mixing_an_integer_stays_in_64_bits() -> None:
    assert len({mix_int(i) for i in range(1000)}) == 1000
    assert 0 <= mix_int(2**64 - 1) < 2**64
