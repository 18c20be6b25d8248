"""Cells of the kind `zipf`."""

from __future__ import annotations

from rowmill.counting import counted
from rowmill.generate.cells.cell_builder import CellBuilder
from rowmill.generate.cells.whole_numbers import largest_whole_number, whole_number_cells
from rowmill.generate.context import Context
from rowmill.generate.draws.zipf import zipf_ranks, zipf_table
from rowmill.generate.frame import Cells
from rowmill.spec.kinds import Zipf


def _build(context: Context) -> Cells:
    """Ranks from 1 by Zipf's law.

    Raises:
        ValueError: the column's type cannot hold the last rank.
    """
    kind, column = context.column.kind, context.column
    assert isinstance(kind, Zipf)
    if kind.ranks > largest_whole_number(column.type):
        raise ValueError(
            f"{context.table.name}.{column.name}: {column.type} holds no rank {kind.ranks}; "
            f"expected at most {counted(largest_whole_number(column.type), 'rank')} or a wider type"
        )
    table = zipf_table(kind.exponent, kind.ranks)
    return whole_number_cells(context, lambda random: zipf_ranks(random, table))


ZIPF_CELLS = CellBuilder(Zipf, {1: _build})
