"""What the watcher of `make chaos` takes for untrue."""

from __future__ import annotations

from dataclasses import replace

import pytest

from rowmill.engine.records import Progress, RunRecord, State, TableProgress
from tests.chaos.watcher import untruth

TABLES = (TableProgress("people", 50, 100, 10, 5), TableProgress("empty"))


def told(state: State = State.RUNNING, rows: int = 50, number: int = 2) -> Progress:
    run = RunRecord(
        experiment="a", namespace="local", number=number, state=state, rows=rows, rows_total=100
    )
    return Progress(run, (replace(TABLES[0], rows=rows), TABLES[1]))


def test_a_complete_run_stays_so() -> None:
    complete = told(State.COMPLETED, rows=100)
    assert "FINALIZING, after it was complete" in (
        untruth(told(State.FINALIZING, rows=100), complete) or ""
    )
    assert untruth(told(State.RUNNING, rows=0, number=3), complete) is None


def test_what_goes_forward_is_true() -> None:
    assert untruth(told(), None) is None
    assert untruth(told(), told(rows=40)) is None
    assert untruth(told(rows=0, number=3), told()) is None
    assert untruth(told(State.COMPLETED, rows=100), told()) is None


@pytest.mark.parametrize(
    ("now", "words"),
    [
        (told(rows=101), "rows=101, rows_total=100"),
        (replace(told(), tables=(replace(TABLES[0], batches_done=11),)), "batches_done=11"),
        (replace(told(), tables=()), "50 rows, which are not those of its tables"),
        (told(State.COMPLETED, rows=99), "99 of 100 rows"),
        (told(rows=49), "49 rows after 50"),
        (told(number=1), "run 1, RUNNING, after run 2"),
    ],
)
def test_an_untruth_is_named(now: Progress, words: str) -> None:
    assert words in (untruth(now, told()) or "")
