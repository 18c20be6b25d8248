"""Permutations are bijections of their domain at every size, with exact inverses."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rowmill.generate.draws.bits import bits
from rowmill.generate.draws.permutation import KeyedPermutation, Permutation

KEYS = st.integers(0, 2**64 - 1)


@given(key=KEYS, size=st.integers(1, 3000) | st.integers(65_500, 70_000))
@settings(max_examples=60, deadline=None)
def test_small_sizes_are_bijections(key: int, size: int) -> None:
    permutation, index = Permutation(key, size), np.arange(size)
    image = permutation.forward(index)
    assert np.array_equal(np.sort(image), index)
    assert np.array_equal(permutation.inverse(image), index)


@pytest.mark.parametrize("size", [65_537, 2**17, 2**17 + 1, 1_000_003])
def test_sizes_beyond_the_table_are_bijections(size: int) -> None:
    image = Permutation(7, size).forward(np.arange(size))
    assert np.array_equal(np.sort(image), np.arange(size))


@given(key=KEYS, size=st.integers(1, 2**63), data=st.data())
@settings(max_examples=200, deadline=None)
def test_images_stay_inside_and_lead_back(key: int, size: int, data: st.DataObject) -> None:
    some = data.draw(st.lists(st.integers(0, size - 1), min_size=1, max_size=50))
    index, permutation = np.array(some, dtype=np.int64), Permutation(key, size)
    image = permutation.forward(index)
    assert image.min() >= 0
    assert int(image.max()) < size
    assert np.array_equal(permutation.inverse(image), index)
    high, low = permutation.forward_wide(index)
    assert not high.any()
    assert np.array_equal(low.view(np.int64), image)


@given(key=KEYS, size=st.integers(2**63, 2**128), data=st.data())
@settings(max_examples=200, deadline=None)
def test_wide_images_stay_inside_and_lead_back(key: int, size: int, data: st.DataObject) -> None:
    some = data.draw(st.lists(st.integers(0, 2**63 - 1), min_size=1, max_size=50, unique=True))
    permutation = Permutation(key, size)
    high, low = permutation.forward_wide(np.array(some, dtype=np.int64))
    image = [h << 64 | w for h, w in zip(high.tolist(), low.tolist(), strict=True)]
    assert max(image) < size
    assert len(set(image)) == len(some)
    back_high, back_low = permutation.inverse_wide(high, low)
    assert not back_high.any()
    assert back_low.tolist() == some


@pytest.mark.parametrize("size", [0, -1, 2**128 + 1])
def test_impossible_sizes_are_refused(size: int) -> None:
    with pytest.raises(ValueError, match="1 to 2\\*\\*128 elements"):
        Permutation(1, size)


def test_the_narrow_form_refuses_sizes_beyond_it() -> None:
    permutation = Permutation(1, 2**63 + 1)
    for way in (permutation.forward, permutation.inverse):
        with pytest.raises(ValueError, match="wide form"):
            way(np.arange(3))


@pytest.mark.parametrize("size", [60_000, 65_537, 100_000, 10**6, 2**31, 2**40 + 12345])
def test_neighbours_scatter(size: int) -> None:
    """Images of 60,000 rows, and differences of rows near or of equal halves, fill 100 cells."""
    image = Permutation(11, size).forward(np.arange(60_000))
    steps = [(image[far:] - image[:-far]) % size for far in (1, 2, 256, 257, 512, 1024, 2**15)]
    for values in (image, *steps):
        observed = np.bincount((values.astype(float) * 100 / size).astype(int), minlength=100)
        expected = np.diff(np.ceil(np.arange(101) * size / 100)) * len(values) / size
        # The 99.9999 % quantile of chi-square with 99 degrees of freedom.
        assert ((observed - expected) ** 2 / expected).sum() < 177


@pytest.mark.parametrize("size", [1, 2, 3, 5, 8, 17, 100, 1025])
def test_each_key_has_a_permutation_of_its_own(size: int) -> None:
    keys = np.repeat(bits(5, np.arange(40)), size)
    image = KeyedPermutation(size).forward(keys, np.tile(np.arange(size), 40)).reshape(40, size)
    assert np.array_equal(np.sort(image, axis=1), np.tile(np.arange(size), (40, 1)))
    if size > 16:
        assert len({tuple(line) for line in image.tolist()}) == 40


@pytest.mark.parametrize("size", [2, 3, 5, 6, 7, 16, 17, 40])
def test_every_pair_of_first_images_is_as_likely(size: int) -> None:
    count = 200_000
    keys, permutation = bits(9, np.arange(count)), KeyedPermutation(size)
    first, second = (permutation.forward(keys, np.full(count, i)) for i in range(2))
    cells = np.bincount(first * size + second, minlength=size * size).reshape(size, size)
    assert not cells.diagonal().any()
    observed = cells[~np.eye(size, dtype=bool)]
    expected = count / len(observed)
    freedom = len(observed) - 1
    chi_square = ((observed - expected) ** 2 / expected).sum()
    # Six standard deviations of chi-square (and a bit for its skewness at few degrees).
    assert chi_square < freedom + 6 * (2 * freedom) ** 0.5 + 20


def test_keyed_permutations_of_the_largest_size() -> None:
    keys = bits(1, np.arange(1000))
    image = KeyedPermutation(2**63).forward(keys, np.arange(1000))
    assert image.min() >= 0
    with pytest.raises(ValueError, match="1 to 2\\*\\*63"):
        KeyedPermutation(2**63 + 1)
