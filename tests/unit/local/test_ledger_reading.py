"""What `status`, `runs` and `abort` say of a run beside its figures."""

from datetime import UTC, datetime

import pytest

from rowmill.engine.records import Progress, RunRecord, State
from rowmill.local.records.ledger_reading import goes_back, nothing_to_stop
from rowmill.local.records.run_records import progress
from rowmill.plan.layout import Plan
from rowmill.plan.runs import Run, RunState
from rowmill.views.runs import lines_of

START = datetime(2026, 1, 1, 12, tzinfo=UTC)
ALONE = "no process holds it: `rowmill resume shop` goes on with it"
GOING_ON = "`rowmill resume shop` goes on with it"


def run(state: RunState, message: str = "", **source: object) -> Run:
    plan = Plan("sha256:0", 1, (), (1,))
    summary = {"source": {"manifest": "", **source}}
    return Run("id", "e/l/shop", "u", 4, state, plan, START, None, message, summary)


def words(run: Run, *, left_alone: bool = False) -> list[str]:
    return list(lines_of(progress(run, None, left_alone=left_alone).run, GOING_ON))


@pytest.mark.parametrize("state", [RunState.FAILED, RunState.ABORTED])
def test_status_of_what_ended_early_ends_with_how_to_go_on(state: RunState) -> None:
    assert words(run(state, "why", scale="0.2", seed=2)) == [
        "started with --scale 0.2 --seed 2",
        "why",
        GOING_ON,
    ]


def test_of_a_live_or_complete_run_nothing_is_to_be_done() -> None:
    for state in (RunState.RUNNING, RunState.PUBLISHING, RunState.COMPLETED, RunState.RESET):
        assert words(run(state)) == []


def test_a_run_without_a_process_says_how_it_goes_on() -> None:
    assert words(run(RunState.RUNNING), left_alone=True) == [ALONE]
    published = "no process holds it: `rowmill resume shop` completes its publish"
    assert words(run(RunState.PUBLISHING), left_alone=True) == [published]


@pytest.mark.parametrize(
    ("runs", "said"),
    [
        ((), "there is no run to abort: it has no runs yet"),
        (
            (run(RunState.ABORTED, "interrupted"),),
            "run 4 is ABORTED already (interrupted); `rowmill resume shop` goes on with it",
        ),
        (
            (run(RunState.ABORTED, "aborted by `rowmill abort`"),),
            "run 4 is ABORTED already; `rowmill resume shop` goes on with it",
        ),
        (
            (run(RunState.PUBLISHING),),
            "run 4 is being published, which only goes forward; `rowmill reset shop` removes",
        ),
        (
            (run(RunState.ABORTED), run(RunState.COMPLETED)),
            "there is no live run to abort: the newest, run 4, is COMPLETED",
        ),
    ],
)
def test_where_nothing_can_be_aborted_the_newest_run_is_named(
    runs: tuple[Run, ...], said: str
) -> None:
    assert _unstoppable(runs).startswith(said)


def test_a_run_that_lost_its_process_amid_its_publishing_is_to_be_resumed() -> None:
    assert _unstoppable((run(RunState.PUBLISHING),), left_alone=True) == (
        "run 4 is INTERRUPTED amid its publishing, which only goes forward; "
        "`rowmill resume shop` completes it"
    )


def _unstoppable(runs: tuple[Run, ...], *, left_alone: bool = False) -> str:
    commands = {"resume": "rowmill resume shop", "reset": "rowmill reset shop"}
    return nothing_to_stop(runs, "abort", left_alone=left_alone, **commands)


def test_a_watch_goes_back_where_fewer_rows_of_the_same_run_are_told() -> None:
    def told(rows: int, run_id: str = "a") -> Progress:
        return Progress(
            RunRecord(
                experiment="shop", namespace="local", id=run_id, state=State.RUNNING, rows=rows
            )
        )

    assert goes_back(told(315), told(350))
    assert not goes_back(told(350), told(350))
    assert not goes_back(told(0, "b"), told(350)), "of the next run"
