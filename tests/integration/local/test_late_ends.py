"""A supervisor that lost its lock to another does not end the run that the other has taken up."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from threading import Event
from types import SimpleNamespace
from typing import Any

import pytest

from rowmill.destinations.credentials import KnownCredentials
from rowmill.destinations.ledger import ExperimentHold
from rowmill.destinations.postgres.ledger.advisory_locks import fence_shared
from rowmill.local.run import execution
from rowmill.local.run.execution import Execution
from rowmill.local.run.progress import Phase
from rowmill.local.run.run_signals import Signals
from rowmill.local.servers.embedded import EmbeddedServers, exports
from rowmill.plan.runs import Run, RunState
from rowmill.worker.destinations import Connections, Destinations
from tests.integration.experiments import Connection, manifest
from tests.integration.worker.env import Env

ENDS = pytest.mark.parametrize(
    ("phase", "state"),
    [(Phase.FAILED, RunState.FAILED), (Phase.INTERRUPTED, RunState.ABORTED)],
    ids=["failed", "interrupted"],
)
HOLDS = "application_name ~ '^rowmill supervisor' AND datname = current_database()"
HOLDER = (
    "SELECT pid FROM pg_locks JOIN pg_stat_activity USING (pid) "
    f"WHERE locktype = 'advisory' AND granted AND {HOLDS} ORDER BY backend_start DESC LIMIT 1"
)
Late = tuple[Execution, Destinations, Run, list[str]]


@pytest.fixture
def late(name: str, servers: EmbeddedServers, monkeypatch: pytest.MonkeyPatch) -> Iterator[Late]:
    """A run at work, and its supervisor; to it is written whether its end was left untold."""
    monkeypatch.setattr(execution, "REPORT_SECONDS", 60.0)
    known = KnownCredentials(exports(servers))
    env = Env(manifest(name, parquet=None), Connections("tests", known, known))
    nothing: Any = SimpleNamespace()
    untold: list[str] = []
    hooks: Any = SimpleNamespace(untold=lambda: untold.append("untold"))
    board: Any = SimpleNamespace(turn=lambda phase: None)
    with closing(env.open_destinations()) as destinations:
        run = env.prepare(destinations).run
        with destinations.ledger.locks.hold_experiment(run.owner) as hold:
            made = Execution(
                spec=env.spec,
                connections=env.connections,
                destinations=destinations,
                prepared=nothing,
                durable=nothing,
                workers=1,
                hold=hold,
                signals=Signals(),
                board=board,
                started=0.0,
                request=nothing,
                hooks=hooks,
                spare=[],
            )
            yield made, destinations, run, untold


@contextmanager
def taken_over(
    destinations: Destinations, database: Connection, run: Run
) -> Iterator[ExperimentHold]:
    """The hold of another supervisor, which came once the first one's session had ended."""
    (holder,) = database.execute(HOLDER).fetchone() or (None,)
    database.execute("SELECT pg_terminate_backend(%s, 10000)", (holder,))
    with destinations.ledger.locks.hold_experiment(run.owner) as hold:
        yield hold


def state_of(destinations: Destinations, run: Run) -> RunState | None:
    found = destinations.ledger.runs.find(run.id)
    return found.state if found else None


@ENDS
def test_the_end_of_who_has_the_lock_is_written(late: Late, phase: Phase, state: RunState) -> None:
    supervisor, destinations, run, untold = late
    supervisor._end(run, phase, state, "it ended")
    assert (state_of(destinations, run), untold) == (state, [])


@ENDS
def test_a_late_end_does_not_stop_the_run_of_who_took_it_up(
    late: Late, database: Connection, phase: Phase, state: RunState
) -> None:
    supervisor, destinations, run, untold = late
    with taken_over(destinations, database, run) as other:
        supervisor._end(run, phase, state, "it ended")
        assert not other.lost()
    assert (state_of(destinations, run), untold) == (RunState.RUNNING, ["untold"])


@ENDS
def test_nor_does_an_end_that_waited_at_the_fence_while_the_lock_went(
    late: Late, database: Connection, phase: Phase, state: RunState
) -> None:
    supervisor, destinations, run, untold = late
    waiting = "SELECT FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
    with ThreadPoolExecutor(1) as pool:
        with database.transaction():
            fence_shared(database.cursor(), run.id)
            ended = pool.submit(supervisor._end, run, phase, state, "it ended")
            while not ended.done() and database.execute(waiting).fetchone() is None:
                Event().wait(0.01)
            other = taken_over(destinations, database, run)
            other.__enter__()
        ended.result(60)
        other.__exit__(None, None, None)
    assert (state_of(destinations, run), untold) == (RunState.RUNNING, ["untold"])
