"""Dates and times: between two bounds, and after another column's."""

from __future__ import annotations

from rowmill.generate.context import Context
from rowmill.generate.frame import Cells
from rowmill.generate.grid import Grid, draw_grid
from rowmill.spec.kinds import Between


def build_between(context: Context) -> Cells:
    """`start`, `start + resolution`, ... up to `end`, each as likely."""
    kind = context.column.kind
    assert isinstance(kind, Between)
    count = (kind.end - kind.start) // kind.resolution + 1
    return draw_grid(context, Grid(kind.start, kind.resolution, count))


def build_after(context: Context) -> Cells:
    """Another column's value plus a truncated exponential delay."""
    raise NotImplementedError
