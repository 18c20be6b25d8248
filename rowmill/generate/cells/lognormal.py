"""Cells of the kind `lognormal`."""

from __future__ import annotations

from fractions import Fraction

from rowmill.generate.cells.cell_builder import CellBuilder
from rowmill.generate.cells.continuous import continuous_cells
from rowmill.generate.context import Context
from rowmill.generate.draws.shapes import lognormal_table
from rowmill.generate.frame import Cells
from rowmill.spec.kinds import Lognormal


def _build(context: Context) -> Cells:
    """e to the power of a normal distribution, truncated."""
    kind = context.column.kind
    assert isinstance(kind, Lognormal)
    return continuous_cells(
        context, kind, Fraction(0), lambda scale: lognormal_table(kind.mu, kind.sigma, scale)
    )


LOGNORMAL_CELLS = CellBuilder(Lognormal, {1: _build})
