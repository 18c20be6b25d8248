"""Cells of the kind `boolean`."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from rowmill.generate.cells.cell_builder import CellBuilder
from rowmill.generate.context import Context
from rowmill.generate.draws.bits import bits, chance
from rowmill.generate.draws.permutation import Permutation
from rowmill.generate.frame import Cells, Frame
from rowmill.spec.kinds import Boolean


def _build(context: Context) -> Cells:
    """True with a probability; of a unique column, the two values permuted."""
    kind, key = context.column.kind, context.key("value")
    assert isinstance(kind, Boolean)
    if context.column.unique:
        permutation = Permutation(key, 2)
        return lambda frame: pa.array(permutation.forward(frame.rows).astype(np.bool_))
    probability = kind.probability

    def cells(frame: Frame) -> pa.Array:
        packed = np.packbits(chance(bits(key, frame.rows), probability), bitorder="little")
        return pa.Array.from_buffers(pa.bool_(), len(frame), [None, pa.py_buffer(packed)])

    return cells


BOOLEAN_CELLS = CellBuilder(Boolean, {1: _build})
