"""One machine tells of a run what its ledger says, and whether anybody is at work on it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from rowmill.engine.records import State, TableProgress
from rowmill.local.records.run_records import progress, progress_told
from rowmill.plan.layout import Plan, TableLayout
from rowmill.plan.runs import END_UNSEEN, Run, RunState
from rowmill.worker.live_progress import LiveProgress
from rowmill.worker.reading import Told
from rowmill.worker.remaining import Durable

START = datetime(2026, 1, 1, tzinfo=UTC)
ORDERS = TableLayout("orders", 95, 8, 10, 20, 20)
PLAN = Plan("sha256:0", 2, (ORDERS, TableLayout("empty", 0, 8, 10, 10, 10)), (1,))
EMPTY = TableProgress(name="empty")


def run(state: RunState, message: str = "") -> Run:
    owner = "me@here/local/shop"
    return Run("id", owner, "u", 4, state, PLAN, START, None, message, {})


def test_a_run_on_its_way_has_what_the_ledger_holds_of_it() -> None:
    durable = Durable({"orders": [(0, 3), (9, 10)]}, None)
    found = progress(run(RunState.RUNNING), durable)
    assert (found.run.experiment, found.run.namespace, found.run.number) == ("shop", "local", 4)
    assert (found.run.rows, found.run.rows_total, found.percent) == (35, 95, 36)
    assert found.tables == (TableProgress("orders", 35, 95, 10, 4, "0-2,9"), EMPTY)


@pytest.mark.parametrize(
    ("state", "rows", "batches"), [(RunState.COMPLETED, 95, "0-9"), (RunState.RESET, 0, "")]
)
def test_of_what_has_ended_all_rows_or_none_are_there(
    state: RunState, rows: int, batches: str
) -> None:
    orders, empty = progress(run(state), None).tables
    assert (orders.rows, orders.completed_batches, empty) == (rows, batches, EMPTY)


@pytest.mark.parametrize("unseen", [True, False])
def test_of_a_run_that_was_ended_after_its_process_was_gone_no_end_is_told(unseen: bool) -> None:
    later = START + timedelta(days=3)
    dropped = replace(
        run(RunState.ABORTED), finished_at=later, summary={END_UNSEEN: True} if unseen else {}
    )
    found = progress(dropped, Durable({}, None)).run
    assert found.finished_at == (None if unseen else later)
    assert found.took(later) == (None if unseen else 3 * 86_400)


@pytest.mark.parametrize(
    ("state", "does"),
    [
        (RunState.RUNNING, "`rowmill resume shop` goes on with it"),
        (RunState.FINALIZING, "`rowmill resume shop` goes on with it"),
        (RunState.PUBLISHING, "`rowmill resume shop` completes its publish"),
    ],
)
def test_an_unfinished_run_that_nobody_holds_is_interrupted_and_says_how_it_goes_on(
    state: RunState, does: str
) -> None:
    found = progress(run(state, "so far"), Durable({}, None), left_alone=True).run
    assert found.state is State.INTERRUPTED
    assert found.message == f"so far; no process holds it: {does}"


NOW = START + timedelta(minutes=5)
LIVE = LiveProgress("loading", 2, {"orders": 47, "other": 9}, 12.5, 4.0)


def test_a_live_run_has_the_ledgers_rows_and_its_supervisors_words() -> None:
    durable = Durable({"orders": [(0, 3)]}, None)
    found = progress(run(RunState.RUNNING), durable, told=Told(LIVE, NOW, fresh=True))
    assert (found.run.rows, found.step, found.workers) == (30, "loading", 2)
    assert (found.rows_per_second, found.eta_seconds, found.last_updated) == (12.5, 4.0, NOW)


@pytest.mark.parametrize(("fresh", "left_alone"), [(False, False), (True, True)])
def test_of_what_is_not_so_any_more_the_time_alone_is_told(fresh: bool, left_alone: bool) -> None:
    said = Told(LIVE, NOW, fresh=fresh)
    found = progress(run(RunState.RUNNING), Durable({}, None), left_alone=left_alone, told=said)
    assert (found.step, found.workers, found.rows_per_second, found.eta_seconds) == (None,) * 4
    assert found.last_updated == NOW


def test_an_ended_run_was_last_updated_when_it_ended() -> None:
    ended = replace(run(RunState.COMPLETED), finished_at=NOW)
    assert progress(ended, None).last_updated == NOW


def test_by_its_supervisor_alone_a_run_has_rows_and_at_the_least_so_many_batches() -> None:
    found = progress_told(run(RunState.RUNNING), Told(LIVE, NOW, fresh=True))
    assert found.tables == (TableProgress("orders", 47, 95, 10, 4, ""), EMPTY)
    assert (found.run.state, found.run.rows, found.percent) == (State.RUNNING, 47, 49)
    assert (found.step, found.last_updated) == ("loading", NOW)


@pytest.mark.parametrize("state", [RunState.FINALIZING, RunState.PUBLISHING])
def test_a_run_that_is_finalized_has_all_its_rows_whatever_was_told_of_its_load(
    state: RunState,
) -> None:
    found = progress_told(run(state), Told(LIVE, NOW, fresh=True))
    assert (found.run.rows, found.percent, found.step) == (95, 100, None)
