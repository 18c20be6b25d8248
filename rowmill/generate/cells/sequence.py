"""Cells of the kind `sequence`."""

from __future__ import annotations

from typing import Any

from rowmill.generate.arrow_types import column_from_units, column_from_wide_units
from rowmill.generate.cells.cell_builder import CellBuilder
from rowmill.generate.cells.grid import Grid
from rowmill.generate.context import Context
from rowmill.generate.frame import Cells
from rowmill.spec.kinds import Sequence


def _build(context: Context) -> Cells:
    """`start + step x row`."""
    kind, column_type = context.column.kind, context.column.type
    assert isinstance(kind, Sequence)
    unit_size = 10 ** (column_type.scale or 0)
    grid = Grid(kind.start * unit_size, kind.step * unit_size, max(context.rows, 1))
    if grid.fits:
        return lambda frame: column_from_units(grid.at(frame.rows), column_type)
    return lambda frame: column_from_wide_units(
        (grid.start + grid.step * row for row in frame.rows.tolist()), column_type
    )


def _row_of(kind: Sequence, value: Any) -> int | None:
    row, rest = divmod(int(value) - kind.start, kind.step)
    return row if rest == 0 and row >= 0 else None


SEQUENCE_CELLS = CellBuilder(Sequence, {1: _build}, invert=_row_of)
