"""Cells of the kind `ordinal`."""

from __future__ import annotations

from rowmill.generate.arrow_types import column_from_units
from rowmill.generate.cells.cell_builder import CellBuilder
from rowmill.generate.cells.grid import Grid
from rowmill.generate.context import Context
from rowmill.generate.frame import Cells
from rowmill.spec.kinds import Ordinal


def _build(context: Context) -> Cells:
    """1, 2, 3 ... among the children of the row's parent."""
    column_type = context.column.type
    grid = Grid(10 ** (column_type.scale or 0), 10 ** (column_type.scale or 0), 1)
    return lambda frame: column_from_units(grid.at(frame.family.places), column_type)


ORDINAL_CELLS = CellBuilder(Ordinal, {1: _build})
