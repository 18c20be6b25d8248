"""The estimated width of a row in bytes, from types and kinds alone: arithmetic, never a sample.

The estimate fixes batches and parts, so it belongs to the data version: the same everywhere and for
ever. It need not be right to better than a factor of two.
"""

from __future__ import annotations

from collections.abc import Callable

from rowmill.spec.dataset import Column, Dataset, Table
from rowmill.spec.kind import Array, Choice, Constant, Faker, Literal, Parent, Reference, Template
from rowmill.spec.values.types import ColumnType, TypeName
from rowmill.spec.versions import version_of

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
_TEXT = 20
# Providers that give far more than a name or a word.
_LONG_FAKER = {"text": 160, "paragraph": 160, "paragraphs": 400, "sentence": 60, "address": 50}
_USER_AGENT = 100
# Every value carries an offset, a validity bit and its share of a wire header.
_OVERHEAD = 4


def row_bytes(dataset: Dataset, table: Table) -> int:
    """Estimated bytes of one row of `table`, uncompressed, at least 1."""
    return max(1, sum(_OVERHEAD + value_bytes(dataset, table, each) for each in table.columns))


def value_bytes(dataset: Dataset, table: Table, column: Column) -> int:
    """Estimated bytes of one value of a column that is not null, by itself."""
    estimate = _ESTIMATES[version_of(dataset.data_version, "widths")]
    return estimate(dataset, table, column, 0)


def has_fixed_width(column: Column) -> bool:
    """Whether all values of a column take the same room."""
    return _fixed(column.type) is not None


def _kind_bytes(dataset: Dataset, table: Table, column: Column, depth: int) -> int:
    kind = column.kind
    match kind:
        case Parent(via=via, column=name) | Reference(via=via, column=name) if depth < 8:
            parent = dataset.table(table.link(via).parent)
            return _kind_bytes(dataset, parent, parent.column(name), depth + 1)
        case Array(min=low, max=high):
            return 8 + (low + high) * _element_bytes(column.type.element) // 2
        case Choice(values=values):
            return _fixed(column.type) or sum(map(_literal_bytes, values)) // len(values)
        case Constant(value=value):
            return _fixed(column.type) or _literal_bytes(value)
        case Template(parts=parts) if depth < 8:
            literal = sum(len(part.encode()) for part in parts if isinstance(part, str))
            fields = [part for part in parts if not isinstance(part, str)]
            return literal + sum(
                _kind_bytes(dataset, table, table.column(field.column), depth + 1)
                for field in fields
            )
        case Faker(provider=provider):
            long = _USER_AGENT if provider == "user_agent" else _LONG_FAKER.get(provider)
            return _fixed(column.type) or long or _TEXT
        case _:
            return _element_bytes(column.type)


def _fixed(kind: ColumnType) -> int | None:
    return None if kind.array else _FIXED.get(kind.name)


def _element_bytes(kind: ColumnType) -> int:
    fixed = _FIXED.get(kind.name)
    if fixed is not None:
        return fixed
    return min(kind.length, _TEXT) if kind.length is not None else _TEXT


def _literal_bytes(value: Literal) -> int:
    if isinstance(value, str):
        return len(value.encode())
    if isinstance(value, bytes):
        return len(value)
    if isinstance(value, tuple):
        return sum(map(_literal_bytes, value))
    return 8


# What version 1 estimates, with all that it calls, never changes; a better one stands beside it.
_ESTIMATES: dict[int, Callable[[Dataset, Table, Column, int], int]] = {1: _kind_bytes}
