"""Arrays: lists of elements, each element the cell of a row of its own."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from rowmill.counting import counted
from rowmill.generate.cells.cell_builder import CellBuilder
from rowmill.generate.context import Context
from rowmill.generate.draws.bits import integers
from rowmill.generate.frame import Cells, Frame, Rows
from rowmill.spec.kinds import Array


def _build(context: Context) -> Cells:
    """`min` to `max` elements, each count as likely.

    Element k of row r is what the element's kind makes of row `r x max + k`, under keys of its own;
    fields of a template and what `after` follows are those of row r.

    Raises:
        ValueError: the table's rows times `max` are beyond 2**63.
    """
    kind = context.column.kind
    assert isinstance(kind, Array)
    stride = max(kind.max, 1)
    if context.rows * stride >= 2**63:
        raise ValueError(
            f"{context.table.name}.{context.column.name}: {counted(context.rows, 'row')} of up "
            f"to {counted(kind.max, 'element')} are more elements than can be counted; lower `max`"
        )
    elements = context.build(context.element(kind.of))
    count_key, spread = context.key("count"), kind.max - kind.min + 1

    def cells(frame: Frame) -> pa.Array:
        counts = integers(count_key, frame.rows, spread) + kind.min
        offsets = np.zeros(len(frame) + 1, dtype=np.int32)
        np.cumsum(counts, out=offsets[1:])
        owners = np.repeat(np.arange(len(frame)), counts)
        places = np.arange(len(owners)) - offsets[owners]
        inside = _Elements(frame, owners, frame.rows[owners] * stride + places)
        values = elements(inside)
        if isinstance(values, pa.DictionaryArray):
            values = values.dictionary_decode()
        return pa.ListArray.from_arrays(pa.array(offsets), values)

    return cells


class _Elements(Frame):
    """The elements as rows: `owners` are the places in `frame` of the rows that hold them."""

    def __init__(self, frame: Frame, owners: Rows, rows: Rows) -> None:
        valid = None if frame.valid is None else frame.valid[owners]
        super().__init__(frame._source, frame.table, rows, valid)
        self._frame = frame
        self._owners = owners

    def cells(self, column: str) -> pa.Array:
        return self._frame.cells(column).take(pa.array(self._owners))

    def up(self, link: str) -> Frame:
        parents = self._frame.up(link)
        return _Elements(parents, self._owners, parents.rows[self._owners])


ARRAY_CELLS = CellBuilder(Array, {1: _build})
