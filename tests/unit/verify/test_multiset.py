"""What is left of two multisets once equal rows are paired off."""

from __future__ import annotations

from collections import Counter

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from rowmill.verify.buckets import RowHashes
from rowmill.verify.multiset import unmatched

hashes = st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), max_size=20)


def _rows(pairs: list[tuple[int, int]]) -> RowHashes:
    words = np.array(pairs, dtype=np.uint64).reshape(len(pairs), 2)
    return RowHashes(words[:, 0], words[:, 1])


@given(hashes, hashes)
def test_it_is_the_difference_both_ways(
    expected: list[tuple[int, int]], stored: list[tuple[int, int]]
) -> None:
    left = unmatched(_rows(expected), _rows(stored))
    wanted, there = Counter(expected), Counter(stored)
    assert Counter(expected[i] for i in left.expected) == wanted - there
    surplus = Counter(stored[i] for i in [*left.stored, *left.doubles])
    assert surplus == there - wanted
    assert all(stored[i] not in wanted for i in left.stored)
    assert all(stored[i] in wanted for i in left.doubles)


@given(hashes, hashes)
def test_a_double_names_an_equal_expected_row(
    expected: list[tuple[int, int]], stored: list[tuple[int, int]]
) -> None:
    left = unmatched(_rows(expected), _rows(stored))
    assert [stored[i] for i in left.doubles] == [expected[i] for i in left.originals]


def test_of_equal_rows_the_last_is_the_double() -> None:
    left = unmatched(_rows([(1, 1)]), _rows([(1, 1), (2, 2), (1, 1)]))
    assert left.doubles.tolist() == [2]
    assert left.originals.tolist() == [0]
    assert left.stored.tolist() == [1]
