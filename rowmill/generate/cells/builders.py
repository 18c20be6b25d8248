"""The builder of a column's cells, by its kind and the version of that."""

from __future__ import annotations

from rowmill.generate.cells import CELL_BUILDERS
from rowmill.generate.context import Context
from rowmill.generate.frame import Cells

BUILDERS = {each.kind: each for each in CELL_BUILDERS}


def build(context: Context) -> Cells:
    """The cells of the context's column."""
    return BUILDERS[type(context.column.kind)].versions[context.version](context)
