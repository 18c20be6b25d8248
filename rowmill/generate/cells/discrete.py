"""Cells of counts and ranks: poisson, zipf."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from rowmill.counting import counted
from rowmill.generate.arrow_types import column_from_units, column_from_wide_units
from rowmill.generate.cells.cell_builder import CellBuilder
from rowmill.generate.context import Context
from rowmill.generate.draws.bits import Bits, bits, blocks
from rowmill.generate.draws.poisson import PoissonTable
from rowmill.generate.draws.zipf import zipf_ranks, zipf_table
from rowmill.generate.frame import Cells, Frame
from rowmill.spec.kinds import Poisson, Zipf
from rowmill.spec.values.types import INTEGER_RANGES, INTEGERS, ColumnType, TypeName


def _build_poisson(context: Context) -> Cells:
    """Poisson counts, truncated to [min, max] and to the type."""
    kind = context.column.kind
    assert isinstance(kind, Poisson)
    first, last = max(kind.min or 0, 0), _largest(context.column.type)
    table = PoissonTable(kind.mean, first, last if kind.max is None else min(kind.max, last))
    return _whole(context, table.draw)


def _build_zipf(context: Context) -> Cells:
    """Ranks from 1 by Zipf's law.

    Raises:
        ValueError: the column's type cannot hold the last rank.
    """
    kind, column = context.column.kind, context.column
    assert isinstance(kind, Zipf)
    if kind.ranks > _largest(column.type):
        raise ValueError(
            f"{context.table.name}.{column.name}: {column.type} holds no rank {kind.ranks}; "
            f"expected at most {counted(_largest(column.type), 'rank')} or a wider type"
        )
    table = zipf_table(kind.exponent, kind.ranks)
    return _whole(context, lambda random: zipf_ranks(random, table))


def _whole(context: Context, draw: Callable[[Bits], NDArray[np.int64]]) -> Cells:
    """Cells of whole numbers of any numeric type."""
    key, column_type = context.key("value"), context.column.type
    unit = 10 ** (column_type.scale or 0)
    fits = _largest(column_type) * unit < 2**63

    def cells(frame: Frame) -> pa.Array:
        rows = frame.rows
        counts = np.empty(len(rows), dtype=np.int64)
        for here, _ in blocks(len(rows)):
            counts[here] = draw(bits(key, rows[here]))
        if unit == 1:
            return column_from_units(counts, column_type)
        if fits:
            counts *= unit
            return column_from_units(counts, column_type)
        return column_from_wide_units((n * unit for n in counts.tolist()), column_type)

    return cells


def _largest(column_type: ColumnType) -> int:
    """The largest whole number that the type holds, and that a draw may give."""
    name = column_type.name
    if name in INTEGERS:
        largest = INTEGER_RANGES[name][1]
    elif name is TypeName.NUMERIC:
        assert column_type.precision is not None
        largest = 10 ** (column_type.precision - (column_type.scale or 0)) - 1
    else:
        largest = 2**53
    return min(largest, 2**62)


POISSON_CELLS = CellBuilder(Poisson, {1: _build_poisson})
ZIPF_CELLS = CellBuilder(Zipf, {1: _build_zipf})
