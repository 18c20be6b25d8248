"""Cells of the kind `constant`."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from rowmill.generate.cells.cell_builder import CellBuilder
from rowmill.generate.cells.literals import array_of_literals, pick
from rowmill.generate.context import Context
from rowmill.generate.frame import Cells, Frame
from rowmill.spec.kinds import Constant


def _build(context: Context) -> Cells:
    """The same value in every row."""
    kind = context.column.kind
    assert isinstance(kind, Constant)
    value = array_of_literals((kind.value,), context.column.type)

    def cells(frame: Frame) -> pa.Array:
        return pick(value, np.zeros(len(frame), dtype=np.int32))

    return cells


CONSTANT_CELLS = CellBuilder(Constant, {1: _build})
