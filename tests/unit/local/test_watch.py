"""The watch over a live run hears its end, whatever else goes wrong meanwhile."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any, cast

import pytest

from rowmill.destinations.errors import DestinationUnavailable, Fenced
from rowmill.local.run import watch as watching
from rowmill.local.run.progress_report import ProgressReport
from rowmill.local.run.watch import Watch
from rowmill.plan.layout import Plan
from rowmill.plan.runs import Run, RunState
from rowmill.worker.destinations import Destinations

PLAN = Plan("sha256:0", 1, (), (1,))
RUN = Run("id", "o", "u", 1, RunState.RUNNING, PLAN, datetime.now(UTC), None, "", {})


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watching, "WATCH_SECONDS", 0.001)


class Hold:
    def lost(self) -> bool:
        return False


class Unwritten(ProgressReport):
    """Of which no word can be written."""

    def __init__(self) -> None:
        self.tries = 0

    def write(self, to: object) -> None:
        self.tries += 1
        raise UnicodeEncodeError("utf-8", "\ud800", 0, 1, "surrogates not allowed")


def ledger_that(find: Callable[[], Run | None]) -> Destinations:
    runs = SimpleNamespace(find=lambda run_id: find())
    ledger = SimpleNamespace(runs=runs, progress=None)
    return cast(Destinations, SimpleNamespace(ledger=ledger, close=lambda: None))


def heard(watch: Watch) -> Exception:
    """What the watch finds."""
    deadline = time.monotonic() + 10
    with watch:
        while time.monotonic() < deadline:
            try:
                watch.check()
            except Exception as found:  # noqa: BLE001 - whatever it is
                return found
            time.sleep(0.001)
    raise AssertionError("it heard nothing")


def test_progress_that_cannot_be_written_leaves_an_abort_to_be_heard() -> None:
    report = Unwritten()

    def find() -> Run:
        return replace(RUN, state=RunState.ABORTED) if report.tries > 1 else RUN

    assert isinstance(heard(Watch(RUN, Hold(), lambda: ledger_that(find), report)), Fenced)


def test_connections_that_cannot_be_made_at_first_are_made_later() -> None:
    tries: list[Any] = []

    def reopen() -> Destinations:
        tries.append(None)
        if len(tries) == 1:
            raise DestinationUnavailable("it is away")
        return ledger_that(lambda: None)

    assert isinstance(heard(Watch(RUN, Hold(), reopen, Unwritten())), Fenced)


@pytest.mark.parametrize("where", ["opening", "looking"])
def test_a_defect_of_the_watch_ends_the_run_and_is_not_silent(where: str) -> None:
    defect = KeyError("summary")

    def fail() -> Any:
        raise defect

    reopen = fail if where == "opening" else lambda: ledger_that(fail)
    assert heard(Watch(RUN, Hold(), reopen, Unwritten())) is defect
