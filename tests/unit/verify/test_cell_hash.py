"""Equal cells hash equally however they are held in memory, and unequal ones do not."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rowmill.verify.cell_hash import hash_cells

_CELLS: dict[pa.DataType, st.SearchStrategy[Any]] = {
    pa.bool_(): st.booleans(),
    pa.int16(): st.integers(-(2**15), 2**15 - 1),
    pa.int32(): st.integers(-(2**31), 2**31 - 1),
    pa.int64(): st.integers(-(2**63), 2**63 - 1),
    pa.float64(): st.floats(allow_nan=False),
    pa.binary(): st.binary(max_size=40),
    pa.binary(16): st.binary(min_size=16, max_size=16),
    pa.decimal128(38, 2): st.decimals(-(10**30), 10**30, places=2),
    pa.list_(pa.int32()): st.lists(
        st.one_of(st.none(), st.integers(-(2**31), 2**31 - 1)), max_size=5
    ),
    pa.list_(pa.binary()): st.lists(st.one_of(st.none(), st.binary(max_size=20)), max_size=5),
}


@st.composite
def columns(draw: st.DrawFn) -> pa.Array:
    kind = draw(st.sampled_from(list(_CELLS)))
    return pa.array(draw(st.lists(st.one_of(st.none(), _CELLS[kind]), max_size=30)), kind)


def _same(one: Any, other: Any) -> bool:
    return repr(one) == repr(other)


@given(columns())
def test_cells_have_the_same_hash_exactly_when_they_are_the_same(column: pa.Array) -> None:
    hashes, cells = hash_cells(column).tolist(), column.to_pylist()
    for i, one in enumerate(cells):
        for j, other in enumerate(cells[:i]):
            assert (hashes[i] == hashes[j]) == _same(one, other)


@given(columns(), st.integers(0, 30), st.integers(0, 30))
def test_a_slice_hashes_as_the_cells_it_shows(column: pa.Array, start: int, length: int) -> None:
    stop = start + length
    assert (
        hash_cells(column.slice(start, length)).tolist()
        == (hash_cells(column).tolist()[start:stop])
    )


@given(st.lists(st.one_of(st.none(), st.binary(max_size=20))))
def test_a_dictionary_hashes_as_its_cells(cells: list[bytes | None]) -> None:
    plain = pa.array(cells, pa.binary())
    assert hash_cells(plain.dictionary_encode()).tolist() == hash_cells(plain).tolist()


@given(st.lists(st.one_of(st.none(), st.binary(max_size=20))))
def test_a_cell_hashes_alike_whatever_stands_beside_it(cells: list[bytes | None]) -> None:
    together = hash_cells(pa.array(cells, pa.binary())).tolist()
    alone = [hash_cells(pa.array([cell], pa.binary())).tolist()[0] for cell in cells]
    assert together == alone


@pytest.mark.parametrize(
    ("kind", "nothing"),
    [
        (pa.binary(), b""),
        (pa.int64(), 0),
        (pa.bool_(), False),
        (pa.decimal128(10, 2), Decimal(0)),
        (pa.list_(pa.int32()), []),
    ],
)
def test_a_null_is_not_an_empty_or_zero_cell(kind: pa.DataType, nothing: object) -> None:
    null, empty = hash_cells(pa.array([None, nothing], kind)).tolist()
    assert null != empty


def test_lists_differ_by_nulls_order_and_length() -> None:
    lists: list[list[int | None]] = [[], [None], [0], [1, 2], [2, 1], [1, 2, None], [1, 2, 0]]
    assert len(set(hash_cells(pa.array(lists, pa.list_(pa.int32()))).tolist())) == len(lists)


def test_texts_that_begin_alike_or_end_in_zero_bytes_differ() -> None:
    texts = [b"12345678", b"123456789", b"12345678\0", b"12345678\0\0", b"\0", b"\0\0", b"87654321"]
    assert len(set(hash_cells(pa.array(texts, pa.binary())).tolist())) == len(texts)
