from __future__ import annotations

from itertools import pairwise

from rowmill_operator.watch.status_writing import Pace

KEY = ("team", "shop")
SMALL, LARGE = 2_000, 300_000


def test_what_was_never_written_is_written_at_once() -> None:
    assert Pace(5).wait(KEY, SMALL, 100) == 0


def test_progress_waits_out_the_interval_since_the_last_write() -> None:
    pace = Pace(5)
    pace.written(KEY, 100, urgent=True)
    assert pace.wait(KEY, SMALL, 102) == 3
    assert pace.wait(KEY, SMALL, 105) == 0


def test_a_large_spec_is_written_every_half_minute() -> None:
    pace = Pace(5)
    pace.written(KEY, 100, urgent=True)
    assert pace.wait(KEY, LARGE, 110) == 20


def test_however_long_a_run_lasts_its_progress_is_nearly_as_fresh() -> None:
    pace = Pace(5)
    pace.written(KEY, 0, urgent=True)
    writes = [0]
    for now in range(1, 3601):
        if pace.wait(KEY, SMALL, now) == 0:
            pace.written(KEY, now, urgent=False)
            writes.append(now)
    assert {after - before for before, after in pairwise(writes)} == {5, 6}


def test_news_waits_for_news_alone() -> None:
    pace = Pace(5)
    pace.written(KEY, 0, urgent=True)
    pace.written(KEY, 10, urgent=False)
    assert pace.wait(KEY, SMALL, 10, urgent=True) == 0
    pace.written(KEY, 10, urgent=True)
    assert pace.wait(KEY, SMALL, 10.25, urgent=True) == 0.75


def test_an_experiment_that_is_gone_is_forgotten() -> None:
    pace = Pace(5)
    pace.written(KEY, 100, urgent=True)
    pace.forget(KEY)
    assert pace.wait(KEY, SMALL, 100) == 0
