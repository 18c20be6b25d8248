"""Which columns' differences between cells are so small that every reader unpacks them right."""

from __future__ import annotations

from rowmill.spec.dataset import Column, Dataset, Table
from rowmill.spec.values.types import ColumnType, TypeName

# fastparquet makes other values of differences that take more than 28 bits, and dies of 57. Twice
# the span fits these, for a block's differences are stored less the least of them.
_SPAN = 2**27
# Of a hidden chain of references; the cells of deeper ones are taken to be far apart.
_MAX_DEPTH = 8
_DIGITS = 7


def are_narrow(dataset: Dataset, table: Table, column: Column) -> bool:
    """Whether DELTA_BINARY_PACKED pages of an integral column are safe for every reader."""
    if column.kind.even_steps and not column.nullable:
        # One difference throughout, so none is stored.
        return True
    span = _span(dataset, table, column, 0)
    return span is not None and span < _SPAN


def _span(dataset: Dataset, table: Table, column: Column, depth: int) -> int | None:
    """The greatest distance between two cells as stored integers, value x 10**scale.

    None if nothing bounds it.
    """
    source = column.kind.copied
    if source is not None and source.via is not None and depth < _MAX_DEPTH:
        parent = dataset.table(table.link(source.via).parent)
        return _span(dataset, parent, parent.column(source.column), depth + 1)
    span = column.kind.spread(table.rows)
    return (
        _span_of_type(column.type) if span is None else int(span * 10 ** (column.type.scale or 0))
    )


def _span_of_type(kind: ColumnType) -> int | None:
    match kind.name:
        case TypeName.SMALLINT:
            return 2**16
        case TypeName.DATE:
            # Past the year 148,000, in which what comes after another date ends at the latest.
            return 366 * 150_000
        case TypeName.NUMERIC if (kind.precision or 0) <= _DIGITS:
            return int(2 * 10 ** (kind.precision or 0))
        case _:
            return None
