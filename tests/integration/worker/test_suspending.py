"""A run is suspended behind the fence, keeps its work, and goes on when it is run again."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from rowmill.destinations.errors import Fenced
from rowmill.engine.records import State
from rowmill.engine.request import Mode
from rowmill.local.records.run_reading import read_progress
from rowmill.plan.runs import SUSPENDED, Run, RunState
from rowmill.worker.abort import abort_run, suspend_run
from rowmill.worker.destinations import Destinations
from rowmill.worker.reading import experiment_runs
from tests.integration.experiments import Manifest, manifest
from tests.integration.worker.env import Env, state

Opened = Callable[[Manifest], tuple[Env, Destinations]]
EACH = pytest.mark.parametrize("postgres", [{}, None], ids=["both", "bucket"])


def newest(destinations: Destinations) -> Run:
    return experiment_runs(destinations)[-1]


@EACH
def test_a_suspended_run_is_fenced_keeps_its_work_and_is_resumed(
    name: str, opened: Opened, postgres: dict[str, str] | None
) -> None:
    env, destinations = opened(manifest(name, postgres=postgres))
    run = env.prepare(destinations).run
    env.load(destinations, run, parts=1)
    suspended = suspend_run(destinations)
    assert suspended == newest(destinations)
    found = read_progress(suspended, destinations).run
    assert (found.state, found.reason, found.rows) == (State.SUSPENDED, SUSPENDED, 2_500)
    assert suspend_run(destinations) is None, "it is already"
    with pytest.raises(Fenced):
        env.load(destinations, run)
    prepared = env.prepare(destinations)
    assert (prepared.run.id, prepared.resumed, prepared.suspended) == (run.id, True, True)
    resumed = newest(destinations)
    assert (resumed.state, resumed.reason, prepared.run.reason) == (RunState.RUNNING, None, None)
    assert not env.prepare(destinations).suspended, "it went on since"


def test_what_is_published_is_past_being_suspended(name: str, opened: Opened) -> None:
    env, destinations = opened(manifest(name))
    run = env.prepare(destinations).run
    moved = destinations.ledger.runs.transition
    for before, after in (("RUNNING", "FINALIZING"), ("FINALIZING", "PUBLISHING")):
        assert moved(run.id, frozenset({RunState(before)}), RunState(after))
    assert suspend_run(destinations) is None
    assert state(destinations, run) is RunState.PUBLISHING


def test_only_what_has_not_ended_is_suspended(name: str, opened: Opened) -> None:
    env, destinations = opened(manifest(name))
    assert suspend_run(destinations) is None
    run = env.prepare(destinations).run
    running = frozenset({RunState.RUNNING})
    assert destinations.ledger.runs.transition(run.id, running, RunState.FAILED, message="full")
    assert suspend_run(destinations) is None
    assert state(destinations, run) is RunState.FAILED


@EACH
def test_a_suspended_run_can_be_aborted_and_dropped_and_is_suspended_no_more(
    name: str, opened: Opened, postgres: dict[str, str] | None
) -> None:
    env, destinations = opened(manifest(name, postgres=postgres))
    run = env.prepare(destinations).run
    assert suspend_run(destinations) is not None
    assert abort_run(destinations) == newest(destinations)
    assert (newest(destinations).state, newest(destinations).reason) == (RunState.ABORTED, None)
    assert abort_run(destinations) is None
    env.prepare(destinations)
    assert suspend_run(destinations) is not None
    env.prepare(destinations, mode=Mode.RESTART)
    dropped = destinations.ledger.runs.find(run.id)
    assert dropped is not None
    assert (dropped.state, dropped.reason) == (RunState.ABORTED, None)
