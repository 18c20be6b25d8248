"""What a ledger says of a run that was read: whether it is left alone, and how far it is told."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import cast

import pytest

from rowmill.destinations.ledger import Ledger, StoredProgress
from rowmill.plan.layout import Plan
from rowmill.plan.runs import Run, RunState
from rowmill.worker.live_progress import LiveProgress
from rowmill.worker.reading import abandoned, told

NOW = datetime(2026, 1, 1, tzinfo=UTC)
PLAN = Plan("sha256:0", 1, (), (1,))
RUN = Run("id", "o", "u", 1, RunState.RUNNING, PLAN, NOW, None, "", {})
LIVE = LiveProgress("loading", 2, {}, 12.5, 4.0)


def ledger(*, held: bool, now: Callable[[], Run | None]) -> Ledger:
    locks = SimpleNamespace(is_held=lambda owner: held)
    runs = SimpleNamespace(find=lambda run_id: now())
    return cast(Ledger, SimpleNamespace(locks=locks, runs=runs))


def told_at(age: float) -> bool:
    """Whether what was told so many seconds ago is of now."""
    stored = StoredProgress(LIVE.to_json(PLAN), NOW, age)
    progress = SimpleNamespace(read=lambda run_id: stored, fresh_seconds=3.0)
    found = told(RUN, cast(Ledger, SimpleNamespace(progress=progress)))
    assert found is not None
    return found.fresh


def test_a_run_that_nobody_holds_is_left_alone() -> None:
    assert abandoned(RUN, ledger(held=False, now=lambda: RUN))
    assert not abandoned(RUN, ledger(held=True, now=lambda: RUN))


@pytest.mark.parametrize("state", [RunState.COMPLETED, RunState.FAILED, RunState.ABORTED, None])
def test_a_run_that_ended_before_its_lock_was_looked_at_is_not_left_alone(
    state: RunState | None,
) -> None:
    ended = None if state is None else replace(RUN, state=state)
    assert not abandoned(RUN, ledger(held=False, now=lambda: ended))


def test_what_was_told_a_moment_ago_is_of_now() -> None:
    assert [told_at(age) for age in (-0.9, 0.0, 3.0, 3.1)] == [True, True, True, False]


def test_what_was_told_by_a_clock_that_was_set_back_since_is_not_of_now() -> None:
    assert not told_at(-60.0)
