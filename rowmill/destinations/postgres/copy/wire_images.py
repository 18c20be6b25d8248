"""Postgres's binary wire form of cells that pgpq cannot encode, built column by column in numpy.

A pgpq column of type `binary` passes through as it is, so a column of ready images encodes any
type. The forms are those of the types' `send` functions in Postgres (array_send, interval_send,
network_send, jsonb_send ...).
"""

from __future__ import annotations

import ipaddress
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from rowmill.spec.values.types import ColumnType, TypeName

# OIDs are fixed in Postgres's catalogue (pg_type.dat).
_OIDS: dict[TypeName, int] = {
    TypeName.VARCHAR: 1043,
    TypeName.CHAR: 1042,
    TypeName.TIMESTAMPTZ: 1184,
    TypeName.INTERVAL: 1186,
    TypeName.UUID: 2950,
    TypeName.JSON: 114,
    TypeName.JSONB: 3802,
    TypeName.INET: 869,
}
ARRAYS = frozenset(_OIDS)
SCALARS = frozenset({TypeName.INTERVAL, TypeName.INET})

# Microseconds from 1970-01-01, Arrow's epoch, to 2000-01-01, that of Postgres.
_EPOCH_US = 946_684_800_000_000
_ARROW_INTERVAL = np.dtype([("months", "<i4"), ("days", "<i4"), ("nanoseconds", "<i8")])
_WIRE_INTERVAL = np.dtype([("microseconds", ">i8"), ("days", ">i4"), ("months", ">i4")])
_EMPTY_ARRAY = np.dtype([("dimensions", ">i4"), ("has_nulls", ">i4"), ("oid", ">i4")])
_ARRAY = np.dtype([*_EMPTY_ARRAY.descr, ("length", ">i4"), ("lower_bound", ">i4")])
_IPV4 = r"^(?P<a>[0-9]+)\.(?P<b>[0-9]+)\.(?P<c>[0-9]+)\.(?P<d>[0-9]+)(?:/(?P<bits>[0-9]+))?$"
_FAMILY_V4, _FAMILY_V6 = 2, 3
_JSONB_VERSION = 1


def wire_images(column: pa.Array, column_type: ColumnType) -> pa.Array:
    """The column as `large_binary` of wire images, null where the cell is null.

    Args:
        column: cells of the Arrow type of `column_type`, which is an array of one of `ARRAYS` or
            one of `SCALARS`.
        column_type: the column's type in Postgres.
    """
    if column_type.array:
        return _with_nulls(_arrays(column, column_type.element.name), column)
    return _with_nulls(_scalars(column, column_type.name), column)


def _scalars(cells: pa.Array, name: TypeName) -> pa.LargeBinaryArray:
    """The wire images of cells, empty for nulls."""
    match name:
        case TypeName.INTERVAL:
            return _intervals(cells)
        case TypeName.TIMESTAMPTZ:
            units = cells.cast(pa.int64()).fill_null(0).to_numpy(zero_copy_only=False)
            return _fixed((units - _EPOCH_US).astype(">i8"), _present(cells))
        case TypeName.INET:
            return _inets(cells)
        case TypeName.JSONB:
            version = np.full(len(cells), _JSONB_VERSION, dtype=np.uint8)
            return _joined(_fixed(version, _present(cells)), _texts(cells))
        case _:
            return _texts(cells)


def _texts(cells: pa.Array) -> pa.LargeBinaryArray:
    """The bytes of strings or binaries as they are."""
    return cells.cast(pa.large_binary()).fill_null(b"")


def _intervals(cells: pa.Array) -> pa.LargeBinaryArray:
    records = np.frombuffer(cells.buffers()[1] or b"", dtype=_ARROW_INTERVAL)
    records = records[cells.offset : cells.offset + len(cells)]
    wire = np.empty(len(cells), dtype=_WIRE_INTERVAL)
    wire["microseconds"] = records["nanoseconds"] // 1000
    wire["days"] = records["days"]
    wire["months"] = records["months"]
    return _fixed(wire, _present(cells))


