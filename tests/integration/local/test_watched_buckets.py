"""Who watches a run in a bucket, perhaps for hours, asks it for little and learns what is so."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from rowmill.destinations.credentials import KnownCredentials
from rowmill.destinations.s3.bucket import Bucket, Stored
from rowmill.engine.records import State
from rowmill.local.connections import engine_id
from rowmill.local.records.ledger_reading import LOOKS_FOR_NEWER, watched
from rowmill.local.servers.embedded import EmbeddedServers, exports
from rowmill.plan.runs import Run, RunState
from rowmill.spec.load import load_spec
from rowmill.worker.destinations import Connections, Destinations, open_destinations
from rowmill.worker.live_progress import LiveProgress
from tests.integration.destinations.s3.small_runs import run_of
from tests.integration.experiments import PEOPLE, manifest

PAST = 10


@pytest.fixture
def bucket(name: str, servers: EmbeddedServers, tmp_path: Path) -> Iterator[Destinations]:
    """The destinations of an experiment that writes Parquet alone."""
    content = manifest(name, tables=[PEOPLE], postgres=None, parquet={"prefix": name})
    file = tmp_path / "manifest.yaml"
    file.write_text(json.dumps(content))
    known = KnownCredentials(exports(servers))
    connections = Connections(engine_id(), known, known)
    with closing(open_destinations(load_spec(str(file)), connections)) as opened:
        opened.ledger.ensure()
        yield opened


class Supervisor:
    """Writes what a supervisor would, of runs of which there are many on record."""

    def __init__(self, destinations: Destinations) -> None:
        self._ledger, self._owner = destinations.ledger, destinations.owner
        self._ledger.runs.claim(self._owner, "uid-1")
        for number in range(1, PAST + 1):
            self._ledger.runs.create(replace(self._run(number), state=RunState.COMPLETED))

    def begin(self, number: int) -> Run:
        run = self._ledger.runs.create(self._run(number))
        self.tell(run, 50)
        return run

    def tell(self, run: Run, rows: int) -> None:
        live = LiveProgress("loading", 1, {"people": rows})
        self._ledger.progress.write(run.id, live.to_json(run.plan))

    def end(self, run: Run, state: RunState) -> None:
        assert self._ledger.runs.transition(run.id, frozenset({RunState.RUNNING}), state)

    def _run(self, number: int) -> Run:
        # Another test's run may have the number in this bucket.
        return run_of(self._owner, number, {"people": 500}, run_id=f"{self._owner[-9:]}{number}")


def test_a_look_reads_the_run_and_its_progress_as_often_as_that_is_written(
    bucket: Destinations, monkeypatch: pytest.MonkeyPatch
) -> None:
    supervisor = Supervisor(bucket)
    run = supervisor.begin(PAST + 1)
    reads, paces = _counted(monkeypatch), list[float]()
    looking = watched(bucket, None, paces.append)
    cost = []
    for look in range(LOOKS_FOR_NEWER):
        supervisor.tell(run, 50 + look)
        reads.clear()
        seen = next(looking)
        cost.append(len(reads))
        assert (seen.run.number, seen.run.state, seen.run.rows) == (
            run.number,
            State.RUNNING,
            50 + look,
        )
    assert cost[0] > PAST, "the newest is looked for"
    assert cost[1:] == [2] * (LOOKS_FOR_NEWER - 1), reads
    assert set(paces) == {bucket.ledger.progress.write_seconds}


def test_a_newer_run_is_found_now_and_then_and_when_the_one_watched_has_ended(
    bucket: Destinations,
) -> None:
    supervisor = Supervisor(bucket)
    first = supervisor.begin(PAST + 1)
    looking = watched(bucket, None, lambda seconds: None)
    assert next(looking).run.number == first.number
    supervisor.end(first, RunState.ABORTED)
    second = supervisor.begin(first.number + 1)
    assert next(looking).run.number == second.number, "the first has ended"
    third = supervisor.begin(second.number + 1)
    numbers = []
    for _ in range(LOOKS_FOR_NEWER):
        supervisor.tell(second, 60)
        supervisor.tell(third, 60)
        numbers.append(next(looking).run.number)
    assert numbers[0] == second.number
    assert numbers[-1] == third.number
    supervisor.end(third, RunState.COMPLETED)
    assert [(last.run.number, last.run.state) for last in looking] == [
        (third.number, State.COMPLETED)
    ]


def test_the_run_of_a_number_is_watched_to_its_own_end(bucket: Destinations) -> None:
    supervisor = Supervisor(bucket)
    first = supervisor.begin(PAST + 1)
    looking = watched(bucket, first.number, lambda seconds: None)
    next(looking)
    supervisor.end(first, RunState.ABORTED)
    supervisor.begin(first.number + 1)
    assert [last.run.state for last in looking] == [State.ABORTED]


def _counted(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The keys that are read of any bucket from now on, and the prefixes that are listed."""
    asked: list[str] = []
    read, listing = Bucket.read, Bucket.list

    def counted_read(self: Bucket, key: str) -> Stored | None:
        asked.append(key)
        return read(self, key)

    monkeypatch.setattr(Bucket, "read", counted_read)

    def counted_list(self: Bucket, prefix: str) -> Iterator[object]:
        asked.append(prefix)
        return listing(self, prefix)

    monkeypatch.setattr(Bucket, "list", counted_list)
    return asked
