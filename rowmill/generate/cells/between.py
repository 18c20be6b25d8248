"""Cells of the kind `between`."""

from __future__ import annotations

from rowmill.generate.cells.cell_builder import CellBuilder
from rowmill.generate.cells.grid import Grid, draw_grid
from rowmill.generate.context import Context
from rowmill.generate.frame import Cells
from rowmill.spec.kinds import Between


def _build(context: Context) -> Cells:
    """`start`, `start + resolution`, ... up to `end`, each as likely."""
    kind = context.column.kind
    assert isinstance(kind, Between)
    count = (kind.end - kind.start) // kind.resolution + 1
    return draw_grid(context, Grid(kind.start, kind.resolution, count))


BETWEEN_CELLS = CellBuilder(Between, {1: _build})
