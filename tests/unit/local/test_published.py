"""What readers are told while nothing is published: which run is on its way."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from rowmill.plan.layout import Plan
from rowmill.plan.runs import Run, RunState
from rowmill.warehouse.published import on_its_way, unpublished

NONE = "no run of it is published yet"


def _runs(*states: RunState) -> list[Run]:
    plan = Plan("sha256:new", 1, (), ())
    return [
        Run(f"id{i}", "o", "u", i, state, plan, datetime.now(UTC), None, "", {})
        for i, state in enumerate(states, start=1)
    ]


@pytest.mark.parametrize(
    ("states", "words"),
    [
        ([], f"{NONE}; start one with"),
        ([RunState.RUNNING], f"{NONE}: run 1 is RUNNING; try again when it is complete"),
        ([RunState.RESET, RunState.FINALIZING], f"{NONE}: run 2 is FINALIZING"),
        ([RunState.FAILED], f"{NONE}: run 1 is FAILED; rowmill run -f FILE resumes it"),
        ([RunState.COMPLETED, RunState.RESET], f"{NONE}: run 2 is RESET, its data removed"),
        ([RunState.COMPLETED, RunState.PUBLISHING], "run 2 is being published; try again"),
        ([RunState.COMPLETED, RunState.RUNNING], None),
        ([RunState.COMPLETED, RunState.ABORTED], None),
    ],
)
def test_the_newest_run_is_named_by_number_and_state(
    states: list[RunState], words: str | None
) -> None:
    told = unpublished(_runs(*states), left_alone=False)
    assert (told is None) is (words is None)
    assert words is None or (told or "").startswith(words)


@pytest.mark.parametrize(
    ("state", "words"),
    [
        (RunState.RUNNING, f"{NONE}: run 2 is INTERRUPTED; rowmill run -f FILE resumes it"),
        (RunState.FINALIZING, f"{NONE}: run 2 is INTERRUPTED; rowmill run -f FILE resumes it"),
        (
            RunState.PUBLISHING,
            "run 2 is INTERRUPTED amid its publishing; rowmill run -f FILE completes it",
        ),
    ],
)
def test_an_unfinished_run_that_nobody_holds_is_interrupted_as_in_status(
    state: RunState, words: str
) -> None:
    runs = _runs(RunState.RESET, state)
    assert on_its_way(runs) == runs[-1]
    assert unpublished(runs, left_alone=True) == words
