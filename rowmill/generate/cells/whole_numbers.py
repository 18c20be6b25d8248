"""Cells of whole numbers that a law draws: counts and ranks."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from rowmill.generate.arrow_types import column_from_units, column_from_wide_units
from rowmill.generate.context import Context
from rowmill.generate.draws.bits import Bits, bits, blocks
from rowmill.generate.frame import Cells, Frame
from rowmill.spec.values.types import INTEGER_RANGES, INTEGERS, ColumnType, TypeName


def whole_number_cells(context: Context, draw: Callable[[Bits], NDArray[np.int64]]) -> Cells:
    """Cells of whole numbers of any numeric type."""
    key, column_type = context.key("value"), context.column.type
    unit = 10 ** (column_type.scale or 0)
    fits = largest_whole_number(column_type) * unit < 2**63

    def cells(frame: Frame) -> pa.Array:
        rows = frame.rows
        counts = np.empty(len(rows), dtype=np.int64)
        for here, _ in blocks(len(rows)):
            counts[here] = draw(bits(key, rows[here]))
        if unit == 1:
            return column_from_units(counts, column_type)
        if fits:
            counts *= unit
            return column_from_units(counts, column_type)
        return column_from_wide_units((n * unit for n in counts.tolist()), column_type)

    return cells


def largest_whole_number(column_type: ColumnType) -> int:
    """The largest whole number that the type holds, and that a draw may give."""
    name = column_type.name
    if name in INTEGERS:
        largest = INTEGER_RANGES[name][1]
    elif name is TypeName.NUMERIC:
        assert column_type.precision is not None
        largest = 10 ** (column_type.precision - (column_type.scale or 0)) - 1
    else:
        largest = 2**53
    return min(largest, 2**62)
