"""Cells of the kind `parent`: any column of the row that a link picked."""

from __future__ import annotations

from rowmill.generate.cells.cell_builder import CellBuilder
from rowmill.generate.context import Context
from rowmill.generate.frame import Cells
from rowmill.spec.kinds import Parent


def _build(context: Context) -> Cells:
    """A column of the row that the link picked."""
    kind = context.column.kind
    assert isinstance(kind, Parent)
    via, column = kind.via, kind.column
    return lambda frame: frame.up(via).cells(column)


PARENT_CELLS = CellBuilder(Parent, {1: _build})
