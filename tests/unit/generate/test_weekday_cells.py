"""Dates on given days of the week: which there are, each as likely, each once if unique."""

from __future__ import annotations

from collections import Counter
from datetime import date, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rowmill.generate.rows import Generator
from rowmill.spec.kinds import Weekday
from tests.unit.generate.core_datasets import one_column

EPOCH = date(1970, 1, 1)
some_days = st.sets(st.integers(0, 6), min_size=1).map(lambda days: tuple(sorted(days)))


def _cells(kind: Weekday, rows: int, unique: bool = False) -> list[date]:
    made = Generator(one_column(kind, "date", rows, unique=unique)).batch("t", 0, rows)
    found: list[date] = made.column("c").to_pylist()
    return found


def _dates(kind: Weekday) -> list[date]:
    """All of them, by the calendar of Python."""
    every = (EPOCH + timedelta(day) for day in range(kind.start, kind.end + 1))
    return [day for day in every if day.weekday() in kind.days]


@given(days=some_days, start=st.integers(-700_000, 700_000), length=st.integers(0, 40))
@settings(max_examples=100, deadline=None)
def test_a_unique_column_takes_every_date_once(
    days: tuple[int, ...], start: int, length: int
) -> None:
    kind = Weekday(days, start, start + length)
    dates = _dates(kind)
    assert kind.count == len(dates)
    if dates:
        assert sorted(_cells(kind, len(dates), unique=True)) == dates
        span = ((dates[0] - EPOCH).days, (dates[-1] - EPOCH).days)
        assert kind.span(1, None) == span


def test_each_date_is_as_likely() -> None:
    # 2024-01-02, a Tuesday, to 2024-01-13, a Saturday: a week that is cut at both ends.
    kind, rows = Weekday((0, 1, 5), 19_724, 19_735), 100_000
    times, dates = Counter(_cells(kind, rows)), _dates(kind)
    assert sorted(times) == dates
    likely = rows / len(dates)
    assert all(abs(times[day] - likely) < 6 * likely**0.5 for day in dates)


def test_more_rows_than_dates_are_refused() -> None:
    with pytest.raises(ValueError, match="has only 2 values"):
        _cells(Weekday((0,), 19_723, 19_735), 3, unique=True)
