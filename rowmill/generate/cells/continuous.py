"""Cells of truncated continuous distributions, each by the quantile table of its shape.

Integers and numerics are the continuous value rounded to the nearest unit, on condition that the
result is within [min, max]: unit k has the chance that the distribution before truncation gives to
[k - 1/2, k + 1/2), so the bounds get their fair share like every other value.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from math import ceil, floor

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from rowmill.generate.arrow_types import arrow_type, column_from_floats, column_from_units
from rowmill.generate.context import Context
from rowmill.generate.draws.bits import bits, blocks
from rowmill.generate.draws.exact_math import Floats
from rowmill.generate.draws.quantiles import QuantileTable
from rowmill.generate.draws.shapes import Scale, as_float
from rowmill.generate.frame import Cells, Frame
from rowmill.spec.kinds import Distribution
from rowmill.spec.values.types import FLOATS, INTEGER_RANGES, ColumnType, Number, TypeName

_LARGEST = {
    TypeName.REAL: Fraction(float(np.finfo(np.float32).max)),
    TypeName.DOUBLE: Fraction(float(np.finfo(np.float64).max)),
}

# From the interval that a column's values are drawn in to the table.
Shape = Callable[[Scale], QuantileTable]


def continuous_cells(context: Context, kind: Distribution, around: Fraction, shape: Shape) -> Cells:
    """The shape's values between the kind's bounds, as the column's type.

    `around` is where most lie.
    """
    bounds = kind.min, kind.max
    low, high = (None if bound is None else exact_bound(bound) for bound in bounds)
    if context.column.type.name in FLOATS:
        return _floats(context, low, high, shape)
    return _units(context, _unit_range(context, low, high), around, shape)


def _floats(context: Context, low: Fraction | None, high: Fraction | None, shape: Shape) -> Cells:
    key, column_type = context.key("value"), context.column.type
    largest = _LARGEST[column_type.name]
    low = -largest if low is None else max(low, -largest)
    high = largest if high is None else min(high, largest)
    table = shape(Scale(low, high))
    first, last = _inside(low, high, column_type)

    def cells(frame: Frame) -> pa.Array:
        rows = frame.rows
        values = np.empty(len(rows), dtype=np.float64)
        for here, _ in blocks(len(rows)):
            np.clip(table.draw(bits(key, rows[here])), first, last, out=values[here])
        return column_from_floats(values, column_type)

    return cells


@dataclass(frozen=True)
class _Units:
    """The whole units of a type, 10**-scale each, from `first` to `last`."""

    first: int
    last: int
    size: Fraction

    def nearest(self, x: Fraction) -> int:
        """The unit nearest to x."""
        return min(max(round(x / self.size), self.first), self.last)

    @property
    def interval(self) -> tuple[Fraction, Fraction]:
        """What rounds to one of the units."""
        half = Fraction(1, 2)
        return (self.first - half) * self.size, (self.last + half) * self.size


def _unit_range(context: Context, low: Fraction | None, high: Fraction | None) -> _Units:
    column_type = context.column.type
    if column_type.name is TypeName.NUMERIC:
        assert column_type.precision is not None
        last = 10**column_type.precision - 1
        first, size = -last, Fraction(1, 10 ** (column_type.scale or 0))
    else:
        (first, last), size = INTEGER_RANGES[column_type.name], Fraction(1)
    first = first if low is None else max(first, ceil(low / size))
    last = last if high is None else min(last, floor(high / size))
    if first > last:
        raise ValueError(
            f"{context.table.name}.{context.column.name}: {column_type} has no value between min "
            "and max: widen them or change the type"
        )
    return _Units(first, last, size)


def _units(context: Context, units: _Units, around: Fraction, shape: Shape) -> Cells:
    key, column_type = context.key("value"), context.column.type
    # Counted from where most lie, so that a float counts them without loss.
    origin = units.nearest(around)
    table = shape(Scale(*units.interval, origin * units.size, units.size))
    first, last = _inward(units.first - origin, units.last - origin)
    # Whether the units and their counts from the origin are all int64.
    outermost = (units.first, units.last, units.first - origin, units.last - origin)
    narrow = min(outermost) >= -(2**63) and max(outermost) < 2**63

    def counts(frame: Frame) -> Floats:
        rows = frame.rows
        values = np.empty(len(rows), dtype=np.float64)
        for here, _ in blocks(len(rows)):
            value = table.draw(bits(key, rows[here]))
            value += 0.5
            np.floor(value, out=value)
            np.clip(value, first, last, out=values[here])
        return values

    def cells(frame: Frame) -> pa.Array:
        if not narrow:
            return _wide_column(counts(frame), origin, column_type)
        whole = counts(frame).astype(np.int64)
        whole += origin
        return column_from_units(whole, column_type)

    return cells


def _wide_column(counts: Floats, origin: int, column_type: ColumnType) -> pa.Array:
    """`origin + counts` (whole numbers) in 128-bit arithmetic; of a bigint the lower word alone."""
    size = np.abs(counts)
    upper = np.floor(size * 2.0**-64)
    low = (size - upper * 2.0**64).astype(np.uint64)
    high = upper.astype(np.uint64)
    # Two's complement of the negative ones: all bits turned over, plus one.
    turned = np.where(counts < 0.0, np.uint64(2**64 - 1), np.uint64(0))
    one = turned & np.uint64(1)
    words: NDArray[np.uint64] = np.empty((len(counts), 2), dtype=np.uint64)
    low ^= turned
    low += one
    high ^= turned
    high += (low == 0) & (one == 1)
    np.add(low, np.uint64(origin % 2**64), out=words[:, 0])
    np.add(high, np.uint64((origin >> 64) % 2**64), out=words[:, 1])
    words[:, 1] += words[:, 0] < low
    if column_type.name is not TypeName.NUMERIC:
        return column_from_units(words[:, 0].view(np.int64), column_type)
    return pa.Array.from_buffers(arrow_type(column_type), len(counts), [None, pa.py_buffer(words)])


def exact_bound(bound: Number) -> Fraction:
    """The bound; a float counts as its shortest decimal text."""
    return Fraction(Decimal(repr(bound))) if isinstance(bound, float) else Fraction(bound)


def _inside(low: Fraction, high: Fraction, column_type: ColumnType) -> tuple[float, float]:
    """The outermost values of the float type within [low, high]; if none is, the one nearest."""
    if column_type.name is TypeName.DOUBLE:
        return as_float(low), as_float(high)
    first, last = np.float32(as_float(low)), np.float32(as_float(high))
    if Fraction(float(first)) < low:
        first = np.nextafter(first, np.float32(np.inf))
    if Fraction(float(last)) > high:
        last = np.nextafter(last, np.float32(-np.inf))
    return float(min(first, last)), float(max(first, last))


def _inward(first: int, last: int) -> tuple[float, float]:
    """The outermost doubles within [first, last], first <= 0 <= last."""
    low, high = float(first), float(last)
    if low < first:
        low = float(np.nextafter(low, 0.0))
    if high > last:
        high = float(np.nextafter(high, 0.0))
    return low, high
