"""How a table's cells become Parquet: logical types, and per column the encoding that pays."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from rowmill.destinations.interval_text import iso_8601
from rowmill.spec.dataset import Column, Dataset, PickChildren, Table
from rowmill.spec.kinds import Choice, Constant, Parent, Reference, Uuid
from rowmill.spec.types import FLOATS, INTEGERS, ColumnType, TypeName

# Levels above it cost a fifth more processor time and gain nothing on cells of this kind.
_ZSTD_LEVEL = 1
# What a row group's rows must outnumber its distinct values by for a dictionary to pay.
_REPEATS = 4
_DICTIONARY_BYTES = 4 * 2**20
_FEW_PARENTS = 10_000
# Of a hidden chain of references; deeper ones are taken to have many values.
_MAX_DEPTH = 8
_DELTA = INTEGERS | {TypeName.DATE, TypeName.TIME, TypeName.TIMESTAMP, TypeName.TIMESTAMPTZ}
# Up to this precision a decimal is stored as an integer.
_INTEGER_DIGITS = 18

_LOGICAL: dict[TypeName, pa.DataType] = {
    TypeName.BOOLEAN: pa.bool_(),
    TypeName.SMALLINT: pa.int16(),
    TypeName.INTEGER: pa.int32(),
    TypeName.BIGINT: pa.int64(),
    TypeName.REAL: pa.float32(),
    TypeName.DOUBLE: pa.float64(),
    TypeName.DATE: pa.date32(),
    TypeName.TIME: pa.time64("us"),
    TypeName.TIMESTAMP: pa.timestamp("us"),
    TypeName.TIMESTAMPTZ: pa.timestamp("us", "UTC"),
    TypeName.UUID: pa.uuid(),
    TypeName.JSON: pa.json_(pa.string()),
    TypeName.JSONB: pa.json_(pa.string()),
    TypeName.BYTEA: pa.binary(),
}


class TableEncoding:
    """How one table is written. Its files' bytes depend on rows, layout and library version only.

    Args:
        dataset: the whole dataset, for what references lead to.
        table: the table.
        compression: the manifest's word: zstd, snappy, gzip, lz4 or none.
    """

    def __init__(self, dataset: Dataset, table: Table, compression: str) -> None:
        self.schema = parquet_schema(table)
        self._columns = tuple(
            _plan(dataset, table, column, field)
            for column, field in zip(table.columns, self.schema, strict=True)
        )
        self._compression = compression

    def rows(self, slices: Sequence[pa.RecordBatch]) -> pa.Table:
        """The rows of one row group, as `writer` takes them.

        Pools and choices that arrive as Arrow dictionaries stay so where they repeat enough: the
        writer takes such a dictionary as it is and need not hash a single text.
        """
        count = sum(part.num_rows for part in slices)
        arrays = [
            _stored(plan, [part.column(n) for part in slices], count)
            for n, plan in enumerate(self._columns)
        ]
        fields = [
            field.with_type(array.type) for field, array in zip(self.schema, arrays, strict=True)
        ]
        return pa.Table.from_arrays(arrays, schema=pa.schema(fields))

    def writer(self, sink: Any, first: pa.Schema, metadata: Mapping[str, str]) -> pq.ParquetWriter:
        """A writer for row groups of the schema `first`, with `metadata` in the file's footer."""
        dictionaries = [
            plan.path
            for plan, kind in zip(self._columns, first.types, strict=True)
            if plan.dictionary or pa.types.is_dictionary(kind)
        ]
        codecs = {
            plan.path: "none" if plan.incompressible else self._compression
            for plan in self._columns
        }
        writer = pq.ParquetWriter(
            sink,
            first,
            # Other readers do not know it, and Arrow reads the logical types as well without.
            store_schema=False,
            store_decimal_as_integer=True,
            use_dictionary=dictionaries,
            dictionary_pagesize_limit=_DICTIONARY_BYTES,
            column_encoding={
                plan.path: plan.encoding
                for plan in self._columns
                if plan.encoding is not None and plan.path not in dictionaries
            },
            compression=codecs,
            compression_level={
                path: _ZSTD_LEVEL for path, codec in codecs.items() if codec == "zstd"
            },
            write_statistics=[plan.path for plan in self._columns if plan.statistics],
        )
        writer.add_key_value_metadata(dict(metadata))
        return writer

    def conform(self, rows: pa.Table, first: pa.Schema) -> pa.Table:
        """Give a row group the types of the part's first one, which the writer is bound to."""
        if rows.schema.equals(first):
            return rows
        arrays = [_as(column, kind) for column, kind in zip(rows.columns, first.types, strict=True)]
        return pa.Table.from_arrays(arrays, schema=first)


def parquet_schema(table: Table) -> pa.Schema:
    """The table's schema in Arrow's words for Parquet's logical types."""
    return pa.schema(
        [pa.field(c.name, logical_type(c.type), nullable=c.nullable) for c in table.columns]
    )


