"""Literals of the manifest as Arrow arrays, and cells that are picked from such an array."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from rowmill.generate.arrow_types import arrow_type, is_text
from rowmill.spec.values.types import ColumnType, Literal, TypeName


def array_of_literals(values: tuple[Literal, ...], column_type: ColumnType) -> pa.Array:
    """An Arrow array of the column's type from literals of the manifest."""
    kind = arrow_type(column_type)
    if column_type.array:
        parts = [array_of_literals(_elements(value), column_type.element) for value in values]
        offsets = np.cumsum([0, *map(len, parts)], dtype=np.int32)
        return pa.ListArray.from_arrays(pa.array(offsets), pa.concat_arrays(parts))
    if column_type.name is TypeName.UUID:
        raw = [bytes.fromhex(str(value).replace("-", "")) for value in values]
        return pa.array(raw, type=kind)
    if column_type.name is TypeName.INTERVAL:
        return pa.array([_interval(value) for value in values], type=kind)
    return pa.array(values, type=kind)


def _elements(value: Literal) -> tuple[Literal, ...]:
    assert isinstance(value, tuple)
    return value


def _interval(value: Literal) -> pa.MonthDayNano:
    months, days, microseconds = _elements(value)
    assert isinstance(months, int)
    assert isinstance(days, int)
    assert isinstance(microseconds, int)
    return pa.MonthDayNano([months, days, microseconds * 1000])


def pick(distinct: pa.Array, places: NDArray[np.int32]) -> pa.Array:
    """The values at these places.

    A dictionary array of texts and byte strings; of other types, no dearer than an index.
    """
    if is_text(distinct.type):
        return pa.DictionaryArray.from_arrays(pa.array(places), distinct)
    return distinct.take(pa.array(places))
