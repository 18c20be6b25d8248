"""One canonical form of a column's cells from wherever: the generator, Parquet or Postgres.

What each store does to a value on the way (padding of char(n), intervals, times and uuids as text,
addresses as text or wire image, numerics as text) is undone here: equal values hash equally.
"""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

from rowmill.destinations.interval_text import iso_8601
from rowmill.destinations.postgres.copy.wire_images import wire_images
from rowmill.generate.arrow_types import arrow_type
from rowmill.spec.values.types import ColumnType, TypeName
from rowmill.verify.printed_cells import read_times, read_uuids


def canonical(cells: pa.Array, kind: ColumnType) -> pa.Array:
    """The cells in the form in which they are hashed and compared.

    Integers, booleans, floats, dates and times as they are, numerics as decimal128, the rest as
    bytes: text, ISO 8601 intervals, uuid and inet images. Arrays are lists of these.

    Args:
        cells: from the generator, read from Parquet, or read from Postgres through ADBC.
        kind: the column's type.

    Raises:
        pa.ArrowInvalid, pa.ArrowNotImplementedError: a cell is none of the type.
    """
    if pa.types.is_dictionary(cells.type):
        entries = canonical(cells.dictionary, kind)
        return pa.DictionaryArray.from_arrays(cells.indices, entries)
    if isinstance(cells, pa.ExtensionArray):
        cells = cells.storage
    if kind.array:
        return _lists(cells, kind)
    return _scalars(cells, kind)


def _lists(cells: pa.Array, kind: ColumnType) -> pa.ListArray:
    elements = canonical(cells.flatten(), kind.element)
    if pa.types.is_dictionary(elements.type):
        # Arrow makes no null of a list of dictionaries of some types.
        elements = elements.dictionary_decode()
    counts = pc.list_value_length(cells)
    offsets = pc.cumulative_sum(counts.fill_null(0).cast(pa.int64()))
    offsets = pa.concat_arrays([pa.array([0], pa.int64()), offsets]).cast(pa.int32())
    lists = pa.ListArray.from_arrays(offsets, elements)
    return pc.if_else(cells.is_valid(), lists, pa.scalar(None, lists.type))


def _scalars(cells: pa.Array, kind: ColumnType) -> pa.Array:
    match kind.name:
        case TypeName.INTERVAL:
            return (cells if _is_text(cells.type) else iso_8601(cells)).cast(pa.binary())
        case TypeName.INET:
            return wire_images(cells, kind) if _is_text(cells.type) else cells.cast(_LARGE)
        case TypeName.CHAR:
            # Postgres pads to n, and to it trailing spaces mean nothing.
            return pc.utf8_rtrim(cells.cast(pa.string()), " ").cast(pa.binary())
        case TypeName.TEXT | TypeName.VARCHAR | TypeName.JSON | TypeName.JSONB:
            return cells.cast(pa.string()).cast(pa.binary())
        case TypeName.UUID if _is_text(cells.type):
            return read_uuids(cells.cast(pa.string()))
        case TypeName.TIME if _is_text(cells.type):
            return read_times(cells.cast(pa.string()))
        case TypeName.BYTEA:
            return cells.cast(pa.binary())
        case TypeName.NUMERIC:
            return cells.cast(pa.decimal128(kind.precision, kind.scale))
        case _:
            return cells.cast(arrow_type(kind))


_LARGE = pa.large_binary()


def _is_text(kind: pa.DataType) -> bool:
    return bool(
        pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind)
    )
