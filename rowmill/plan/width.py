"""The estimated width of a row in bytes, from types and kinds alone: arithmetic, never a sample.

The estimate fixes batches and parts, so it belongs to the data version: the same everywhere and for
ever. It need not be right to better than a factor of two.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from rowmill.spec.dataset import Column, Dataset, Table
from rowmill.spec.kind.base import Source
from rowmill.spec.shapes.width import fixed_width
from rowmill.spec.versions import rule_version

# So long a chain of columns, each computed from the next, is followed.
MAX_DEPTH = 8
# Every value carries an offset, a validity bit and its share of a wire header.
_OVERHEAD = 4


def row_bytes(dataset: Dataset, table: Table) -> int:
    """Estimated bytes of one row of `table`, uncompressed, at least 1."""
    return max(1, sum(_OVERHEAD + value_bytes(dataset, table, each) for each in table.columns))


def value_bytes(dataset: Dataset, table: Table, column: Column) -> int:
    """Estimated bytes of one value of a column that is not null, by itself."""
    estimate = _ESTIMATES[rule_version(dataset.data_version, "widths")]
    return estimate(dataset, table, column, 0)


def has_fixed_width(column: Column) -> bool:
    """Whether all values of a column take the same room."""
    return fixed_width(column.type) is not None


@dataclass(frozen=True)
class _Widths:
    """What a kind may ask for: the widths of the columns that it is computed from."""

    dataset: Dataset
    table: Table
    depth: int

    def width(self, source: Source) -> int | None:
        """The width of another column; None at the end of too long a chain."""
        if self.depth >= MAX_DEPTH:
            return None
        table = read_table(self.dataset, self.table, source)
        return _kind_bytes(self.dataset, table, table.column(source.column), self.depth + 1)


def read_table(dataset: Dataset, table: Table, source: Source) -> Table:
    """The table that another column is of."""
    return table if source.via is None else dataset.table(table.link(source.via).parent)


def _kind_bytes(dataset: Dataset, table: Table, column: Column, depth: int) -> int:
    return column.kind.width(column.type, _Widths(dataset, table, depth))


# What version 1 estimates, `Kind.width` and all that it calls, never changes; a better one stands
# beside it.
_ESTIMATES: dict[int, Callable[[Dataset, Table, Column, int], int]] = {1: _kind_bytes}
