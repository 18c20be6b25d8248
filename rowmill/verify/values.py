"""Canonical cells as a person reads them: what Postgres would print, in JSON's types."""

from __future__ import annotations

import ipaddress
import math
from typing import Any
from uuid import UUID

import pyarrow as pa

from rowmill.engine.verification import Value
from rowmill.generate.text.to_text import to_text
from rowmill.spec.values.types import ColumnType, TypeName
from rowmill.verify.canonical import canonical


def values(cells: pa.Array, kind: ColumnType) -> list[Value]:
    """The cells, from wherever they were read, as None, bool, int, float, str or lists of these."""
    plain = canonical(cells, kind)
    if pa.types.is_dictionary(plain.type):
        plain = plain.cast(plain.type.value_type)
    if kind.array:
        return [None if not item.is_valid else _each(item.values, kind.element) for item in plain]
    return _each(plain, kind)


def _each(cells: pa.Array, kind: ColumnType) -> list[Value]:
    if kind.name in (TypeName.TIME, TypeName.TIMESTAMP, TypeName.TIMESTAMPTZ, TypeName.DATE):
        # Python's own dates end with the year 9999, and some begin later than Postgres's.
        return list(to_text(cells, kind).to_pylist())
    return [None if value is None else _one(value, kind.name) for value in cells.to_pylist()]


def _one(value: Any, name: TypeName) -> Value:
    match name:
        case TypeName.REAL | TypeName.DOUBLE if not math.isfinite(value):
            # JSON has no such numbers; Postgres's own JSON has these words for them.
            return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
        case TypeName.NUMERIC:
            return f"{value:f}"
        case TypeName.UUID:
            return str(UUID(bytes=value))
        case TypeName.BYTEA:
            return "\\x" + value.hex()
        case TypeName.INET:
            return _address(value)
        case _ if isinstance(value, bytes):
            return value.decode()
        case _:
            return value if isinstance(value, bool | int | float) else str(value)


def _address(image: bytes) -> str:
    """The text of an address from its wire image: family, mask, is_cidr, length, bytes."""
    address = ipaddress.ip_address(image[4:])
    mask = image[1]
    return str(address) if mask == address.max_prefixlen else f"{address}/{mask}"
