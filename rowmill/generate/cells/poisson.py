"""Cells of the kind `poisson`."""

from __future__ import annotations

from rowmill.generate.cells.cell_builder import CellBuilder
from rowmill.generate.cells.whole_numbers import largest_whole_number, whole_number_cells
from rowmill.generate.context import Context
from rowmill.generate.draws.poisson import PoissonTable
from rowmill.generate.frame import Cells
from rowmill.spec.kinds import Poisson


def _build(context: Context) -> Cells:
    """Poisson counts, truncated to [min, max] and to the type."""
    kind = context.column.kind
    assert isinstance(kind, Poisson)
    first, last = max(kind.min or 0, 0), largest_whole_number(context.column.type)
    table = PoissonTable(kind.mean, first, last if kind.max is None else min(kind.max, last))
    return whole_number_cells(context, table.draw)


POISSON_CELLS = CellBuilder(Poisson, {1: _build})
