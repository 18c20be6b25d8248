"""Cells of the kind `weekday`."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from rowmill.generate.arrow_types import column_from_units
from rowmill.generate.cells.cell_builder import CellBuilder
from rowmill.generate.cells.grid import Grid, draw_grid
from rowmill.generate.context import Context
from rowmill.generate.frame import Cells
from rowmill.spec.kinds import Weekday


def _build(context: Context) -> Cells:
    """The dates on the days, numbered in their order, each as likely."""
    kind, column_type = context.column.kind, context.column.type
    assert isinstance(kind, Weekday)
    week = np.array(kind.week, dtype=np.int64) + kind.start

    def emit(numbers: NDArray[np.int64]) -> pa.Array:
        weeks, places = np.divmod(numbers, len(week))
        return column_from_units(weeks * 7 + week[places], column_type)

    return draw_grid(context, Grid(0, 1, kind.count), emit)


WEEKDAY_CELLS = CellBuilder(Weekday, {1: _build})
