"""Why a run is in its state, as its record says it; an older client writes states beside it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from rowmill.plan.layout import Plan
from rowmill.plan.runs import END_UNSEEN, SUSPENDED, Run, RunState, because

START, END = datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 1, 2, tzinfo=UTC)
PLAN = Plan("sha256:0", 1, (), (1,))
SAID = "suspended by `rowmill suspend`"
SUMMARY = {"source": {}, **because(SUSPENDED, SAID)}
STOPPED = Run("id", "o", "u", 1, RunState.ABORTED, PLAN, START, END, SAID, SUMMARY)


def test_a_suspended_run_says_so_until_it_goes_on() -> None:
    assert (STOPPED.reason, STOPPED.suspended) == (SUSPENDED, True)
    for later in (STOPPED.taken_up(), STOPPED.at(RunState.RESET)):
        assert (later.reason, later.suspended) == (None, False)
        assert later.summary == {"source": {}}


@pytest.mark.parametrize(
    ("state", "message"),
    [
        (RunState.RUNNING, ""),
        (RunState.ABORTED, "interrupted"),
        (RunState.FAILED, "the disk is full"),
        (RunState.COMPLETED, ""),
    ],
)
def test_a_reason_that_an_older_client_left_behind_is_not_that_of_the_state_it_wrote(
    state: RunState, message: str
) -> None:
    later = replace(STOPPED, state=state, message=message)
    assert (later.reason, later.suspended) == (None, False)


@pytest.mark.parametrize("state", [RunState.COMPLETED, RunState.FAILED])
def test_an_end_that_an_older_client_saw_is_told_whatever_was_said_of_one_before(
    state: RunState,
) -> None:
    unseen = replace(STOPPED, summary={END_UNSEEN: True})
    assert unseen.ended_at is None
    assert replace(unseen, state=RunState.RESET).ended_at is None
    assert replace(unseen, state=state).ended_at == END
