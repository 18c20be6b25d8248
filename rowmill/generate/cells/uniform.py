"""Cells of the kinds `integer` and `number`, which are uniform."""

from __future__ import annotations

from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from decimal import Context as DecimalContext

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from rowmill.generate.arrow_types import column_from_floats
from rowmill.generate.cells.cell_builder import CellBuilder
from rowmill.generate.cells.grid import Emit, Grid, draw_grid
from rowmill.generate.context import Context
from rowmill.generate.draws.bits import bits, unit
from rowmill.generate.frame import Cells, Frame
from rowmill.spec.kinds import Uniform
from rowmill.spec.values.types import FLOATS, ColumnType, Number, TypeName

# Wide enough for every bound that a numeric(38,38) or a double can have.
_EXACT = DecimalContext(prec=800)


def _build(context: Context) -> Cells:
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


def _continuous(context: Context, low: float, high: float) -> Cells:
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


UNIFORM_CELLS = CellBuilder(Uniform, {1: _build})
