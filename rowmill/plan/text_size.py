"""The room that values of varying length take: texts as long as their kinds make them.

Unlike the width in `width.py`, which cuts batches and so never changes, it may become better.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from rowmill.plan.width import MAX_DEPTH, has_fixed_width, read_table, value_bytes
from rowmill.spec.dataset import Column, Dataset, Table
from rowmill.spec.kind.base import Kind, Source
from rowmill.spec.shapes.size import Size, unknown_size
from rowmill.spec.values.types import ColumnType, TypeName


def value_size(dataset: Dataset, table: Table, column: Column) -> Size:
    """The size of one value of a column."""
    return _size(dataset, table, column, 0)


@dataclass(frozen=True)
class _Sizes:
    """What a kind may ask for: sizes and widths of its own column, its parts and its sources."""

    dataset: Dataset
    table: Table
    column: Column
    depth: int

    def width_of(self, kind: Kind, column_type: ColumnType) -> int:
        """The estimated width of a kind's value."""
        column = replace(self.column, kind=kind, type=column_type)
        return value_bytes(self.dataset, self.table, column)

    def size(self, source: Source) -> Size | None:
        """The size of another column; None at the end of too long a chain."""
        if self.depth >= MAX_DEPTH:
            return None
        table = read_table(self.dataset, self.table, source)
        return _size(self.dataset, table, table.column(source.column), self.depth + 1)

    def size_of(self, kind: Kind, column_type: ColumnType) -> Size:
        """The size of a part."""
        column = replace(self.column, kind=kind, type=column_type)
        return _size(self.dataset, self.table, column, self.depth + 1)

    def is_fixed(self, source: Source) -> bool:
        """Whether all values of another column take the same room."""
        table = read_table(self.dataset, self.table, source)
        return has_fixed_width(table.column(source.column))


def _size(dataset: Dataset, table: Table, column: Column, depth: int) -> Size:
    if has_fixed_width(column):
        width = value_bytes(dataset, table, column)
        return Size(width, width, width)
    made = _made(_Sizes(dataset, table, column, depth))
    length = column.type.length
    if column.type.name is not TypeName.CHAR or length is None or column.type.array:
        return made
    return Size(max(made.least, length), max(made.likely, length), made.kept, made.drawn)


def _made(sizes: _Sizes) -> Size:
    column = sizes.column
    if column.kind.copied is None:
        return column.kind.size(column.type, sizes)
    one = sizes.size(column.kind.copied)
    if one is None:
        return unknown_size(sizes.width_of(column.kind, column.type))
    # Many rows may have one value.
    return Size(one.least, one.likely, one.kept)
