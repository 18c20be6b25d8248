"""Grids: evenly spaced values of a type, drawn uniformly, with or without repeating."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from rowmill.counting import counted
from rowmill.generate.arrow_types import column_from_units, column_from_wide_units
from rowmill.generate.context import Context
from rowmill.generate.draws.bits import bits, integers, mix_int
from rowmill.generate.draws.permutation import Permutation
from rowmill.generate.frame import Cells, Rows

Emit = Callable[[NDArray[np.int64]], pa.Array]


@dataclass(frozen=True)
class Grid:
    """`start`, `start + step`, ... : `count` values in a column type's units."""

    start: int
    step: int
    count: int

    @property
    def fits(self) -> bool:
        """Whether every value is an int64."""
        ends = (self.start, self.start + self.step * (self.count - 1))
        return min(ends) >= -(2**63) and max(ends) < 2**63

    def at(self, index: NDArray[np.int64]) -> NDArray[np.int64]:
        """The values at indexes (above 2**63 in two's complement) of a grid that fits.

        Products and sums wrap around on the way; the result does not.
        """
        if self.step == 1 and self.start == 0:
            return index
        step = np.array(self.step % 2**64, dtype=np.uint64)
        units = index.view(np.uint64) * step
        units += np.array(self.start % 2**64, dtype=np.uint64)
        return units.view(np.int64)


def draw_grid(context: Context, grid: Grid, emit: Emit | None = None) -> Cells:
    """Cells drawn uniformly from a grid; of a unique column, without repeating.

    `emit` makes the Arrow array of int64 units, by default `column_from_units`; a grid beyond int64
    takes no `emit`.

    Raises:
        ValueError: a unique column has fewer values than rows.
    """
    if context.column.unique and grid.count < context.rows:
        raise ValueError(
            f"{context.table.name}.{context.column.name} must be unique over "
            f"{counted(context.rows, 'row')} but has only "
            f"{counted(grid.count, 'value')}: widen its range"
        )
    kind = context.column.type
    if not grid.fits:
        wide = _wide_index(context, grid.count)
        return lambda frame: column_from_wide_units(
            (grid.start + grid.step * i for i in wide(frame.rows)), kind
        )
    index = _index(context, grid.count)
    made = emit or (lambda units: column_from_units(units, kind))
    return lambda frame: made(grid.at(index(frame.rows)))


def _index(context: Context, count: int) -> Callable[[Rows], NDArray[np.int64]]:
    key = context.key("value")
    if not context.column.unique:
        return lambda rows: integers(key, rows, count)
    permutation = Permutation(key, count)
    if count <= 2**63:
        return permutation.forward
    return lambda rows: permutation.forward_wide(rows)[1].view(np.int64)


def _wide_index(context: Context, count: int) -> Callable[[Rows], list[int]]:
    key = context.key("value")
    if context.column.unique:
        permutation = Permutation(key, count)

        def permuted(rows: Rows) -> list[int]:
            high, low = permutation.forward_wide(rows)
            return [h << 64 | w for h, w in zip(high.tolist(), low.tolist(), strict=True)]

        return permuted
    keys = [key]
    keys += [mix_int(keys[-1] + i) for i in range(2)]

    def drawn(rows: Rows) -> list[int]:
        words = (bits(k, rows).tolist() for k in keys)
        return [(a << 128 | b << 64 | c) * count >> 192 for a, b, c in zip(*words, strict=True)]

    return drawn