def logical_type(column_type: ColumnType) -> pa.DataType:
    """What a column's cells are in Parquet; interval (ISO 8601) and inet are text."""
    if column_type.array:
        return pa.list_(pa.field("element", logical_type(column_type.element)))
    if column_type.name is TypeName.NUMERIC:
        return pa.decimal128(column_type.precision, column_type.scale)
    return _LOGICAL.get(column_type.name, pa.string())


@dataclass(frozen=True)
class _ColumnPlan:
    """`path` is the leaf's in the file; `dictionary` also for cells that arrive plain."""

    path: str
    type: pa.DataType
    dictionary: bool
    encoding: str | None
    statistics: bool
    incompressible: bool


def _plan(dataset: Dataset, table: Table, column: Column, field: pa.Field) -> _ColumnPlan:
    delta = _is_integral(column.type)
    dictionary = not delta and column.type.name is not TypeName.BOOLEAN
    encoding = None
    if delta:
        encoding = "DELTA_BINARY_PACKED"
    elif column.type.name in FLOATS:
        encoding = "BYTE_STREAM_SPLIT"
    return _ColumnPlan(
        path=f"{column.name}.list.element" if column.type.array else column.name,
        type=field.type,
        dictionary=dictionary and _repeats(dataset, table, column, 0),
        encoding=encoding,
        statistics=delta,
        incompressible=isinstance(column.kind, Uuid) and not column.type.array,
    )


def _is_integral(column_type: ColumnType) -> bool:
    if column_type.name is TypeName.NUMERIC:
        return (column_type.precision or 0) <= _INTEGER_DIGITS
    return column_type.name in _DELTA


def _repeats(dataset: Dataset, table: Table, column: Column, depth: int) -> bool:
    """Whether a row group holds each of the column's values many times over."""
    kind = column.kind
    if isinstance(kind, Choice | Constant):
        return True
    if not isinstance(kind, Reference | Parent) or depth > _MAX_DEPTH:
        return False
    link = table.link(kind.via)
    parent = dataset.table(link.parent)
    if parent.rows <= _FEW_PARENTS and parent.rows * _REPEATS <= table.rows:
        return True
    if isinstance(link.pick, PickChildren) and table.rows >= _REPEATS * parent.rows:
        return True
    return _repeats(dataset, parent, parent.column(kind.column), depth + 1)


def _stored(plan: _ColumnPlan, chunks: Sequence[pa.Array], rows: int) -> pa.ChunkedArray:
    """A row group's cells of one column in the column's Parquet type, or a dictionary of it."""
    if _keep_dictionary(plan, chunks, rows):
        return pa.chunked_array(chunks)
    return pa.chunked_array([_logical(chunk, plan.type) for chunk in chunks], plan.type)


def _keep_dictionary(plan: _ColumnPlan, chunks: Sequence[pa.Array], rows: int) -> bool:
    # The writer takes dictionaries as they are only of text, and one for the whole row group.
    if not chunks or not all(pa.types.is_dictionary(chunk.type) for chunk in chunks):
        return False
    first = chunks[0]
    known = first.dictionary
    return (
        plan.type.equals(pa.string())
        and known.type.equals(plan.type)
        and known.null_count == 0
        and 0 < len(known) * _REPEATS <= rows
        and known.nbytes <= _DICTIONARY_BYTES
        and all(
            chunk.type.equals(first.type) and chunk.dictionary.equals(known) for chunk in chunks[1:]
        )
    )


def _as(column: pa.ChunkedArray, kind: pa.DataType) -> pa.ChunkedArray:
    if column.type.equals(kind):
        return column
    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    return column.cast(kind)


def _logical(array: pa.Array, kind: pa.DataType) -> pa.Array:
    if pa.types.is_dictionary(array.type):
        array = array.dictionary_decode()
    if array.type.equals(kind):
        return array
    if pa.types.is_list(kind):
        return _logical_list(array, kind)
    if pa.types.is_interval(array.type):
        return iso_8601(array)
    if isinstance(kind, pa.BaseExtensionType):
        return pa.ExtensionArray.from_storage(kind, array.cast(kind.storage_type))
    return array.cast(kind)


def _logical_list(array: pa.Array, kind: pa.DataType) -> pa.Array:
    # Built anew: of a slice neither offsets nor validity could be handed on.
    lengths = array.value_lengths().fill_null(0).to_numpy(zero_copy_only=False)
    offsets = np.zeros(len(array) + 1, dtype=np.int32)
    np.cumsum(lengths, out=offsets[1:])
    values = _logical(array.flatten(), kind.value_type)
    return pa.ListArray.from_arrays(
        pa.array(offsets), values, type=kind, mask=array.is_null() if array.null_count else None
    )
