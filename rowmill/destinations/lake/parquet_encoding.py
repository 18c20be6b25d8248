"""How a table's cells become Parquet: the types that readers meet, and per column an encoding."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from rowmill.destinations.interval_text import iso_8601
from rowmill.destinations.lake import parquet_deltas
from rowmill.generate.text.to_text import to_text
from rowmill.spec.dataset import Column, Dataset, ParquetTypes, PickChildren, Table
from rowmill.spec.values.types import FLOATS, INTEGERS, ColumnType, TypeName

# Levels above it cost a fifth more processor time and gain nothing on cells of this kind.
_ZSTD_LEVEL = 1
# What a row group's rows must outnumber its distinct values by for a dictionary to pay.
_REPEATS = 4
# Of an Arrow dictionary that is handed to the writer as it is.
_DICTIONARY_BYTES = 4 * 2**20
# The statistics of a dictionary cost by the entries that occur in each piece of so many rows, a
# tenth of a worker's time in Arrow's own of 1,024. So a page is half a row group at the most.
_PAGE_ROWS = 50_000
# No page, of cells or of a dictionary, is as large: Arrow looks at its bytes only where a slice of
# rows happens to end, and the slices in which rows arrive must leave no trace in the file.
_PAGE_BYTES = 2**30
_FEW_PARENTS = 10_000
# Of a hidden chain of references; deeper ones are taken to have many values.
_MAX_DEPTH = 8
_DELTA = INTEGERS | {TypeName.DATE, TypeName.TIME, TypeName.TIMESTAMP, TypeName.TIMESTAMPTZ}
# Text in a portable file: Spark and Delta refuse a whole file for a TIME or a UUID, Polars and
# pyiceberg take JSON for bytes or for a type that they do not know.
_TEXT = {TypeName.TIME, TypeName.UUID, TypeName.JSON, TypeName.JSONB}
# Without it Spark 3 takes days before 1582 and moments before 1900 for those of a calendar that it
# used long ago, and refuses them. From its version 3.1 on nothing else hangs by the value.
_SPARK = {"org.apache.spark.version": "3.5.0"}
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

    Neither do the slices in which a row group's rows arrive leave a trace in them.

    Args:
        dataset: the whole dataset, for what references lead to.
        table: the table.
        compression: the manifest's word: zstd, snappy, gzip, lz4 or none.
        types: those that the run's plan froze.
    """

    def __init__(
        self, dataset: Dataset, table: Table, compression: str, types: ParquetTypes
    ) -> None:
        self.schema = parquet_schema(table, types)
        self._columns = tuple(
            _plan(dataset, table, column, field, types)
            for column, field in zip(table.columns, self.schema, strict=True)
        )
        self._compression = compression
        self._footer = _SPARK if types is ParquetTypes.PORTABLE else {}

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
        writer = pq.ParquetWriter(sink, first, **self.options(first))
        writer.add_key_value_metadata({**self._footer, **metadata})
        return writer

    def options(self, first: pa.Schema) -> dict[str, Any]:
        """The keyword arguments of the `ParquetWriter` for row groups of the schema `first`."""
        dictionaries = [
            plan.path
            for plan, kind in zip(self._columns, first.types, strict=True)
            if plan.dictionary or pa.types.is_dictionary(kind)
        ]
        codecs = {
            plan.path: "none" if plan.incompressible else self._compression
            for plan in self._columns
        }
        return {
            # Other readers do not know it, and Arrow reads the logical types as well without.
            "store_schema": False,
            "store_decimal_as_integer": True,
            "use_dictionary": dictionaries,
            "dictionary_pagesize_limit": _PAGE_BYTES,
            "column_encoding": {
                plan.path: plan.encoding
                for plan in self._columns
                if plan.encoding is not None and plan.path not in dictionaries
            },
            "compression": codecs,
            "compression_level": {
                path: _ZSTD_LEVEL for path, codec in codecs.items() if codec == "zstd"
            },
            "write_batch_size": _PAGE_ROWS,
            "max_rows_per_page": _PAGE_ROWS,
            "data_page_size": _PAGE_BYTES,
            # Of every column, so that readers skip row groups by any of them. Arrow leaves out the
            # least and the greatest value where one has more than 4,096 bytes.
            "write_statistics": True,
        }

    def conform(self, rows: pa.Table, first: pa.Schema) -> pa.Table:
        """Give a row group the types of the part's first one, which the writer is bound to."""
        if rows.schema.equals(first):
            return rows
        arrays = [_as(column, kind) for column, kind in zip(rows.columns, first.types, strict=True)]
        return pa.Table.from_arrays(arrays, schema=first)