def _inets(cells: pa.Array) -> pa.LargeBinaryArray:
    """Addresses: IPv4 by numpy, as they may be many, IPv6 one by one."""
    fields = pc.extract_regex(cells, pattern=_IPV4)
    is_v4 = _present(fields)
    wire = np.zeros(len(cells), dtype=[("head", "u1", 4), ("address", "u1", 4)])
    wire["head"] = [_FAMILY_V4, 32, 0, 4]
    wire["head"][:, 1] = _small(fields.field("bits"), "32")
    for place, octet in enumerate("abcd"):
        wire["address"][:, place] = _small(fields.field(octet), "0")
    v4 = _fixed(wire, is_v4)
    if bool((is_v4 | ~_present(cells)).all()):
        return v4
    pairs = zip(is_v4.tolist(), cells.to_pylist(), strict=True)
    v6 = [b"" if done or cell is None else _inet_v6(cell) for done, cell in pairs]
    return _joined(v4, pa.array(v6, pa.large_binary()))


def _small(numbers: pa.Array, absent: str) -> NDArray[np.uint8]:
    known = pc.if_else(pc.equal(numbers, ""), absent, numbers).fill_null(absent)
    values: NDArray[np.uint8] = known.cast(pa.uint8()).to_numpy(zero_copy_only=False)
    return values


def _inet_v6(cell: str) -> bytes:
    address = ipaddress.IPv6Interface(cell)
    return bytes((_FAMILY_V6, address.network.prefixlen, 0, 16)) + address.packed


def _arrays(column: pa.ListArray, element: TypeName) -> pa.LargeBinaryArray:
    """array_send: a header, then each element behind its length, -1 for a null element."""
    elements = column.flatten()
    present = _present(elements)
    images = _scalars(elements, element)
    sizes = np.where(present, np.diff(_offsets(images)), -1).astype(">i4")
    items = _joined(_fixed(sizes, np.ones(len(elements), dtype=np.bool_)), images)
    counts = pc.list_value_length(column).fill_null(0).to_numpy(zero_copy_only=False)
    counts = counts.astype(np.int64)
    headers = _array_headers(counts, element, bool((~present).any()))
    return _joined(headers, _grouped(items, counts))


def _array_headers(
    counts: NDArray[np.int64], element: TypeName, has_nulls: bool
) -> pa.LargeBinaryArray:
    full = np.zeros(len(counts), dtype=_ARRAY)
    full["dimensions"] = counts > 0
    full["has_nulls"] = has_nulls
    full["oid"] = _OIDS[element]
    full["length"] = counts
    full["lower_bound"] = 1
    lengths = np.where(counts > 0, _ARRAY.itemsize, _EMPTY_ARRAY.itemsize)
    matrix = full.view(np.uint8).reshape(len(counts), _ARRAY.itemsize)
    return _strings(_stops(lengths), matrix[np.arange(_ARRAY.itemsize) < lengths[:, None]])


def _grouped(items: pa.LargeBinaryArray, counts: NDArray[np.int64]) -> pa.LargeBinaryArray:
    """The items of each list as one string: the bytes stay where they are."""
    return _strings(_offsets(items)[_stops(counts)], items.buffers()[2])


def _joined(heads: pa.LargeBinaryArray, tails: pa.LargeBinaryArray) -> pa.LargeBinaryArray:
    """Each head followed by its tail."""
    return pc.binary_join_element_wise(heads, tails, pa.scalar(b"", pa.large_binary()))


def _fixed(records: NDArray[Any], present: NDArray[np.bool_]) -> pa.LargeBinaryArray:
    """One record's bytes a cell, none for an absent one."""
    lengths = np.where(present, records.dtype.itemsize, 0)
    return _strings(_stops(lengths), records[present])


def _strings(offsets: NDArray[np.int64], data: object) -> pa.LargeBinaryArray:
    buffers = [None, pa.py_buffer(np.ascontiguousarray(offsets)), pa.py_buffer(data)]
    return pa.Array.from_buffers(pa.large_binary(), len(offsets) - 1, buffers)


def _stops(lengths: NDArray[np.int64]) -> NDArray[np.int64]:
    return np.concatenate(([0], np.cumsum(lengths))).astype(np.int64)


def _offsets(strings: pa.LargeBinaryArray) -> NDArray[np.int64]:
    offsets = np.frombuffer(strings.buffers()[1] or bytes(8), dtype=np.int64)
    return offsets[strings.offset : strings.offset + len(strings) + 1]


def _with_nulls(images: pa.LargeBinaryArray, column: pa.Array) -> pa.Array:
    if not column.null_count:
        return images
    return pc.if_else(column.is_valid(), images, pa.scalar(None, pa.large_binary()))


def _present(cells: pa.Array) -> NDArray[np.bool_]:
    present: NDArray[np.bool_] = cells.is_valid().to_numpy(zero_copy_only=False)
    return present
