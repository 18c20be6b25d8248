"""Who may not have an experiment is told what can be done about the run that has it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from rowmill.destinations.errors import LiveRun
from rowmill.errors import Conflict
from rowmill.plan.layout import Plan
from rowmill.plan.runs import Run, RunState
from rowmill.worker.holding import held

OWNER = "me@here/local/shop"
RUN = Run(
    "id", OWNER, "u", 1, RunState.RUNNING, Plan("", 1, (), ()), datetime.now(UTC), None, "", {}
)


class Taken:
    """Destinations whose ledger has one run, which another process is at; locks and runs too."""

    owner = OWNER

    def __init__(self, run: Run) -> None:
        self._run = run
        self.ledger = self.locks = self.runs = self

    def hold_experiment(self, owner: str) -> Any:
        raise LiveRun(owner, "another process", here=False, gone="its claim lapses")

    def of(self, owner: str) -> list[Run]:
        return [self._run]


def refusal(run: Run) -> Conflict:
    taken: Any = Taken(run)
    with pytest.raises(Conflict) as refused, held(taken):
        pass
    return refused.value


def test_a_run_at_work_can_be_stopped_for_now_or_for_good() -> None:
    error = refusal(RUN)
    assert error.reason == "LiveRunElsewhere"
    assert error.message == (
        f"a run of {OWNER} is live elsewhere, held by another process; its claim lapses; wait for "
        "it (`rowmill status shop -w` shows how far it is), or stop it with "
        "`rowmill suspend shop` or `rowmill abort shop`"
    )


def test_a_run_that_is_being_published_is_waited_for_alone() -> None:
    message = refusal(replace(RUN, state=RunState.PUBLISHING)).message
    assert "only goes forward: wait for it (`rowmill status shop -w` shows how far" in message
    assert "abort" not in message
    assert "suspend" not in message
