"""Masking keeps values, adds nulls and takes none away, whatever the array."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rowmill.generate.nulls import is_valid, with_nulls

ARRAYS = {
    "integers": pa.array([1, 2, None, 4, 5, 6, 7, 8, 9]),
    "booleans": pa.array([True, False, None] * 3),
    "decimals": pa.array([Decimal("1.5")] * 9, pa.decimal128(5, 2)),
    "dates": pa.array([date(2020, 1, 1)] * 9),
    "texts": pa.array(["a", "", "é", None, "e", "f", "g", "h", "i"]),
    "bytes": pa.array([b"a"] * 9),
    "uuids": pa.array([b"0123456789abcdef"] * 9, pa.binary(16)),
    "intervals": pa.array([pa.MonthDayNano([1, 2, 3])] * 9),
    "dictionary": pa.array(["x", "y", None] * 3).dictionary_encode(),
    "lists": pa.array([["a"], [], None, ["b", "c"], [None], [], [], ["d"], []]),
}


@pytest.mark.parametrize("name", ARRAYS)
@given(start=st.integers(0, 8), data=st.data())
@settings(max_examples=30, deadline=None)
def test_masked_cells_are_null_and_others_as_they_were(
    name: str, start: int, data: st.DataObject
) -> None:
    values = ARRAYS[name].slice(start)
    size = len(values)
    valid = data.draw(st.lists(st.booleans(), min_size=size, max_size=size))
    masked = with_nulls(values, np.array(valid, dtype=np.bool_))
    masked.validate(full=True)
    expected = [v if keep else None for v, keep in zip(values.to_pylist(), valid, strict=True)]
    assert masked.to_pylist() == expected
    assert masked.type == values.type
    assert masked.null_count == expected.count(None)
    assert is_valid(masked).tolist() == [v is not None for v in expected]
