"""Cells taken from a parent's row: references to its key, and any other of its columns."""

from __future__ import annotations

from rowmill.generate.cells.cell_builder import CellBuilder
from rowmill.generate.context import Context
from rowmill.generate.frame import Cells
from rowmill.spec.kinds import Parent, Reference


def _build(context: Context) -> Cells:
    """A column of the row that the link picked."""
    kind = context.column.kind
    assert isinstance(kind, Parent | Reference)
    via, column = kind.via, kind.column
    return lambda frame: frame.up(via).cells(column)


PARENT_CELLS = CellBuilder(Parent, {1: _build})
REFERENCE_CELLS = CellBuilder(Reference, {1: _build})
