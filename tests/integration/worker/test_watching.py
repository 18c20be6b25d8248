"""Who looks at a run sees how far it is and whether anybody is at work, and is in nobody's way."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Event

import pytest

from rowmill.engine.records import State
from rowmill.local.records.run_reading import read_progress, watch_progress
from rowmill.plan.run_source import ClusterPart, RunSource
from rowmill.plan.runs import Run
from rowmill.worker.destinations import Destinations
from rowmill.worker.live_progress import LiveProgress
from rowmill.worker.reading import abandoned
from tests.integration.experiments import Connection, Manifest, manifest
from tests.integration.worker.env import Env, pod

Opened = Callable[[Manifest], tuple[Env, Destinations]]
EACH = pytest.mark.parametrize("postgres", [{}, None], ids=["both", "bucket"])
# Other figures than the ledger's own, which has 2,500 of people.
TOLD = LiveProgress("loading", 4, {"people": 1_000}, 500.0, 3.0)


def loaded(env: Env, destinations: Destinations) -> Run:
    """A run of which the first part is durable, and at which nobody is at work."""
    run = env.prepare(destinations).run
    env.load(destinations, run, parts=1)
    return run


@EACH
def test_a_watcher_takes_the_supervisors_word_and_status_the_ledgers(
    name: str, opened: Opened, postgres: dict[str, str] | None
) -> None:
    env, destinations = opened(manifest(name, postgres=postgres))
    run = loaded(env, destinations)
    destinations.ledger.progress.write(run.id, TOLD.to_json(run.plan))
    with destinations.ledger.locks.hold_experiment(run.owner):
        seen, exact = watch_progress(run, destinations), read_progress(run, destinations)
    assert (seen.run.rows, exact.run.rows) == (1_000, 2_500)
    for found in (seen, exact):
        assert (found.run.state, found.step, found.workers) == (State.RUNNING, "loading", 4)
        assert found.last_updated is not None


@pytest.mark.usefixtures("long_started")
def test_a_watcher_reads_the_ledger_once_the_supervisor_tells_no_more(
    name: str, opened: Opened, database: Connection
) -> None:
    env, destinations = opened(manifest(name))
    run = loaded(env, destinations)
    destinations.ledger.progress.write(run.id, TOLD.to_json(run.plan))
    database.execute(
        "UPDATE rowmill.progress SET updated_at = updated_at - interval '1 minute' "
        "WHERE run_id = %s",
        (run.id,),
    )
    with destinations.ledger.locks.hold_experiment(run.owner):
        silent = watch_progress(run, destinations)
    dead = watch_progress(run, destinations)
    assert [each.run.state for each in (silent, dead)] == [State.RUNNING, State.INTERRUPTED]
    for found in (silent, dead):
        assert (found.run.rows, found.step, found.workers) == (2_500, None, None)


@EACH
def test_a_run_of_an_operator_is_never_interrupted(
    name: str, opened: Opened, postgres: dict[str, str] | None
) -> None:
    env, destinations = opened(manifest(name, postgres=postgres))
    source = RunSource(env.text, cluster=ClusterPart("team", {}))
    run = pod(env, destinations, "uid", 1, source=source).run
    assert not abandoned(run, destinations.ledger)
    assert read_progress(run, destinations).run.state is State.RUNNING


@EACH
def test_who_looks_refuses_no_run_that_starts(
    name: str, opened: Opened, postgres: dict[str, str] | None
) -> None:
    content = manifest(name, postgres=postgres)
    env, destinations = opened(content)
    run = env.prepare(destinations).run
    over = Event()

    def look() -> int:
        looks = 0
        _, own = opened(content)
        while not over.is_set():
            abandoned(run, own.ledger)
            looks += 1
        return looks

    with ThreadPoolExecutor(3) as pool:
        watchers = [pool.submit(look) for _ in range(3)]
        for _ in range(20):
            with destinations.ledger.locks.hold_experiment(run.owner):
                assert not abandoned(run, destinations.ledger)
        over.set()
    assert all(watcher.result() > 0 for watcher in watchers)
