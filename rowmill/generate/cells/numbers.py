"""Numbers and booleans: sequence, ordinal, integer, number, boolean."""

from __future__ import annotations

from decimal import ROUND_CEILING, ROUND_FLOOR, Context, Decimal
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from rowmill.generate.arrow_types import (
    column_from_floats,
    column_from_units,
    column_from_wide_units,
)
from rowmill.generate.cells.cell_builder import CellBuilder
from rowmill.generate.cells.grid import Emit, Grid, draw_grid
from rowmill.generate.context import Context as Building
from rowmill.generate.draws.bits import bits, chance, unit
from rowmill.generate.draws.permutation import Permutation
from rowmill.generate.frame import Cells, Frame
from rowmill.spec.kinds import Boolean, Ordinal, Sequence, Uniform
from rowmill.spec.values.types import FLOATS, ColumnType, Number, TypeName

# Wide enough for every bound that a numeric(38,38) or a double can have.
_EXACT = Context(prec=800)


def _build_sequence(context: Building) -> Cells:
    """`start + step x row`."""
    kind, column_type = context.column.kind, context.column.type
    assert isinstance(kind, Sequence)
    unit_size = 10 ** (column_type.scale or 0)
    grid = Grid(kind.start * unit_size, kind.step * unit_size, max(context.rows, 1))
    if grid.fits:
        return lambda frame: column_from_units(grid.at(frame.rows), column_type)
    return lambda frame: column_from_wide_units(
        (grid.start + grid.step * row for row in frame.rows.tolist()), column_type
    )


def _row_of_sequence(kind: Sequence, value: Any) -> int | None:
    row, rest = divmod(int(value) - kind.start, kind.step)
    return row if rest == 0 and row >= 0 else None


def _build_ordinal(context: Building) -> Cells:
    """1, 2, 3 ... among the children of the row's parent."""
    column_type = context.column.type
    grid = Grid(10 ** (column_type.scale or 0), 10 ** (column_type.scale or 0), 1)
    return lambda frame: column_from_units(grid.at(frame.family.places), column_type)


def _build_uniform(context: Building) -> Cells:
    """A uniform number; with decimals every multiple of 10**-decimals is as likely."""
    kind, column_type = context.column.kind, context.column.type
    assert isinstance(kind, Uniform)
    is_float = column_type.name in FLOATS
    if is_float and kind.decimals is None:
        return _continuous(context, float(kind.min), float(kind.max))
    scale = column_type.scale or 0
    decimals = scale if kind.decimals is None else kind.decimals
    if not is_float:
        decimals = min(decimals, scale)
    first = _scaled(kind.min, decimals, ROUND_CEILING)
    last = _scaled(kind.max, decimals, ROUND_FLOOR)
    if is_float:
        return draw_grid(context, Grid(first, 1, last - first + 1), _divider(decimals, column_type))
    step = 10 ** (scale - decimals)
    return draw_grid(context, Grid(first * step, step, last - first + 1))


def _build_boolean(context: Building) -> Cells:
    """True with a probability; of a unique column, the two values permuted."""
    kind, key = context.column.kind, context.key("value")
    assert isinstance(kind, Boolean)
    if context.column.unique:
        permutation = Permutation(key, 2)
        return lambda frame: pa.array(permutation.forward(frame.rows).astype(np.bool_))
    probability = kind.probability

    def cells(frame: Frame) -> pa.Array:
        packed = np.packbits(chance(bits(key, frame.rows), probability), bitorder="little")
        return pa.Array.from_buffers(pa.bool_(), len(frame), [None, pa.py_buffer(packed)])

    return cells


def _scaled(bound: Number, decimals: int, rounding: str) -> int:
    """`bound x 10**decimals` as an integer; a float counts as its shortest decimal text."""
    exact = Decimal(repr(bound)) if isinstance(bound, float) else Decimal(bound)
    return int(_EXACT.scaleb(exact, decimals).to_integral_value(rounding, _EXACT))


def _divider(decimals: int, column_type: ColumnType) -> Emit:
    """From multiples of 10**-decimals to floats: one correctly rounded division."""
    power = float(10**decimals)

    def emit(multiples: NDArray[np.int64]) -> pa.Array:
        return column_from_floats(multiples.astype(np.float64) / power, column_type)

    return emit


def _continuous(context: Building, low: float, high: float) -> Cells:
    key, column_type = context.key("value"), context.column.type
    if column_type.name is TypeName.REAL:
        low, high = _inside(low, high)
    # Halves, because the span of two finite doubles may be infinite.
    half_low, half_span = low / 2, high / 2 - low / 2

    def cells(frame: Frame) -> pa.Array:
        values = unit(bits(key, frame.rows))
        values *= half_span
        values += half_low
        values *= 2
        # The last rounding may step over a bound by one unit in the last place.
        return column_from_floats(np.clip(values, low, high, out=values), column_type)

    return cells


def _inside(low: float, high: float) -> tuple[float, float]:
    """The outermost float32 values within [low, high], so that rounding to one stays inside.

    Raises:
        ValueError: there is none.
    """
    first, last = np.float32(low), np.float32(high)
    if float(first) < low:
        first = np.nextafter(first, np.float32(np.inf))
    if float(last) > high:
        last = np.nextafter(last, np.float32(-np.inf))
    if first > last:
        raise ValueError(
            f"no value of type real lies between {low!r} and {high!r}: widen the range"
        )
    return float(first), float(last)


SEQUENCE_CELLS = CellBuilder(Sequence, {1: _build_sequence}, invert=_row_of_sequence)
ORDINAL_CELLS = CellBuilder(Ordinal, {1: _build_ordinal})
UNIFORM_CELLS = CellBuilder(Uniform, {1: _build_uniform})
BOOLEAN_CELLS = CellBuilder(Boolean, {1: _build_boolean})
