"""What would begin beside a live run, or remove its data, is a conflict, as it is on a cluster."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from rowmill.destinations.postgres.connection import PostgresAddress
from rowmill.destinations.postgres.ledger.experiment_hold import hold_experiment
from rowmill.engine.interface import Engine
from rowmill.engine.request import ApplyRequest
from rowmill.errors import Conflict
from rowmill.local.connections import engine_id
from rowmill.local.engine import LocalEngine
from rowmill.local.home.folder import Home
from rowmill.local.servers.embedded import EmbeddedServers, exports
from rowmill.terminal.failures import exit_code
from tests.integration.experiments import PEOPLE, manifest
from tests.unit.cluster.fake_cluster import FakeCluster, engine_of, experiment

Held = Callable[[str, str], Engine]


@pytest.fixture
def held(home: Home, servers: EmbeddedServers) -> Iterator[Held]:
    """Makes an engine that is at work on a run of the experiment."""
    with ExitStack() as stack:

        def make(engine: str, name: str) -> Engine:
            if engine == "cluster":
                return engine_of(FakeCluster([experiment()]))
            local = LocalEngine(home)
            content = manifest(name, tables=[{**PEOPLE, "rows": 10}], parquet=None)
            local.apply(ApplyRequest(json.dumps(content)))
            *_, _ = local.watch(name)
            address = PostgresAddress(lambda: exports(servers))
            stack.enter_context(hold_experiment(address, f"{engine_id()}/local/{name}"))
            return local

        yield make


@pytest.mark.parametrize("engine", ["one machine", "cluster"])
def test_a_live_run_is_neither_resumed_nor_reset(engine: str, name: str, held: Held) -> None:
    at_work = held(engine, name)
    for change in (at_work.resume, at_work.reset):
        with pytest.raises(Conflict) as refused:
            change("shop" if engine == "cluster" else name)
        assert exit_code(refused.value) == 2


def test_on_one_machine_a_live_run_is_neither_left_behind_nor_deleted(
    name: str, held: Held
) -> None:
    at_work = held("one machine", name)
    with pytest.raises(Conflict, match="is live"):
        at_work.rerun(name)
    with pytest.raises(Conflict, match="is live"):
        at_work.delete(name, purge=True)
