"""What stands in a run's way: one clear condition each, and on it goes once that is mended.

All runs wait at the same time, and longer than two minutes: those who try again, the kubelet and
the Job controller, then try rarely.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from datetime import UTC, datetime

import pytest

from tests.e2e.cluster.access import Cluster, wait_for
from tests.e2e.cluster.node import Node
from tests.e2e.experiments import Applied, wide
from tests.e2e.installation import Installation, new_namespace
from tests.e2e.operator_calls import operator_calls
from tests.e2e.stuck import ROWS, Stuck, begin, begin_among_others, begin_without_image, statuses

WATCHED_SECONDS = 20
# What a run at work may cost an API server; here nothing happens.
WRITES_A_SECOND = READS_A_SECOND = 0.25
# Conditions that say nothing of what a run waits for.
_OTHERS = ("Accepted", "Verified")

CASES = [
    "missing Secret",
    "wrong password",
    "missing bucket",
    "unknown image, loaded",
    "unknown image, corrected",
    "quota",
    "target of another",
    "little memory",
]


@dataclass(frozen=True)
class Waiting:
    """All runs, each having told its reason, and a while of which they waited for nothing else."""

    runs: dict[str, Stuck]
    begun: datetime
    ended: datetime


@pytest.fixture(scope="module")
def waiting(cluster: Cluster, node: Node, installed: Installation) -> Iterator[Waiting]:
    with ExitStack() as stack:

        def home() -> str:
            namespace = stack.enter_context(new_namespace(cluster))
            installed.give_secrets(namespace)
            return namespace

        runs = begin(cluster, installed, home)
        owner = Applied.of(installed, home(), wide(ROWS))
        _look(cluster, runs, 180, lambda run: run.signed is not None)
        owner.complete()
        runs |= begin_among_others(installed, home(), owner)
        # What waits goes on waiting while the operator is another, twice.
        runs |= begin_without_image(cluster, node, installed, home)
        _look(cluster, runs, 180, lambda run: run.signed is not None)
        begun = datetime.now(UTC)
        # A wrong password is tried again for two minutes before it is called one.
        _look(cluster, runs, 300, lambda run: run.reason in run.reasons)
        time.sleep(WATCHED_SECONDS)
        yield Waiting(runs, begun, datetime.now(UTC))


@pytest.fixture(scope="module")
def mended(cluster: Cluster, waiting: Waiting) -> dict[str, Stuck]:
    """All of them, mended at the same time, and on their way if they ever are."""
    for run in waiting.runs.values():
        run.mended = datetime.now(UTC)
        run.mend()
    _look(cluster, waiting.runs, 300, lambda run: run.went_on is not None)
    return waiting.runs


@pytest.fixture(params=CASES)
def run(waiting: Waiting, request: pytest.FixtureRequest) -> Stuck:
    return waiting.runs[request.param]


@pytest.fixture
def namespace(run: Stuck) -> str:
    """What is shown with a failure."""
    return run.applied.namespace


def test_it_is_told_after_a_sign_of_it(run: Stuck, namespace: str) -> None:
    assert run.reasons[-1] == run.reason
    assert run.signed is not None


def test_it_is_one_clear_condition(run: Stuck, namespace: str) -> None:
    assert run.names in run.reported["Stalled"]["message"]
    holding = {kind for kind, one in run.reported.items() if one["status"] == "True"}
    assert holding == {"Accepted", "Stalled"}
    # Of the data that readers see, which is not there yet, it says nothing.
    assert run.reported["Verified"]["status"] == "Unknown"
    of_run = {kind: one for kind, one in run.reported.items() if kind not in _OTHERS}
    assert {one["status"] for kind, one in of_run.items() if kind != "Stalled"} == {"False"}
    assert len({one["reason"] for one in of_run.values()}) == 1


def test_it_makes_no_hot_loop(node: Node, waiting: Waiting, run: Stuck, namespace: str) -> None:
    seconds = (waiting.ended - waiting.begun).total_seconds()
    calls = [c for c in operator_calls(node, namespace) if waiting.begun <= c.at < waiting.ended]
    writes = [call for call in calls if call.writes]
    assert len(writes) <= WRITES_A_SECOND * seconds, writes
    assert len(calls) - len(writes) <= READS_A_SECOND * seconds, calls


def test_it_goes_on_once_it_is_mended(mended: dict[str, Stuck], run: Stuck, namespace: str) -> None:
    assert run.mended is not None
    assert run.went_on is not None
    run.applied.complete()


def _look(
    cluster: Cluster, runs: dict[str, Stuck], seconds: float, enough: Callable[[Stuck], bool]
) -> None:
    """Look at all of them until each has come far enough, or its time is over: tests tell which."""

    def all_have() -> bool:
        found = statuses(cluster)
        for run in runs.values():
            run.look(found.get((run.applied.namespace, run.applied.name), {}))
        return all(map(enough, runs.values()))

    with suppress(AssertionError):
        wait_for(all_have, seconds, "what the runs tell")