def parquet_schema(table: Table, types: ParquetTypes) -> pa.Schema:
    """The table's schema in Arrow's words for Parquet's logical types."""
    return pa.schema(
        [pa.field(c.name, logical_type(c.type, types), nullable=c.nullable) for c in table.columns]
    )


def logical_type(column_type: ColumnType, types: ParquetTypes) -> pa.DataType:
    """What a column's cells are in Parquet; interval (ISO 8601) and inet are text in any case.

    Portable uuid, time, json and jsonb are text too, as Postgres prints them.
    """
    if column_type.array:
        return pa.list_(pa.field("element", logical_type(column_type.element, types)))
    if column_type.name is TypeName.NUMERIC:
        return pa.decimal128(column_type.precision, column_type.scale)
    if types is ParquetTypes.PORTABLE and column_type.name in _TEXT:
        return pa.string()
    return _LOGICAL.get(column_type.name, pa.string())


@dataclass(frozen=True)
class _ColumnPlan:
    """`path` is the leaf's in the file; `dictionary` also for cells that arrive plain."""

    path: str
    cells: ColumnType
    type: pa.DataType
    dictionary: bool
    encoding: str | None
    incompressible: bool


def _plan(
    dataset: Dataset, table: Table, column: Column, field: pa.Field, types: ParquetTypes
) -> _ColumnPlan:
    native = types is ParquetTypes.NATIVE
    delta = _is_integral(column.type, types)
    repeats = _repeats(dataset, table, column, 0)
    if not native and column.type.array:
        # fastparquet takes elements in plain or delta pages for null, or for the integers that they
        # are stored as.
        delta, repeats = False, True
    elif not native and delta:
        delta = parquet_deltas.are_narrow(dataset, table, column)
    dictionary = not delta and column.type.name is not TypeName.BOOLEAN and repeats
    encoding = None
    if delta:
        encoding = "DELTA_BINARY_PACKED"
    elif native and column.type.name in FLOATS:
        # A fifth fewer bytes, but Spark before 4.3 and fastparquet refuse the file.
        encoding = "BYTE_STREAM_SPLIT"
    return _ColumnPlan(
        path=f"{column.name}.list.element" if column.type.array else column.name,
        cells=column.type,
        type=field.type,
        dictionary=dictionary,
        encoding=encoding,
        incompressible=native and not column.kind.compressible and not column.type.array,
    )


def _is_integral(column_type: ColumnType, types: ParquetTypes) -> bool:
    if types is ParquetTypes.PORTABLE and column_type.name in _TEXT:
        return False
    if column_type.name is TypeName.NUMERIC:
        return (column_type.precision or 0) <= _INTEGER_DIGITS
    return column_type.name in _DELTA


def _repeats(dataset: Dataset, table: Table, column: Column, depth: int) -> bool:
    """Whether a row group holds each of the column's values many times over."""
    if column.kind.few_values:
        return True
    source = column.kind.copied
    if source is None or source.via is None or depth > _MAX_DEPTH:
        return False
    link = table.link(source.via)
    parent = dataset.table(link.parent)
    if parent.rows <= _FEW_PARENTS and parent.rows * _REPEATS <= table.rows:
        return True
    if isinstance(link.pick, PickChildren) and table.rows >= _REPEATS * parent.rows:
        return True
    return _repeats(dataset, parent, parent.column(source.column), depth + 1)


