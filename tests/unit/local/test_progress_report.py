"""What a supervisor writes of its run into the ledger, and how often."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from rowmill.destinations.ledger import StoredProgress
from rowmill.destinations.patience import Waited, Waiting
from rowmill.local.run import progress_report
from rowmill.local.run.progress import Phase, ProgressBoard
from rowmill.local.run.progress_report import ProgressReport, live_progress
from rowmill.local.workers.messages import Progress
from rowmill.plan.layout import Plan, TableLayout
from rowmill.plan.runs import Run, RunState
from rowmill.worker.live_progress import LiveProgress
from rowmill.worker.remaining import Durable
from rowmill.worker.tally import TableProgress, Vitals

PLAN = Plan(
    "sha256:0",
    1,
    (TableLayout("a", 65, 8, 10, 30, 10), TableLayout("empty", 0, 8, 10, 30, 10)),
    (4,),
)
RUN = Run("id", "o", "u", 1, RunState.RUNNING, PLAN, datetime.now(UTC), None, "", {})


class Kept:
    """Where progress is kept, every five seconds."""

    write_seconds, fresh_seconds = 5.0, 10.0

    def __init__(self) -> None:
        self.written: list[dict[str, Any]] = []

    def write(self, run_id: str, body: dict[str, Any]) -> None:
        assert run_id == RUN.id
        self.written.append(body)

    def read(self, run_id: str) -> StoredProgress | None:
        raise AssertionError("a supervisor reads it never")


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(progress_report, "time", made)
    return made


def board(copied: int) -> ProgressBoard:
    made = ProgressBoard(RUN, False, lambda snapshot: None)
    made.already(Durable({}, None))
    made.turn(Phase.LOADING)
    made.progress(1, Progress({"a": TableProgress(copied=copied)}, Vitals(100, 1.0)))
    return made


def test_durable_rows_and_what_is_done_are_told_and_come_back() -> None:
    kept, report = Kept(), ProgressReport(workers=3)
    made = board(copied=50)
    made.turn(Phase.FINALIZING)
    made.step("primary key of a")
    report.offer(made)
    report.write(kept)
    [body] = kept.written
    assert body["tables"] == [
        {"name": "a", "rows": 50, "batchesDone": 5},
        {"name": "empty", "rows": 0, "batchesDone": 0},
    ]
    snapshot = made.snapshot()
    rate, eta = snapshot.rows_per_second, snapshot.eta_seconds
    assert rate > 0
    assert LiveProgress.from_json(body) == LiveProgress(
        "primary key of a", 3, {"a": 50, "empty": 0}, rate, eta
    )


def test_what_its_workers_wait_for_is_told_until_it_answers_or_they_died() -> None:
    def told() -> str:
        found = live_progress(made.snapshot(), 2)
        assert LiveProgress.from_json(found.to_json(PLAN)) == found
        return found.waits_for

    made = board(copied=50)
    assert told() == ""
    made.wait(Waiting("Postgres", "it is away", 600.0))
    made.wait(Waiting("Postgres", "the tables are in use by session 7", 590.0))
    assert told() == "Postgres: the tables are in use by session 7"
    made.wait(Waiting("S3", "no route", 590.0))
    assert told() == "Postgres: the tables are in use by session 7; S3: no route"
    made.wait(Waited("Postgres", answered=True))
    assert told() == "S3: no route"
    made.worker_died()
    assert told() == ""


def test_of_a_whole_table_all_batches_are_done_however_short() -> None:
    kept, report = Kept(), ProgressReport(workers=1)
    report.offer(board(copied=65))
    report.write(kept)
    assert kept.written[0]["tables"][0] == {"name": "a", "rows": 65, "batchesDone": 7}


def test_it_is_written_as_often_as_the_ledger_wants_it_and_then_the_newest(clock: Clock) -> None:
    kept, report = Kept(), ProgressReport(workers=1)
    for second in range(11):
        report.offer(board(copied=second))
        report.write(kept)
        clock.now += 1
    assert [body["tables"][0]["rows"] for body in kept.written] == [0, 5, 10]


def test_what_a_supervisor_does_not_say_again_is_left_to_grow_old(clock: Clock) -> None:
    kept, report = Kept(), ProgressReport(workers=1)
    report.write(kept)
    assert kept.written == []
    report.offer(board(copied=5))
    for _ in range(20):
        report.write(kept)
        clock.now += 1
    assert len(kept.written) == 1


@pytest.mark.parametrize(
    "body",
    [{}, {"step": "x", "workers": None, "tables": []}, {"step": "x", "workers": 1, "tables": [1]}],
)
def test_what_another_release_tells_otherwise_is_passed_over(body: dict[str, Any]) -> None:
    assert LiveProgress.from_json(body) is None
