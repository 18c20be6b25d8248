"""Buckets know a multiset of rows whatever the order and pieces it came in."""

from __future__ import annotations

from collections import Counter
from random import Random

import numpy as np
import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from rowmill.spec.values.types import parse_type
from rowmill.verify.buckets import Buckets, RowHashes
from rowmill.verify.row_hasher import RowHasher

Row = tuple[int | None, str | None]
rows_of = st.lists(
    st.tuples(st.one_of(st.none(), st.integers(0, 3)), st.one_of(st.none(), st.text(max_size=3))),
    max_size=12,
)
_TYPES = [parse_type("integer"), parse_type("text")]


def _hashes(rows: list[Row]) -> RowHashes:
    columns = [
        pa.array([r[0] for r in rows], pa.int32()),
        pa.array([r[1] for r in rows], pa.string()),
    ]
    return RowHasher(_TYPES).rows(columns, len(rows))


def _buckets(rows: list[Row]) -> Buckets:
    buckets = Buckets()
    buckets.add(_hashes(rows))
    return buckets


@settings(max_examples=40)
@given(rows_of, st.integers(0, 1000), st.integers(0, 12))
def test_order_and_pieces_do_not_matter(rows: list[Row], seed: int, cut: int) -> None:
    shuffled = list(rows)
    Random(seed).shuffle(shuffled)
    pieces = _buckets(shuffled[:cut])
    pieces.merge(_buckets(shuffled[cut:]))
    assert pieces.same(_buckets(rows))
    assert pieces.checksum == _buckets(rows).checksum
    assert pieces.rows == len(rows)


@settings(max_examples=40)
@given(rows_of, rows_of)
def test_other_rows_differ(one: list[Row], other: list[Row]) -> None:
    equal = Counter(one) == Counter(other)
    assert _buckets(one).same(_buckets(other)) == equal
    assert (_buckets(one).checksum == _buckets(other).checksum) == equal


@settings(max_examples=40)
@given(rows_of, rows_of)
def test_without_leaves_the_rest(one: list[Row], other: list[Row]) -> None:
    assert _buckets(one + other).without(_buckets(other)).same(_buckets(one))


def test_a_cell_counts_in_its_own_column_alone() -> None:
    hasher = RowHasher([parse_type("integer")] * 2)
    left, right = pa.array([1, 2], pa.int32()), pa.array([2, 1], pa.int32())
    hashes = hasher.rows([left, right], 2)
    assert hashes.high[0] != hashes.high[1]
    assert hashes.low[0] != hashes.low[1]


def test_two_doubled_rows_do_not_cancel_out() -> None:
    once, twice = _buckets([(1, "a")]), _buckets([(1, "a"), (1, "a")])
    assert not once.same(twice)


def test_no_rows_have_the_checksum_of_zeros() -> None:
    assert Buckets().checksum == "0" * 32
    assert np.count_nonzero(Buckets().counts) == 0
