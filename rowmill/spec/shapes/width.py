"""Estimated widths in bytes by type and literal: the arithmetic of version 1, which never changes.

Widths cut tables into batches and parts (rowmill.plan.width), so they belong to the data version.
"""

from __future__ import annotations

from rowmill.spec.values.types import ColumnType, Literal, TypeName

_FIXED = {
    TypeName.BOOLEAN: 1,
    TypeName.SMALLINT: 2,
    TypeName.INTEGER: 4,
    TypeName.BIGINT: 8,
    TypeName.REAL: 4,
    TypeName.DOUBLE: 8,
    TypeName.NUMERIC: 16,
    TypeName.DATE: 4,
    TypeName.TIME: 8,
    TypeName.TIMESTAMP: 8,
    TypeName.TIMESTAMPTZ: 8,
    TypeName.INTERVAL: 16,
    TypeName.UUID: 16,
    TypeName.INET: 16,
}
TEXT_WIDTH = 20


def fixed_width(column_type: ColumnType) -> int | None:
    """The room of any value of a type; None where values differ in it."""
    return None if column_type.array else _FIXED.get(column_type.name)


def width_of_type(column_type: ColumnType) -> int:
    """The room of a value by its type alone, of an array type that of an element."""
    fixed = _FIXED.get(column_type.name)
    if fixed is not None:
        return fixed
    return min(column_type.length, TEXT_WIDTH) if column_type.length is not None else TEXT_WIDTH


def literal_width(value: Literal) -> int:
    """The room of one value that a manifest names."""
    if isinstance(value, str):
        return len(value.encode())
    if isinstance(value, bytes):
        return len(value)
    if isinstance(value, tuple):
        return sum(map(literal_width, value))
    return 8
