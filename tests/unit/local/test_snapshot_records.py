"""What a supervisor's snapshot tells of its run, for when no server can be asked."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from rowmill.engine.records import State, TableProgress
from rowmill.engine.verdict import Verdict
from rowmill.errors import Interrupted, RowmillError
from rowmill.local.records.snapshot_records import cut, ended, under_way
from rowmill.local.run.progress import Phase, Snapshot, TableState
from rowmill.local.run_errors import RunAborted, RunFailed
from rowmill.plan.layout import Plan, TableLayout
from rowmill.plan.runs import Run, RunState
from rowmill.worker.tally import TableProgress as Work

START = datetime(2026, 1, 1, tzinfo=UTC)
END = datetime(2026, 1, 2, tzinfo=UTC)
PLAN = Plan("sha256:0", 2, (TableLayout("orders", 95, 8, 10, 20, 20),), (1,))


def snapshot(phase: Phase, rows: int = 35, step: str = "") -> Snapshot:
    run = Run("id", "me@here/local/shop", "u", 4, RunState.RUNNING, PLAN, START, None, "", {})
    table = TableState("orders", rows, 95, Work())
    return Snapshot(run, False, phase, step, 10.0, 0, (table,), {}, rows_per_second=3.5)


@pytest.mark.parametrize(
    ("phase", "step", "state"),
    [
        (Phase.LOADING, "", State.RUNNING),
        (Phase.FINALIZING, "primary key of orders (id)", State.FINALIZING),
        (Phase.FINALIZING, "publish", State.PUBLISHING),
        (Phase.VERIFYING, "people: 10 of 95 rows", State.COMPLETED),
        (Phase.COMPLETE, "publish", State.COMPLETED),
    ],
)
def test_a_run_under_way_is_told_by_its_phase(phase: Phase, step: str, state: State) -> None:
    assert under_way(snapshot(phase, step=step)).run.state is state


def test_rows_are_those_that_are_durable_and_batches_those_that_they_fill() -> None:
    found = under_way(snapshot(Phase.LOADING))
    assert (found.run.experiment, found.run.number, found.run.rows) == ("shop", 4, 35)
    assert found.tables == (TableProgress("orders", 35, 95, 10, 3),)
    assert found.rows_per_second == 3.5
    whole = under_way(snapshot(Phase.FINALIZING, rows=95))
    assert whole.tables[0].batches_done == 10, "the last of each part has fewer rows"


@pytest.mark.parametrize(
    ("phase", "error", "state"),
    [
        (Phase.INTERRUPTED, Interrupted("Interrupted", "why"), State.ABORTED),
        (Phase.ABORTED, RunAborted("why"), State.ABORTED),
        (Phase.ABORTED, Interrupted("Suspended", "why"), State.SUSPENDED),
        (Phase.FAILED, RunFailed("why"), State.FAILED),
        # Its lock is another's: that one's record tells how it goes on.
        (Phase.INTERRUPTED, RunFailed("why"), State.RUNNING),
    ],
)
def test_a_run_that_ended_early_is_told_with_the_reason(
    phase: Phase, error: RowmillError, state: State
) -> None:
    run = ended(snapshot(phase), error, END).run
    assert (run.state, run.message, run.finished_at, run.rows) == (state, "why", END, 35)


def test_a_run_that_is_verified_is_complete_and_whether_it_differs_is_not_known() -> None:
    now = under_way(snapshot(Phase.VERIFYING)).run
    assert now.verification is not None
    assert (now.state, now.at_work, now.verification.awaited) == (State.COMPLETED, True, True)
    error = Interrupted("Interrupted", "run 4 is complete, and was not verified: why")
    run = ended(snapshot(Phase.VERIFYING), error, END).run
    assert (run.state, run.message, run.at_work) == (State.COMPLETED, "", False)
    assert run.verification == Verdict(reason="Interrupted", message="why")


@pytest.mark.parametrize(
    ("phase", "error"),
    [
        (Phase.INTERRUPTED, Interrupted("Interrupted", "why")),
        (Phase.FAILED, RunFailed("why")),
    ],
)
def test_a_run_that_was_cut_while_it_was_published_has_not_ended(
    phase: Phase, error: RowmillError
) -> None:
    run = ended(snapshot(phase, rows=95, step="publish"), error, END).run
    assert (run.state, run.message, run.finished_at) == (State.PUBLISHING, "why", None)


def test_a_run_that_was_aborted_before_it_was_published_is_aborted() -> None:
    run = ended(snapshot(Phase.ABORTED, rows=95, step="publish"), RunAborted("why"), END).run
    assert (run.state, run.finished_at) == (State.ABORTED, END)


@pytest.mark.parametrize("error", [Interrupted("Interrupted", "why"), RunFailed("why")])
def test_a_run_whose_end_the_ledger_was_not_told_is_interrupted(error: RowmillError) -> None:
    phase = Phase.INTERRUPTED if isinstance(error, Interrupted) else Phase.FAILED
    run = cut(snapshot(phase), error).run
    assert (run.state, run.message, run.finished_at) == (State.INTERRUPTED, "why", None)
    publishing = cut(snapshot(phase, rows=95, step="publish"), error).run
    assert (publishing.state, publishing.finished_at) == (State.PUBLISHING, None)
