"""Cells of references: the key of the row that a link picked."""

from __future__ import annotations

from rowmill.generate.cells.cell_builder import CellBuilder
from rowmill.generate.context import Context
from rowmill.generate.frame import Cells
from rowmill.spec.kinds import Reference


def _build(context: Context) -> Cells:
    """The key column of the row that the link picked."""
    kind = context.column.kind
    assert isinstance(kind, Reference)
    via, column = kind.via, kind.column
    return lambda frame: frame.up(via).cells(column)


REFERENCE_CELLS = CellBuilder(Reference, {1: _build})
