from __future__ import annotations

import re

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rowmill.destinations.interval_text import iso_8601

_DAY = 86_400 * 10**9
_TEXT = re.compile(
    r"P(?:(?P<Y>-?\d+)Y)?(?:(?P<M>-?\d+)M)?(?:(?P<D>-?\d+)D)?"
    r"(?:T(?:(?P<h>-?\d+)H)?(?:(?P<m>-?\d+)M)?(?:(?P<s>-?\d+(?:\.\d{1,6})?)S)?)?"
)


@pytest.mark.parametrize(
    ("interval", "text"),
    [
        ((0, 0, 0), "PT0S"),
        ((14, 3, 0), "P1Y2M3D"),
        ((0, 90, 0), "P90D"),
        ((0, 0, 3_661 * 10**9), "PT1H1M1S"),
        ((0, 0, 500_000_000), "PT0.5S"),
        ((0, 0, 1_000), "PT0.000001S"),
        ((0, 0, 60 * 10**9), "PT1M"),
        ((0, 0, 30 * _DAY), "PT720H"),
        ((-14, -3, -3_661_500_000_000), "P-1Y-2M-3DT-1H-1M-1.5S"),
        ((1, -1, 10**9), "P1M-1DT1S"),
        ((2**31 - 1, -(2**31), 0), "P178956970Y7M-2147483648D"),
        (None, None),
    ],
)
def test_an_interval_reads_as_postgres_prints_it_in_iso_8601(
    interval: tuple[int, int, int] | None, text: str | None
) -> None:
    assert iso_8601(_array([interval])).to_pylist() == [text]


@given(
    st.lists(
        st.none()
        | st.tuples(
            st.integers(-(2**31), 2**31 - 1),
            st.integers(-(2**31), 2**31 - 1),
            st.integers(-(2**62) // 1000, 2**62 // 1000).map(lambda micros: micros * 1000),
        )
    ),
    st.integers(0, 3),
)
def test_every_interval_can_be_read_back(
    intervals: list[tuple[int, int, int] | None], skipped: int
) -> None:
    texts = iso_8601(_array(intervals).slice(skipped)).to_pylist()

    assert [None if text is None else _parsed(text) for text in texts] == intervals[skipped:]


def _array(intervals: list[tuple[int, int, int] | None]) -> pa.Array:
    return pa.array(intervals, pa.month_day_nano_interval())


def _parsed(text: str) -> tuple[int, int, int]:
    match = _TEXT.fullmatch(text)
    assert match is not None, text
    number = {name: int(match[name] or 0) for name in "YMDhm"}
    whole, _, fraction = (match["s"] or "0").partition(".")
    seconds = int(whole) * 10**9
    part = int(fraction.ljust(9, "0") or 0)
    nanoseconds = (number["h"] * 3600 + number["m"] * 60) * 10**9
    nanoseconds += seconds - part if whole.startswith("-") else seconds + part
    return number["Y"] * 12 + number["M"], number["D"], nanoseconds
