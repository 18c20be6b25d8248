"""Cells of the kind `normal`."""

from __future__ import annotations

from fractions import Fraction

from rowmill.generate.cells.cell_builder import CellBuilder
from rowmill.generate.cells.continuous import continuous_cells
from rowmill.generate.context import Context
from rowmill.generate.draws.shapes import normal_table
from rowmill.generate.frame import Cells
from rowmill.spec.kinds import Normal


def _build(context: Context) -> Cells:
    """A normal distribution, truncated."""
    kind = context.column.kind
    assert isinstance(kind, Normal)
    mean, stddev = kind.mean, kind.stddev
    return continuous_cells(
        context, kind, Fraction(mean), lambda scale: normal_table(mean, stddev, scale)
    )


NORMAL_CELLS = CellBuilder(Normal, {1: _build})
