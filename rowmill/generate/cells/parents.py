"""Cells taken from a parent's row: references to its key, and any other of its columns."""

from __future__ import annotations

from rowmill.generate.context import Context
from rowmill.generate.frame import Cells
from rowmill.spec.kind import Parent, Reference


def build_reference(context: Context) -> Cells:
    """The key column of the row that the link picked."""
    return _build(context)


def build_parent(context: Context) -> Cells:
    """Any column of the row that the link picked."""
    return _build(context)


def _build(context: Context) -> Cells:
    kind = context.column.kind
    assert isinstance(kind, Parent | Reference)
    via, column = kind.via, kind.column
    return lambda frame: frame.up(via).cells(column)
