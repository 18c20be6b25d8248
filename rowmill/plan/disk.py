"""The disk that a load takes, estimated from types and kinds: what it takes at least, and likely.

Texts count as long as `text_size.py` finds them, not by the width that cuts batches.

The figures come from loads that were measured (examples/minimal.yaml, shop.yaml and wide.yaml into
the embedded servers): heap and indexes were within 15 % of what is likely here for all tables of
more than 10,000 rows, and Parquet objects 0.10 to 0.19 of the plan's bytes.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from rowmill.plan.text_size import value_size
from rowmill.plan.width import has_fixed_width
from rowmill.spec.dataset import Column, Dataset, Table

# Postgres's header of a row and the pointer to it; of an index's entry, in pages 0.9 full.
_ROW = 28
_ENTRY = 12
_FILL = 0.9
_ALIGNED = 8
# An index that is not unique keeps one entry for many rows of one value, and 6 bytes for each.
_DEDUPLICATED = 6
# Up to so many bytes of content the length of a value is one byte, else a word.
_SHORT, _LENGTH_WORD = 126, 4
# Long values shrink, to this in a row that is long as well. Random ones do not.
_COMPRESSED_FROM = 64
# A row longer than this has its long values in chunks of a table beside, each with its own head
# and an entry of an index.
_ASIDE_FROM, _ASIDE = 2032, 1.05
# Encoded and compressed: random ids hardly, words and small numbers to a twentieth.
_OBJECT_LEAST, _OBJECT_LIKELY = 0.05, 0.3
_OBJECT_OVERHEAD = 4


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
    return _sum(
        Extent(round(rows[table.name] * sum(least)), round(rows[table.name] * sum(likely)))
        for table in dataset.tables
        for least, likely in [
            zip(*(_object_extent(dataset, table, each) for each in table.columns), strict=True)
        ]
    )


def _object_extent(dataset: Dataset, table: Table, column: Column) -> tuple[float, float]:
    size = value_size(dataset, table, column)
    plain = _OBJECT_OVERHEAD + size.likely
    drawn = 0 if column.nullable else size.drawn
    likely = max(_OBJECT_LIKELY * plain, (1 - column.nulls) * size.drawn)
    return max(_OBJECT_LEAST * plain, drawn), likely


def _sum(extents: Iterator[Extent]) -> Extent:
    return sum(extents, start=Extent())


def _row_extent(dataset: Dataset, table: Table) -> tuple[float, float]:
    widths = [_widths(dataset, table, column) for column in table.columns]
    # A value begins at a multiple of its type's size, which takes about a byte more for each.
    likely = _ROW + sum(wide + 1 for _, wide in widths)
    aside = _ASIDE if likely > _ASIDE_FROM else 1
    return _ROW + sum(least for least, _ in widths), likely * aside


def _widths(dataset: Dataset, table: Table, column: Column) -> tuple[float, float]:
    size = value_size(dataset, table, column)
    likely = (1 - column.nulls) * _stored(column, size.likely)
    if column.nullable:
        return 0, likely
    kept = min(size.least, max(size.kept, _COMPRESSED_FROM))
    return _stored(column, kept), likely


def _stored(column: Column, content: float) -> float:
    if has_fixed_width(column):
        return content
    return content + (1 if content <= _SHORT else _LENGTH_WORD)


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
