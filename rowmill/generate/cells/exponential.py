"""Cells of the kind `exponential`."""

from __future__ import annotations

from fractions import Fraction

from rowmill.generate.cells.cell_builder import CellBuilder
from rowmill.generate.cells.continuous import continuous_cells
from rowmill.generate.context import Context
from rowmill.generate.draws.shapes import exponential_table
from rowmill.generate.frame import Cells
from rowmill.spec.kinds import Exponential


def _build(context: Context) -> Cells:
    """An exponential distribution from 0, truncated."""
    kind = context.column.kind
    assert isinstance(kind, Exponential)
    return continuous_cells(
        context, kind, Fraction(0), lambda scale: exponential_table(kind.mean, scale)
    )


EXPONENTIAL_CELLS = CellBuilder(Exponential, {1: _build})
