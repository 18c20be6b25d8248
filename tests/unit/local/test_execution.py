"""What one run's process still does once the run may be another's."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest

from rowmill.destinations.errors import DestinationUnavailable, Fenced
from rowmill.engine.verification import VerifyProgress
from rowmill.local.run import execution
from rowmill.local.run.execution import Execution
from rowmill.local.run.run_signals import Signals
from rowmill.local.run.watch import LockLost
from rowmill.local.run_errors import RunFailed
from rowmill.plan.layout import Plan
from rowmill.plan.runs import Run, RunState
from rowmill.warehouse import verifying

PLAN = Plan("sha256:0", 1, (), (1,))
RUN = Run("id", "o", "u", 1, RunState.COMPLETED, PLAN, datetime.now(UTC), None, "", {})
STEPS = ["amid", "last", "failed"]


class Noted:
    """Runs of a ledger to which verdicts are told."""

    def __init__(self) -> None:
        self.notes: list[dict[str, Any]] = []

    def note(self, run_id: str, facts: dict[str, Any]) -> None:
        self.notes.append(facts)


class Held:
    """A hold that stays."""

    def lost(self) -> bool:
        return False

    def release(self) -> None: ...


@pytest.fixture
def noted(monkeypatch: pytest.MonkeyPatch) -> Noted:
    noted = Noted()
    opened = SimpleNamespace(ledger=SimpleNamespace(runs=noted), close=lambda: None)
    monkeypatch.setattr(Execution, "_open_in_silence", lambda self: opened)
    return noted


@pytest.fixture
def run() -> Execution:
    nothing: Any = SimpleNamespace(
        name="shop", workers=1, wait=None, turn=lambda phase: None, compared=lambda text: None
    )
    return Execution(
        spec=nothing,
        connections=nothing,
        destinations=nothing,
        prepared=nothing,
        durable=nothing,
        workers=1,
        hold=Held(),
        signals=Signals(),
        board=nothing,
        started=0.0,
        request=nothing,
        hooks=nothing,
        spare=[],
    )


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("error", [LockLost("lost"), Fenced("run 1 is no longer live")])
def test_a_verification_ends_without_a_verdict_once_the_run_is_anothers(
    run: Execution, noted: Noted, monkeypatch: pytest.MonkeyPatch, error: Exception, step: str
) -> None:
    taken = threading.Event()

    def verify(*_: object, on_progress: Callable[[VerifyProgress], None], **__: object) -> Any:
        taken.set()
        if step == "failed":
            raise DestinationUnavailable("its tables are gone")
        if step == "amid":
            on_progress(VerifyProgress("comparing", "people", 1, 9))
            pytest.fail("it went on")

    def check() -> None:
        if taken.is_set():
            raise error

    monkeypatch.setattr(verifying, "verify_published", verify)
    with pytest.raises(RunFailed, match="run 1 is complete, and was not verified") as raised:
        run._verify(RUN, check)
    assert raised.value.__cause__ is error
    assert noted.notes == []


def test_what_the_ledger_was_not_told_in_time_is_not_wanted_any_more(
    run: Execution, noted: Noted, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(execution, "REPORT_SECONDS", 0.01)
    fence, over = threading.Event(), threading.Event()
    wished: list[bool] = []

    def tell(_: object, wanted: Callable[[], bool]) -> None:
        wished.append(wanted())
        fence.wait(10)
        wished.append(wanted())
        over.set()

    run._tell_briefly(tell)
    fence.set()
    assert over.wait(10)
    assert wished == [True, False]
