"""Intervals as ISO 8601 text, which is how Parquet, without a type for them, keeps them."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

_LAYOUT = np.dtype([("months", "<i4"), ("days", "<i4"), ("nanoseconds", "<i8")])
_SECOND = 1_000_000


def iso_8601(intervals: pa.Array) -> pa.Array:
    """Text such as `P1Y2M3DT4H5M6.5S` of month_day_nano intervals, as Postgres's iso_8601 style.

    Every field carries its own sign; nanoseconds are cut to microseconds; zero is `PT0S`.
    """
    data = intervals.buffers()[1]
    if not len(intervals) or data is None:
        return pa.nulls(len(intervals), pa.string())
    fields = np.frombuffer(data, dtype=_LAYOUT)[intervals.offset :][: len(intervals)]
    months = fields["months"].astype(np.int64)
    micros = _quotient(fields["nanoseconds"].astype(np.int64), 1000)
    date = _joined(
        _field(_quotient(months, 12), "Y"),
        _field(_remainder(months, 12), "M"),
        _field(fields["days"].astype(np.int64), "D"),
    )
    time = _joined(
        _field(_quotient(micros, 3600 * _SECOND), "H"),
        _field(_remainder(_quotient(micros, 60 * _SECOND), 60), "M"),
        _seconds(_remainder(micros, 60 * _SECOND)),
    )
    marked = pc.if_else(pc.equal(time, ""), "", _joined("T", time))
    text = _joined("P", date, marked)
    text = pc.if_else(pc.equal(text, "P"), "PT0S", text)
    return pc.if_else(intervals.is_valid(), text, None)


def _seconds(micros: NDArray[np.int64]) -> pa.Array:
    whole = np.abs(micros) // _SECOND
    fraction = pc.utf8_lpad(pa.array(np.abs(micros) % _SECOND).cast(pa.string()), 6, "0")
    point = pc.utf8_rtrim(_joined(".", pc.utf8_rtrim(fraction, "0")), ".")
    sign = pc.if_else(pa.array(micros < 0), "-", "")
    text = _joined(sign, pa.array(whole).cast(pa.string()), point, "S")
    return pc.if_else(pa.array(micros == 0), "", text)


def _field(values: NDArray[np.int64], unit: str) -> pa.Array:
    text = _joined(pa.array(values).cast(pa.string()), unit)
    return pc.if_else(pa.array(values == 0), "", text)


def _joined(*parts: pa.Array | str) -> pa.Array:
    return pc.binary_join_element_wise(*parts, "")


def _quotient(values: NDArray[np.int64], by: int) -> NDArray[np.int64]:
    # Towards zero, so that a negative interval has only negative fields.
    return np.abs(values) // by * np.sign(values)


def _remainder(values: NDArray[np.int64], by: int) -> NDArray[np.int64]:
    return np.abs(values) % by * np.sign(values)
