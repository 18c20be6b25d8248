"""Made rows as the text that Postgres prints of stored ones."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from rowmill.engine.printed_columns import PrintedColumn, Scalar
from rowmill.generate.frame import Frame
from rowmill.generate.rows import Generator
from rowmill.generate.text.to_text import to_text
from rowmill.spec.dataset import Column, Table
from rowmill.spec.values.types import FLOATS, INTEGERS, ColumnType, TypeName

Row = tuple[str | None, ...]
# Rows made at a time: what they take stays small, however many are wanted.
_SLICE_ROWS = 10_000
_SCALARS = {
    TypeName.BOOLEAN: Scalar.BOOLEAN,
    **dict.fromkeys(INTEGERS | FLOATS, Scalar.NUMBER),
    TypeName.NUMERIC: Scalar.DECIMAL,
    TypeName.JSON: Scalar.JSON,
    TypeName.JSONB: Scalar.JSON,
}


def printed_columns(table: Table) -> list[PrintedColumn]:
    """The table's columns, as a query that selects them has them."""
    return [
        PrintedColumn(column.name, _scalar(column.type), "," if column.type.array else None)
        for column in table.columns
    ]


def printed_rows(generator: Generator, table: Table, start: int, stop: int) -> Iterator[Row]:
    """Rows [start, stop) of the table, all of which it has."""
    for first in range(start, stop, _SLICE_ROWS):
        rows = np.arange(first, min(stop, first + _SLICE_ROWS), dtype=np.int64)
        yield from printed_frame(generator.frame(table.name, rows), table.columns)


def printed_frame(frame: Frame, columns: Sequence[Column]) -> Iterator[Row]:
    """The rows of a frame, these columns of them, at least one."""
    cells = [printed_texts(frame.cells(each.name), each.type) for each in columns]
    return zip(*cells, strict=True)


def printed_texts(cells: pa.Array, kind: ColumnType) -> list[str | None]:
    """A column's cells, from the generator, as text; None where one is null."""
    if kind.array:
        return _plain(to_text(cells, kind))
    if kind.name is TypeName.BOOLEAN:
        # A cast to text makes `true` of it, and that is what to_text is for.
        return _plain(pc.if_else(cells, "t", "f"))
    texts = to_text(cells, kind)
    if kind.name is TypeName.CHAR and kind.length is not None:
        return _plain(pc.utf8_rpad(texts.cast(pa.string()), kind.length, " "))
    return _plain(texts)


def _plain(texts: pa.Array) -> list[str | None]:
    return list(texts.to_pylist())


def _scalar(kind: ColumnType) -> Scalar:
    return _SCALARS.get(kind.name, Scalar.TEXT)
