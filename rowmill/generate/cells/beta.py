"""Cells of the kind `beta`."""

from __future__ import annotations

from rowmill.generate.cells.cell_builder import CellBuilder
from rowmill.generate.cells.continuous import continuous_cells, exact_bound
from rowmill.generate.context import Context
from rowmill.generate.draws.shapes import beta_table
from rowmill.generate.frame import Cells
from rowmill.spec.kinds import Beta


def _build(context: Context) -> Cells:
    """A beta distribution stretched to [min, max].

    Of integers and numerics it is stretched from half a unit below min to half a unit above max, so
    that alpha = beta = 1 gives every value the same chance.
    """
    kind = context.column.kind
    assert isinstance(kind, Beta)
    return continuous_cells(
        context, kind, exact_bound(kind.min), lambda scale: beta_table(kind.alpha, kind.beta, scale)
    )


BETA_CELLS = CellBuilder(Beta, {1: _build})
