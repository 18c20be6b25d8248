"""The disk that a load takes, estimated from types and kinds: what it takes at least, and likely.

The figures come from loads that were measured (examples/minimal.yaml, shop.yaml and wide.yaml into
the embedded servers): heap and indexes were within 15 % of what is likely here for all tables of
more than 10,000 rows, and Parquet objects 0.10 to 0.19 of the plan's bytes.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from rowmill.plan.width import has_fixed_width, row_bytes, value_bytes
from rowmill.spec.dataset import Column, Dataset, Table

# Postgres's header of a row and the pointer to it; of an index's entry, in pages 0.9 full.
_ROW = 28
_ENTRY = 12
_FILL = 0.9
_ALIGNED = 8
# An index that is not unique keeps one entry for many rows of one value, and 6 bytes for each.
_DEDUPLICATED = 6
# Texts may be a quarter as long as estimated (a pattern of a few letters), and long ones shrink.
_SHORTER = 0.25
_COMPRESSED_FROM = 64
# Encoded and compressed: random ids hardly, words and small numbers to a twentieth.
_OBJECT_LEAST, _OBJECT_LIKELY = 0.05, 0.3


@dataclass(frozen=True)
class Extent:
    """Bytes on a disk: `least` is needed in any case, `likely` by the estimate."""

    least: int = 0
    likely: int = 0

    def __add__(self, other: Extent) -> Extent:
        return Extent(self.least + other.least, self.likely + other.likely)

    def beyond(self, present: int) -> Extent:
        """What is still to come where `present` bytes of it are there."""
        return Extent(max(0, self.least - present), max(0, self.likely - present))

    def within(self, limit: int, present: int) -> Extent:
        """By how much a log grows that is `present` and begins to drop its oldest at half `limit`.

        What is present may have to stay until then.
        """
        least, likely = max(0, limit // 2 - present), max(0, limit - present)
        return Extent(min(self.least, least), min(self.likely, likely))


def heap(dataset: Dataset, rows: Mapping[str, int]) -> Extent:
    """So many rows of each table in Postgres."""
    return _sum(
        Extent(int(rows[table.name] * least), int(rows[table.name] * likely))
        for table in dataset.tables
        for least, likely in [_row_extent(dataset, table)]
    )


def indexes(dataset: Dataset, constraints: str) -> Extent:
    """The keys and indexes of all tables, made once all rows are there.

    `constraints` is all, keys or none.
    """
    return _sum(
        Extent(int(table.rows * least), int(table.rows * likely))
        for table in dataset.tables
        for least, likely in _entries(dataset, table, constraints)
    )


def objects(dataset: Dataset, rows: Mapping[str, int]) -> Extent:
    """So many rows of each table as Parquet."""
    size = sum(rows[table.name] * row_bytes(dataset, table) for table in dataset.tables)
    return Extent(int(size * _OBJECT_LEAST), int(size * _OBJECT_LIKELY))


def _sum(extents: Iterator[Extent]) -> Extent:
    return sum(extents, start=Extent())


def _row_extent(dataset: Dataset, table: Table) -> tuple[float, float]:
    widths = [_widths(dataset, table, column) for column in table.columns]
    # A value begins at a multiple of its type's size, which takes about a byte more for each.
    likely = sum(wide + 1 for _, wide in widths)
    return _ROW + sum(least for least, _ in widths), _ROW + likely


def _widths(dataset: Dataset, table: Table, column: Column) -> tuple[float, float]:
    value = value_bytes(dataset, table, column)
    likely = (1 - column.nulls) * value
    if column.nullable:
        return 0, likely
    if has_fixed_width(column):
        return value, likely
    return min(_SHORTER * value, _COMPRESSED_FROM), likely


def _entries(dataset: Dataset, table: Table, constraints: str) -> Iterator[tuple[float, float]]:
    if constraints == "none":
        return
    for columns in filter(None, dict.fromkeys((table.primary_key, *table.unique))):
        yield _entry(dataset, table, columns)
    for columns in table.indexes if constraints == "all" else ():
        yield _DEDUPLICATED, _entry(dataset, table, columns)[1]


def _entry(dataset: Dataset, table: Table, columns: tuple[str, ...]) -> tuple[float, float]:
    widths = [_widths(dataset, table, table.column(name)) for name in columns]
    least, likely = (sum(each) for each in zip(*widths, strict=True))
    padded = -(-likely // _ALIGNED) * _ALIGNED
    return _ENTRY + least, (_ENTRY + padded) / _FILL
