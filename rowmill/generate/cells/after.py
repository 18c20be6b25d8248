"""Cells of the kind `after`."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from rowmill.generate.arrow_types import DAY_US, column_from_units
from rowmill.generate.cells.cell_builder import CellBuilder
from rowmill.generate.context import Context
from rowmill.generate.draws.bits import Bits, bits, keyed_bits, unit
from rowmill.generate.draws.exact_math import expm1, log1p
from rowmill.generate.draws.shapes import TruncatedExponential
from rowmill.generate.frame import Cells, Frame
from rowmill.generate.nulls import is_valid, with_nulls
from rowmill.spec.kinds import After
from rowmill.spec.values.types import ColumnType, TypeName

# Stands for "no end": in the year 148,109, and far enough from int64's end to add to.
_NEVER = 2**62


def _build(context: Context) -> Cells:
    """Another column's value plus an exponential delay, truncated to [min, max] and to the end.

    Null where that value is. Where even the shortest delay would pass the end, the end itself.
    """
    kind, column_type = context.column.kind, context.column.type
    assert isinstance(kind, After)
    longest = None if kind.max is None else float(kind.max)
    free = TruncatedExponential(float(kind.mean), float(kind.min), longest)
    key, delays = context.key("value"), _Delays(kind.mean, kind.min, _end(kind, column_type), free)

    def cells(frame: Frame) -> pa.Array:
        before = frame if kind.via is None else frame.up(kind.via)
        source = before.cells(kind.column)
        moments = delays.add(_microseconds(source), bits(key, frame.rows))
        if column_type.name is TypeName.DATE:
            moments //= DAY_US
        values = column_from_units(moments, column_type)
        return with_nulls(values, is_valid(source)) if source.null_count else values

    return cells


@dataclass(frozen=True)
class _Delays:
    """Exponential delays of a mean, truncated to [min, ...] and to an end; in microseconds."""

    mean: int
    min: int
    end: int
    free: TruncatedExponential

    def add(self, moments: NDArray[np.int64], random: Bits) -> NDArray[np.int64]:
        """Each moment later by a delay, no result after the end.

        A delay that would pass the end is drawn again, from the law that ends there: together
        that is the truncated law itself.
        """
        later = self.free.draw(random).astype(np.int64)
        later += moments
        # Smaller than before the delay: beyond int64.
        late = np.flatnonzero((later > self.end) | (later < moments))
        if len(late):
            later[late] = self._held(moments[late], keyed_bits(random[late], 1))
        return later

    def _held(self, moments: NDArray[np.int64], random: Bits) -> NDArray[np.int64]:
        room = np.maximum(self.end - self.min - moments, 0)
        mean = float(self.mean)
        delays = -mean * log1p(unit(random) * expm1(-(room / mean)))
        moments = moments + self.min + np.minimum(delays.astype(np.int64), room)
        return np.minimum(moments, self.end, out=moments)


def _end(kind: After, column_type: ColumnType) -> int:
    """The last moment in microseconds; of a date, its day's last."""
    if column_type.name is TypeName.TIME:
        return DAY_US - 1 if kind.end is None else kind.end
    if kind.end is None:
        return _NEVER
    return kind.end + DAY_US - 1 if column_type.name is TypeName.DATE else kind.end


def _microseconds(moments: pa.Array) -> NDArray[np.int64]:
    """Dates, times or timestamps as microseconds; anything where they are null."""
    if pa.types.is_date32(moments.type):
        days = np.asarray(moments.view(pa.int32()).fill_null(0).to_numpy(), dtype=np.int64)
        return np.minimum(days, _NEVER // DAY_US) * np.int64(DAY_US)
    return np.asarray(moments.view(pa.int64()).fill_null(0).to_numpy(), dtype=np.int64)


AFTER_CELLS = CellBuilder(After, {1: _build})
