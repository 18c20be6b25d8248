"""What a run command does with the runs that exist."""

from datetime import UTC, datetime

import pytest

from rowmill.plan.layout import Plan
from rowmill.plan.runs import Run, RunState
from rowmill.worker.run_history import published_run
from rowmill.worker.start.decide import (
    Begin,
    Conflict,
    Mode,
    NothingToResume,
    Repeat,
    Resume,
    decide,
)

OLD, NEW = "sha256:old", "sha256:new"


def run(number: int, state: RunState, digest: str = NEW, data_version: int = 1) -> Run:
    empty = Plan(digest, data_version, (), ())
    return Run(f"id{number}", "o", "u", number, state, empty, datetime.now(UTC), None, "", {})


RESUMABLE = [RunState.RUNNING, RunState.FINALIZING, RunState.FAILED, RunState.ABORTED]


def test_the_first_run_is_number_one() -> None:
    assert decide([], NEW, 1, Mode.AUTO) == Begin(1, (), None)


@pytest.mark.parametrize("state", RESUMABLE)
@pytest.mark.parametrize("mode", [Mode.AUTO, Mode.RESUME])
def test_an_unfinished_run_of_the_same_digest_is_resumed(state: RunState, mode: Mode) -> None:
    known = [run(1, RunState.COMPLETED, OLD), run(2, state)]
    assert decide(known, NEW, 1, mode) == Resume(known[1], (), replaces=known[0])


@pytest.mark.parametrize("state", RESUMABLE)
def test_an_unfinished_run_of_another_digest_is_a_conflict(state: RunState) -> None:
    known = [run(1, state, OLD)]
    assert decide(known, NEW, 1, Mode.AUTO) == Conflict(known[0], None)


def test_restart_begins_anew_and_clears_what_was_left_since_the_last_complete_run() -> None:
    known = [
        run(1, RunState.ABORTED),
        run(2, RunState.COMPLETED),
        run(3, RunState.ABORTED),
        run(4, RunState.FAILED),
    ]
    assert decide(known, NEW, 1, Mode.RESTART) == Begin(5, (known[2], known[3]), replaces=known[1])


def test_a_complete_run_of_the_same_digest_is_a_repeat() -> None:
    known = [run(1, RunState.COMPLETED)]
    assert decide(known, NEW, 1, Mode.AUTO) == Repeat(known[0], Begin(2, (), known[0]))


def test_another_digest_or_data_version_is_a_new_run() -> None:
    old, same = run(1, RunState.COMPLETED, OLD), run(1, RunState.COMPLETED)
    assert decide([old], NEW, 1, Mode.AUTO) == Begin(2, (), replaces=old)
    assert decide([same], NEW, 2, Mode.AUTO) == Begin(2, (), replaces=same)


@pytest.mark.parametrize("state", RESUMABLE)
def test_a_conflict_says_what_starting_over_would_replace(state: RunState) -> None:
    known = [run(1, RunState.COMPLETED), run(2, state, OLD)]
    assert decide(known, NEW, 1, Mode.AUTO) == Conflict(known[1], replaces=known[0])


def test_resume_with_nothing_to_resume_says_so() -> None:
    complete = run(1, RunState.COMPLETED)
    assert decide([], NEW, 1, Mode.RESUME) == NothingToResume(None)
    assert decide([complete], NEW, 1, Mode.RESUME) == NothingToResume(complete)


def test_data_that_was_reset_is_not_published_and_not_repeated() -> None:
    known = [run(1, RunState.COMPLETED), run(2, RunState.RESET)]
    assert published_run(known) is None
    assert decide(known, NEW, 1, Mode.AUTO) == Begin(3, (), replaces=None)
