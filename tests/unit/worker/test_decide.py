"""What a run command does with the runs that exist."""

from dataclasses import replace

import pytest

from rowmill.engine.request import Mode
from rowmill.plan.runs import RunState
from rowmill.worker.start.decide import (
    Begin,
    Conflict,
    NothingToResume,
    Repeat,
    Resume,
    decide,
)
from tests.unit.worker.runs import NEW, OLD, RESUMABLE, observed, run


def test_the_first_run_is_number_one() -> None:
    assert decide(observed(), NEW, 1, Mode.AUTO) == Begin(1, (), None)


@pytest.mark.parametrize("state", RESUMABLE)
@pytest.mark.parametrize("mode", [Mode.AUTO, Mode.RESUME])
def test_an_unfinished_run_of_the_same_digest_is_resumed(state: RunState, mode: Mode) -> None:
    known = [run(1, RunState.COMPLETED, OLD), run(2, state)]
    assert decide(observed(*known), NEW, 1, mode) == Resume(known[1], (), replaces=known[0])


@pytest.mark.parametrize("state", RESUMABLE)
def test_an_unfinished_run_of_another_digest_is_a_conflict(state: RunState) -> None:
    known = [run(1, state, OLD)]
    assert decide(observed(*known), NEW, 1, Mode.AUTO) == Conflict(known[0], None)


def test_restart_begins_anew_and_clears_what_was_left_since_the_last_complete_run() -> None:
    known = [
        run(1, RunState.ABORTED),
        run(2, RunState.COMPLETED),
        run(3, RunState.ABORTED),
        run(4, RunState.FAILED),
    ]
    assert decide(observed(*known), NEW, 1, Mode.RESTART) == Begin(
        5, (known[2], known[3]), replaces=known[1]
    )


def test_a_complete_run_of_the_same_digest_is_a_repeat_while_all_its_data_is_there() -> None:
    complete = run(1, RunState.COMPLETED)
    assert decide(observed(complete, intact=True), NEW, 1, Mode.AUTO) == Repeat(complete, 2, ())
    lost = observed(complete, intact=False)
    assert decide(lost, NEW, 1, Mode.AUTO) == Begin(2, (), replaces=complete)


def test_another_digest_or_data_version_is_a_new_run() -> None:
    old, same = run(1, RunState.COMPLETED, OLD), run(1, RunState.COMPLETED)
    assert decide(observed(old), NEW, 1, Mode.AUTO) == Begin(2, (), replaces=old)
    assert decide(observed(same), NEW, 2, Mode.AUTO) == Begin(2, (), replaces=same)


def test_a_restart_makes_the_same_data_again() -> None:
    complete = run(1, RunState.COMPLETED)
    assert decide(observed(complete), NEW, 1, Mode.RESTART) == Begin(2, (), replaces=complete)


@pytest.mark.parametrize("mode", [Mode.AUTO, Mode.RESTART])
def test_who_takes_targets_over_replaces_what_is_there_until_he_published_himself(
    mode: Mode,
) -> None:
    own, theirs = run(4, RunState.COMPLETED, OLD), run(9, RunState.COMPLETED, uid="theirs")
    assert decide(observed(adopted=theirs), NEW, 1, mode) == Begin(1, (), replaces=theirs)
    assert decide(observed(own, adopted=theirs), NEW, 1, mode) == Begin(5, (), replaces=own)


@pytest.mark.parametrize("state", RESUMABLE)
def test_a_conflict_says_what_starting_over_would_replace(state: RunState) -> None:
    known = [run(1, RunState.COMPLETED), run(2, state, OLD)]
    assert decide(observed(*known), NEW, 1, Mode.AUTO) == Conflict(known[1], replaces=known[0])


def test_resume_with_nothing_to_resume_says_so() -> None:
    complete = run(1, RunState.COMPLETED)
    assert decide(observed(), NEW, 1, Mode.RESUME) == NothingToResume(None)
    assert decide(observed(complete), NEW, 1, Mode.RESUME) == NothingToResume(complete)


def test_a_run_of_which_the_publishing_alone_was_left_is_resumed_by_that() -> None:
    complete = run(3, RunState.COMPLETED)
    rolled_forward = replace(observed(run(2, RunState.ABORTED), complete), rolled_forward=(3,))
    assert decide(rolled_forward, NEW, 1, Mode.RESUME) == Repeat(complete, 4, ())
    assert decide(rolled_forward, OLD, 1, Mode.RESUME) == NothingToResume(complete)


def test_data_that_was_reset_is_not_repeated() -> None:
    known = [run(1, RunState.COMPLETED), run(2, RunState.RESET)]
    assert decide(observed(*known), NEW, 1, Mode.AUTO) == Begin(3, (), replaces=None)
