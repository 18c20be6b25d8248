"""Arrow types of the manifest's column types, and columns made from integers in their units."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from rowmill.spec.values.types import FLOATS, ColumnType, TypeName

DAY_US = 86_400_000_000

_PLAIN: dict[TypeName, pa.DataType] = {
    TypeName.BOOLEAN: pa.bool_(),
    TypeName.SMALLINT: pa.int16(),
    TypeName.INTEGER: pa.int32(),
    TypeName.BIGINT: pa.int64(),
    TypeName.REAL: pa.float32(),
    TypeName.DOUBLE: pa.float64(),
    TypeName.TEXT: pa.string(),
    TypeName.VARCHAR: pa.string(),
    TypeName.CHAR: pa.string(),
    TypeName.DATE: pa.date32(),
    TypeName.TIME: pa.time64("us"),
    TypeName.TIMESTAMP: pa.timestamp("us"),
    TypeName.TIMESTAMPTZ: pa.timestamp("us", "UTC"),
    TypeName.INTERVAL: pa.month_day_nano_interval(),
    TypeName.UUID: pa.binary(16),
    TypeName.JSON: pa.string(),
    TypeName.JSONB: pa.string(),
    TypeName.BYTEA: pa.binary(),
    TypeName.INET: pa.string(),
}
_INTERVAL = np.dtype([("months", "<i4"), ("days", "<i4"), ("nanoseconds", "<i8")])


def arrow_type(column_type: ColumnType) -> pa.DataType:
    """The Arrow type of a column's cells."""
    if column_type.array:
        return pa.list_(arrow_type(column_type.element))
    if column_type.name is TypeName.NUMERIC:
        return pa.decimal128(column_type.precision, column_type.scale)
    return _PLAIN[column_type.name]


def is_text(kind: pa.DataType) -> bool:
    """Whether cells are of any length, text or bytes: those may come as dictionary arrays."""
    return kind in (pa.string(), pa.binary())


def column_from_units(units: NDArray[np.int64], column_type: ColumnType) -> pa.Array:
    """An array, without nulls, of the int64 `units` of the type.

    Integers as they are (they must fit: the type is narrowed without a check), numerics in units
    of 10**-scale, dates in days, times, timestamps and intervals in microseconds; floats rounded
    once.
    """
    name, kind = column_type.name, arrow_type(column_type)
    if name is TypeName.NUMERIC:
        words = np.empty((len(units), 2), dtype=np.int64)
        words[:, 0] = units
        np.right_shift(units, np.int64(63), out=words[:, 1])
        return _from_buffer(words, kind, len(units))
    if name is TypeName.INTERVAL:
        return _intervals(units)
    if name in FLOATS:
        return column_from_floats(units.astype(np.float64), column_type)
    width = np.dtype(f"<i{kind.bit_width // 8}")
    return _from_buffer(np.ascontiguousarray(units, dtype=width), kind, len(units))


def column_from_floats(values: NDArray[np.float64], column_type: ColumnType) -> pa.Array:
    """An array, without nulls, of real or double precision."""
    kind = arrow_type(column_type)
    width = np.dtype(f"<f{kind.bit_width // 8}")
    return _from_buffer(np.ascontiguousarray(values, dtype=width), kind, len(values))


def column_from_wide_units(units: Iterable[int], column_type: ColumnType) -> pa.Array:
    """A numeric column, without nulls, of units of any size that its precision allows."""
    words = b"".join(unit.to_bytes(16, "little", signed=True) for unit in units)
    kind = arrow_type(column_type)
    return pa.Array.from_buffers(kind, len(words) // 16, [None, pa.py_buffer(words)])


def _intervals(microseconds: NDArray[np.int64]) -> pa.Array:
    # Days and the rest of one sign, as Postgres's justify_hours would print them.
    parts = np.empty(len(microseconds), dtype=_INTERVAL)
    days = np.abs(microseconds) // DAY_US * np.sign(microseconds)
    parts["months"] = 0
    parts["days"] = days
    parts["nanoseconds"] = (microseconds - days * DAY_US) * 1000
    return _from_buffer(parts, pa.month_day_nano_interval(), len(parts))


def _from_buffer(values: NDArray[np.generic], kind: pa.DataType, length: int) -> pa.Array:
    return pa.Array.from_buffers(kind, length, [None, pa.py_buffer(values)])