def _stored(plan: _ColumnPlan, chunks: Sequence[pa.Array], rows: int) -> pa.ChunkedArray:
    """A row group's cells of one column in the column's Parquet type, or a dictionary of it."""
    kept = _kept_dictionary(plan, chunks, rows)
    if kept is not None:
        return _in_one_piece(chunks, kept)
    converted = [_logical(chunk, plan.type, plan.cells) for chunk in chunks]
    return pa.chunked_array(converted, plan.type)


def _kept_dictionary(
    plan: _ColumnPlan, chunks: Sequence[pa.Array], rows: int
) -> pa.DictionaryArray | None:
    """A chunk whose dictionary all share, if it pays; None if they are to be written plain.

    The writer takes dictionaries as they are only of text, and one for the whole row group. A
    chunk of nulls alone has none or any: it follows the others.
    """
    if not plan.type.equals(pa.string()):
        return None
    with_values = [chunk for chunk in chunks if chunk.null_count < len(chunk)]
    if not with_values or not all(pa.types.is_dictionary(chunk.type) for chunk in with_values):
        return None
    first = with_values[0]
    known = first.dictionary
    pays = (
        known.type.equals(plan.type)
        and known.null_count == 0
        and 0 < len(known) * _REPEATS <= rows
        and known.nbytes <= _DICTIONARY_BYTES
        and all(
            chunk.type.equals(first.type) and chunk.dictionary.equals(known)
            for chunk in with_values[1:]
        )
    )
    return first if pays else None


def _in_one_piece(chunks: Sequence[pa.Array], kept: pa.DictionaryArray) -> pa.ChunkedArray:
    """The chunks as one, with the dictionary of `kept`; one of nulls alone may bring another.

    Arrow looks for the least and the greatest value in each chunk by itself, and of a dictionary
    that is a third of what it costs to write the column.
    """
    indices = [
        chunk.indices if chunk.null_count < len(chunk) else pa.nulls(len(chunk), kept.indices.type)
        for chunk in chunks
    ]
    whole = pa.DictionaryArray.from_arrays(pa.concat_arrays(indices), kept.dictionary, safe=False)
    return pa.chunked_array([whole])


def _as(column: pa.ChunkedArray, kind: pa.DataType) -> pa.ChunkedArray:
    if column.type.equals(kind):
        return column
    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    # In one piece: each would become a dictionary of its own, and the writer takes but one.
    return pa.chunked_array([column.combine_chunks().cast(kind)])


def _logical(array: pa.Array, kind: pa.DataType, cells: ColumnType) -> pa.Array:
    if pa.types.is_dictionary(array.type):
        array = array.dictionary_decode()
    if array.type.equals(kind):
        return array
    if pa.types.is_list(kind):
        return _logical_list(array, kind, cells)
    if pa.types.is_interval(array.type):
        return iso_8601(array)
    if pa.types.is_string(kind):
        return to_text(array, cells)
    if isinstance(kind, pa.BaseExtensionType):
        return pa.ExtensionArray.from_storage(kind, array.cast(kind.storage_type))
    return array.cast(kind)


def _logical_list(array: pa.Array, kind: pa.DataType, cells: ColumnType) -> pa.Array:
    # Built anew: of a slice neither offsets nor validity could be handed on.
    lengths = array.value_lengths().fill_null(0).to_numpy(zero_copy_only=False)
    offsets = np.zeros(len(array) + 1, dtype=np.int32)
    np.cumsum(lengths, out=offsets[1:])
    values = _logical(array.flatten(), kind.value_type, cells.element)
    return pa.ListArray.from_arrays(
        pa.array(offsets), values, type=kind, mask=array.is_null() if array.null_count else None
    )
