"""What `status`, `runs` and `abort` say of a run beside its figures."""

from datetime import UTC, datetime, timedelta

import pytest

from rowmill.cli.commands.removal import nothing_to_abort
from rowmill.cli.run_words import message_of, took, words_of
from rowmill.plan.layout import Plan
from rowmill.plan.runs import Run, RunState

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
ALONE = "no process holds it: the same `rowmill run` resumes it"


def run(state: RunState, message: str = "", ended: int | None = None, **source: object) -> Run:
    """A run that was started a minute before NOW; `ended` so many seconds after its start."""
    plan = Plan("sha256:0", 1, (), (1,))
    start = NOW - timedelta(minutes=1)
    finished = None if ended is None else start + timedelta(seconds=ended)
    return Run("id", "e/l/shop", "u", 4, state, plan, start, finished, message, {"source": source})


@pytest.mark.parametrize("state", [RunState.FAILED, RunState.ABORTED])
def test_status_of_what_ended_early_ends_with_how_to_go_on(state: RunState) -> None:
    words = list(words_of(run(state, "why", scale="0.2", seed=2), left_alone=False))
    assert words == [
        "started with --scale 0.2 --seed 2",
        "why",
        "rowmill run -f FILE --scale 0.2 --seed 2 resumes it, --restart starts over",
    ]


def test_of_a_live_or_complete_run_nothing_is_to_be_done() -> None:
    for state in (RunState.RUNNING, RunState.PUBLISHING, RunState.COMPLETED, RunState.RESET):
        assert list(words_of(run(state), left_alone=False)) == []


def test_a_run_without_a_process_says_how_it_goes_on() -> None:
    assert message_of(run(RunState.RUNNING), left_alone=True) == ALONE
    published = message_of(run(RunState.PUBLISHING), left_alone=True)
    assert published == "no process holds it: the same `rowmill run` completes it"
    assert list(words_of(run(RunState.PUBLISHING), left_alone=True)) == [published]


def test_a_run_takes_from_its_start_to_its_end_whatever_came_after() -> None:
    assert took(run(RunState.RESET, ended=4), NOW, left_alone=False) == 4
    assert took(run(RunState.RUNNING), NOW, left_alone=False) == 60


def test_an_end_that_nobody_saw_is_not_told() -> None:
    assert took(run(RunState.RESET), NOW, left_alone=False) is None
    assert took(run(RunState.RUNNING), NOW, left_alone=True) is None


@pytest.mark.parametrize(
    ("runs", "said"),
    [
        ((), "there is no run to abort: it has no runs yet"),
        (
            (run(RunState.ABORTED, "interrupted"),),
            "run 4 is ABORTED already (interrupted); `rowmill run` resumes it",
        ),
        ((run(RunState.PUBLISHING),), "run 4 is being published, which only goes forward; "),
        (
            (run(RunState.ABORTED), run(RunState.COMPLETED)),
            "there is no live run to abort: the newest, run 4, is COMPLETED",
        ),
    ],
)
def test_where_nothing_can_be_aborted_the_newest_run_is_named(
    runs: tuple[Run, ...], said: str
) -> None:
    assert nothing_to_abort(runs).startswith(said)
