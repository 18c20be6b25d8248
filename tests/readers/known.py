"""The readers that open Rowmill's files, and what each one's own types cannot hold."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import pyarrow as pa


def _as_it_is(kind: pa.DataType) -> pa.DataType:
    return kind


def _iceberg(kind: pa.DataType) -> pa.DataType:
    """Iceberg has no integer of 16 bits."""
    return pa.int32() if kind == pa.int16() else kind


def _clickhouse(kind: pa.DataType) -> pa.DataType:
    """ClickHouse's String is of bytes, and each of its DateTime64 is shown in a time zone."""
    if kind == pa.binary():
        return pa.string()
    return pa.timestamp("us", "UTC") if kind == pa.timestamp("us") else kind


def _pandas(kind: pa.DataType) -> pa.DataType:
    """fastparquet makes floats of decimals, datetime64 of dates, and knows no time zone."""
    if pa.types.is_decimal(kind):
        return pa.float64()
    if pa.types.is_date(kind):
        return pa.timestamp("ns")
    return pa.timestamp("us") if pa.types.is_timestamp(kind) else kind


@dataclass(frozen=True)
class Reader:
    """One reader, with the exceptions from "it hands over what was written".

    Args:
        name: of its lock, its script and its package.
        holds: the Arrow type in which it hands over cells of this one.
        null_lists: whether a null array is another thing to it than an empty one.
        typed_nulls: whether it knows the type of a column in which it saw no value.
        beyond: columns, as "table.column", whose values are out of its types' range.
        refuses: tables that it cannot open.
        java: whether it needs Java.
    """

    name: str
    holds: Callable[[pa.DataType], pa.DataType] = _as_it_is
    null_lists: bool = True
    typed_nulls: bool = True
    beyond: frozenset[str] = frozenset()
    refuses: frozenset[str] = frozenset()
    java: bool = False

    def type_of(self, kind: pa.DataType) -> pa.DataType:
        """The type in which it hands over cells of this one, or lists of them."""
        if pa.types.is_list(kind):
            return pa.list_(self.holds(kind.value_type))
        return self.holds(kind)


_ALL = (
    Reader("spark", java=True),
    Reader("duckdb"),
    Reader("polars"),
    Reader("pyiceberg", holds=_iceberg),
    Reader(
        "fastparquet",
        holds=_pandas,
        typed_nulls=False,
        # Nanoseconds in 64 bits reach from 1677 to 2262.
        beyond=frozenset({"far_from_now.d_before_1582", "far_from_now.d_edges"}),
        # It looks for an array's parts by a path that it splits at dots.
        refuses=frozenset({"array_with_a_dot"}),
    ),
    Reader("datafusion"),
    # An Array cannot be Nullable in ClickHouse.
    Reader("chdb", holds=_clickhouse, null_lists=False),
)
READERS = {reader.name: reader for reader in _ALL}
