"""What is known of a run's data, by the ledger and by who holds the experiment."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, cast

import pytest

from rowmill.destinations.ledger import Ledger
from rowmill.engine.verdict import Verdict, awaited, left_alone
from rowmill.plan.layout import Plan
from rowmill.plan.runs import Run, RunState
from rowmill.worker.reading import verdict_on
from rowmill.worker.verdicts import keep_verdict

PLAN = Plan("sha256:0", 2, (), (1,))
START = datetime(2026, 1, 1, tzinfo=UTC)
RUN = Run("id", "me@here/local/shop", "u", 4, RunState.COMPLETED, PLAN, START, START, "", {})
IDENTICAL = Verdict(identical=True, reason="Identical")


@dataclass
class OneRun:
    """A ledger of one run, which somebody holds or nobody."""

    run: Run | None
    held: bool = False

    @property
    def runs(self) -> OneRun:
        return self

    @property
    def locks(self) -> OneRun:
        return self

    def find(self, run_id: str) -> Run | None:
        return self.run

    def is_held(self, owner: str) -> bool:
        return self.held

    def note(self, run_id: str, facts: dict[str, Any]) -> None:
        assert self.run is not None
        self.run = replace(self.run, summary={**self.run.summary, **facts})


def kept(verdict: Verdict | None, run: Run = RUN) -> Run:
    ledger = OneRun(run)
    noted = keep_verdict(cast(Any, ledger), run, verdict)
    assert noted == ledger.run
    return noted


AWAITED = kept(awaited(4))


@pytest.mark.parametrize(
    ("run", "ledger", "verdict"),
    [
        (RUN, OneRun(None), None),
        (kept(None), OneRun(None), None),
        (kept(IDENTICAL), OneRun(None), IDENTICAL),
        (AWAITED, OneRun(AWAITED, held=True), awaited(4)),
        (AWAITED, OneRun(AWAITED), left_alone(4)),
        # It let go between the two looks, once it had told.
        (AWAITED, OneRun(kept(IDENTICAL)), IDENTICAL),
        (AWAITED, OneRun(None), None),
        (replace(AWAITED, state=RunState.RUNNING), OneRun(None), None),
        (replace(kept(IDENTICAL), state=RunState.RESET), OneRun(None), None),
        (replace(RUN, summary={"verification": {"of": "another release"}}), OneRun(None), None),
    ],
    ids=[
        "nobody asked",
        "nobody asks any more",
        "identical",
        "being verified",
        "left alone",
        "told in between",
        "deleted in between",
        "not yet published",
        "reset",
        "of another release",
    ],
)
def test_what_is_known_of_a_runs_data(run: Run, ledger: OneRun, verdict: Verdict | None) -> None:
    assert verdict_on(run, cast(Ledger, ledger), followed=False) == verdict


def test_who_holds_the_experiment_for_a_later_run_does_not_verify_this_one() -> None:
    ledger = cast(Ledger, OneRun(AWAITED, held=True))
    assert verdict_on(AWAITED, ledger, followed=True) == left_alone(4)
