"""The progress of a run is what all workers did, added to what was there before."""

from datetime import UTC, datetime

import pytest

from rowmill.local.run.progress import Phase, ProgressBoard, Snapshot
from rowmill.local.workers.messages import Progress
from rowmill.plan.layout import Plan, TableLayout
from rowmill.plan.runs import Run, RunState
from rowmill.worker.remaining import Durable
from rowmill.worker.tally import TableProgress, Vitals

PLAN = Plan(
    "sha256:0",
    1,
    (TableLayout("a", 65, 8, 10, 30, 10), TableLayout("empty", 0, 8, 10, 30, 10)),
    (4,),
)
RUN = Run("id", "o", "u", 1, RunState.RUNNING, PLAN, datetime.now(UTC), None, "", {})
VITALS = Vitals(100, 1.0)


@pytest.fixture
def board() -> ProgressBoard:
    return ProgressBoard(RUN, False, lambda snapshot: None)


def report(**work: int) -> Progress:
    return Progress({"a": TableProgress(**work)}, VITALS)


def test_rows_are_those_that_every_destination_holds_and_what_is_sent_beyond_is_told_apart(
    board: ProgressBoard,
) -> None:
    board.already(Durable({}, frozenset()))
    board.turn(Phase.LOADING)
    board.progress(1, report(generated=60, copied=50, uploaded=40, recorded=0))
    assert (board.snapshot().rows, board.snapshot().on_the_way) == (0, 40)
    board.progress(1, report(generated=60, copied=50, uploaded=40, recorded=30))
    snapshot = board.snapshot()
    assert [(t.name, t.rows, t.on_the_way, t.total) for t in snapshot.tables] == [
        ("a", 30, 10, 65),
        ("empty", 0, 0, 0),
    ]
    assert snapshot.percent == 46


@pytest.mark.parametrize("phase", [Phase.INTERRUPTED, Phase.FAILED, Phase.ABORTED])
def test_of_a_run_that_ended_nothing_is_on_its_way_any_more(
    board: ProgressBoard, phase: Phase
) -> None:
    board.already(Durable({}, frozenset()))
    board.turn(Phase.LOADING)
    board.progress(1, report(copied=65, uploaded=65, recorded=30))
    board.turn(phase)
    assert (board.snapshot().rows, board.snapshot().on_the_way) == (30, 0)


def test_the_rate_is_of_the_rows_that_are_counted(
    board: ProgressBoard, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 1_000.0
    monkeypatch.setattr("time.monotonic", lambda: now)
    board.already(Durable({}, frozenset()))
    board.turn(Phase.LOADING)
    now += 10
    board.progress(1, report(generated=60, copied=60, uploaded=60))
    assert (board.snapshot().rows_per_second, board.snapshot().eta_seconds) == (0, None)
    now += 5
    board.progress(1, report(generated=60, copied=60, uploaded=60, recorded=30))
    assert board.snapshot().rows_per_second == 2
    assert board.snapshot().eta_seconds == 17.5


def test_a_destination_that_there_is_not_does_not_count(board: ProgressBoard) -> None:
    board.already(Durable({}, None))
    board.progress(1, report(copied=30))
    assert board.snapshot().rows == 30


def test_workers_add_up_and_a_replaced_one_stays_counted(board: ProgressBoard) -> None:
    board.already(Durable({}, None))
    board.progress(1, report(copied=10))
    board.progress(1, report(copied=20))
    board.progress(2, report(copied=20))
    snapshot = board.snapshot()
    assert snapshot.rows == 40
    assert snapshot.work.copied == 40
    assert snapshot.workers == {1: VITALS, 2: VITALS}


def test_what_was_durable_before_counts_but_not_for_the_speed(board: ProgressBoard) -> None:
    board.already(Durable({"a": [(0, 3)]}, frozenset({("a", 0)})))
    board.turn(Phase.LOADING)
    assert (board.snapshot().already, board.snapshot().rows) == (30, 30)
    assert board.snapshot().rows_per_second == 0
    assert board.snapshot().eta_seconds is None
    board.progress(1, report(copied=35, uploaded=35, recorded=35))
    snapshot = board.snapshot()
    assert snapshot.rows == 65
    assert snapshot.rows_per_second > 0
    assert snapshot.eta_seconds == 0


def test_a_part_made_again_does_not_exceed_the_total(board: ProgressBoard) -> None:
    board.already(Durable(None, frozenset()))
    board.progress(1, report(recorded=60))
    board.progress(2, report(recorded=60))
    assert board.snapshot().rows == 65


def test_turns_and_steps_are_shown_at_once() -> None:
    shown: list[Snapshot] = []
    board = ProgressBoard(RUN, True, shown.append)
    board.already(Durable({}, None))
    board.turn(Phase.LOADING)
    board.turn(Phase.FINALIZING)
    board.step("primary key of a")
    assert board.publishing_since is None
    board.step("publish")
    assert board.publishing_since is not None
    # The workers' last reports may be lost: a complete run is complete.
    assert board.turn(Phase.COMPLETE).rows == 65
    assert [(each.phase, each.step) for each in shown] == [
        (Phase.LOADING, ""),
        (Phase.FINALIZING, ""),
        (Phase.FINALIZING, "primary key of a"),
        (Phase.FINALIZING, "publish"),
        (Phase.COMPLETE, "publish"),
    ]
