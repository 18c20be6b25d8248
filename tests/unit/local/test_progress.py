"""The progress of a run is what all workers did, added to what was there before."""

from datetime import UTC, datetime

import pytest

from rowmill.destinations.ledger import Run, RunState
from rowmill.local.messages import Progress
from rowmill.local.progress import Phase, ProgressBoard, Snapshot
from rowmill.plan.layout import Plan, TableLayout
from rowmill.worker.remaining import Durable
from rowmill.worker.tally import TableProgress, Vitals

PLAN = Plan(
    "sha256:0",
    1,
    (TableLayout("a", 65, 8, 10, 3, 1), TableLayout("empty", 0, 8, 10, 3, 1)),
    (4,),
)
RUN = Run("id", "o", "u", 1, RunState.RUNNING, PLAN, datetime.now(UTC), None, "", {})
VITALS = Vitals(100, 1.0)


@pytest.fixture
def board() -> ProgressBoard:
    return ProgressBoard(RUN, False, lambda snapshot: None)


def report(**work: int) -> Progress:
    return Progress({"a": TableProgress(**work)}, VITALS)


def test_the_slower_destination_counts(board: ProgressBoard) -> None:
    board.already(Durable({}, frozenset()))
    board.progress(1, report(generated=40, copied=30, uploaded=20))
    assert [(t.name, t.rows, t.total) for t in board.snapshot().tables] == [
        ("a", 20, 65),
        ("empty", 0, 0),
    ]


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
    board.progress(1, report(copied=35, uploaded=35))
    snapshot = board.snapshot()
    assert snapshot.rows == 65
    assert snapshot.rows_per_second == pytest.approx(35 / snapshot.loading)
    assert snapshot.eta_seconds == 0


def test_a_part_made_again_does_not_exceed_the_total(board: ProgressBoard) -> None:
    board.already(Durable(None, frozenset()))
    board.progress(1, report(uploaded=60))
    board.progress(2, report(uploaded=60))
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
