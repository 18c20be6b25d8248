"""How far a run is and how fast, as every face tells it."""

from __future__ import annotations

import pytest

from rowmill.plan.pace import Pace, eta_seconds, foreseeable, percent


@pytest.mark.parametrize(
    ("rows", "total", "told"),
    [(0, 100, 0), (999_999, 1_000_000, 99), (1, 3, 33), (100, 100, 100)],
)
def test_the_percent_is_rounded_down(rows: int, total: int, told: int) -> None:
    assert percent(rows, total) == told


def test_of_no_rows_whether_they_are_done_is_told_otherwise() -> None:
    assert percent(0, 0, complete=False) == 0
    assert percent(0, 0) == 100


def test_the_rate_is_that_of_the_whole_load_at_first() -> None:
    pace = Pace.start(1_000, 50.0)
    assert pace.rate is None
    assert pace.on(1_000, 60.0).rate is None
    pace = pace.on(1_500, 55.0)
    assert pace.rate == 100
    pace = pace.on(1_600, 60.0)
    assert pace.rate == pytest.approx(600 / 10)


def test_later_the_rate_is_that_of_the_last_minutes() -> None:
    pace = Pace.start(0, 0.0)
    for second in range(1, 3_601):
        pace = pace.on(second * 10, float(second))
    before = pace.rows
    for second in range(3_601, 3_901):
        pace = pace.on(before + (second - 3_600) * 100, float(second))
    assert pace.rate == pytest.approx(100, rel=0.02)


def test_the_end_is_known_once_there_is_a_rate() -> None:
    assert eta_seconds(50, 100, 10.0) == 5
    assert eta_seconds(0, 100, None) is None
    assert eta_seconds(0, 100, 0.0) is None
    assert eta_seconds(100, 100, None) == 0


@pytest.mark.parametrize(
    ("seconds", "made", "ahead", "left", "known"),
    [
        # A small first table, while the large ones have not sent any.
        (0.3, 200, 0, 1_000_000, False),
        (6.0, 200, 0, 1_000_000, True),
        (0.3, 200, 0, 1_800, True),
        # Whole parts of the large ones are under way, and none is durable.
        (60.0, 200, 900_000, 1_000_000, False),
    ],
)
def test_the_first_small_tables_alone_tell_no_end(
    seconds: float, made: int, ahead: int, left: int, known: bool
) -> None:
    assert foreseeable(seconds, made, ahead, left) is known
