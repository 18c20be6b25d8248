"""What a worker does to a run, step by step and in this process."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection
from threading import Event
from typing import Any

from rowmill.destinations.ledger import PendingPart
from rowmill.engine.request import Mode
from rowmill.plan.freeze import freeze
from rowmill.plan.layout import Batch, Plan
from rowmill.plan.run_source import RunSource
from rowmill.plan.runs import Run, RunState
from rowmill.spec.dataset import Spec
from rowmill.spec.load import load_spec
from rowmill.worker.destinations import Connections, Destinations, open_destinations
from rowmill.worker.finalize import finalize
from rowmill.worker.shard import run_parts
from rowmill.worker.shard_context import shard_context_for
from rowmill.worker.start.cluster_run import prepare_numbered
from rowmill.worker.start.local_run import prepare
from rowmill.worker.start.prepared import Ahead, Prepared
from tests.integration.experiments import Manifest


class Counts:
    """A report that counts rows by what was done to them."""

    def __init__(self) -> None:
        self.made: dict[str, int] = {}
        self.stored: dict[str, int] = {}

    def generated(self, table: str, rows: int) -> None:
        self.made[table] = self.made.get(table, 0) + rows

    def copied(self, batch: Batch, size: int) -> None:
        self.stored[batch.table] = self.stored.get(batch.table, 0) + batch.rows

    def uploaded(self, table: str, rows: int) -> None:
        pass

    def recorded(self, part: PendingPart) -> None:
        pass


class Env:
    """One experiment's manifest and what workers and supervisors do with it."""

    def __init__(self, content: Manifest, connections: Connections) -> None:
        self.text = json.dumps(content)
        self.spec: Spec = load_spec("manifest", text=self.text)
        self.connections = connections

    def open_destinations(self) -> Destinations:
        return open_destinations(self.spec, self.connections)

    def prepare(
        self,
        destinations: Destinations,
        *,
        mode: Mode = Mode.AUTO,
        adopt: str | None = None,
        agreed: Collection[str] | None = None,
        admit: Callable[[Ahead], None] = lambda ahead: None,
    ) -> Prepared:
        source = RunSource(self.text)
        destinations.ledger.ensure()
        return prepare(
            self.spec,
            destinations,
            plan_of,
            mode=mode,
            adopt=adopt,
            source=source,
            agreed=agreed,
            admit=admit,
        )

    def load(self, destinations: Destinations, run: Run, parts: int | None = None) -> Counts:
        """Run the first `parts` parts of the plan, by default all."""
        counts = Counts()
        wanted = list(run.plan.parts())[:parts]
        run_parts(shard_context_for(run, self.spec, destinations), wanted, Event(), counts)
        return counts

    def finalize(self, destinations: Destinations, run: Run) -> list[str]:
        steps: list[str] = []
        context = shard_context_for(run, self.spec, destinations)
        finalize(
            context, run, self.spec, destinations, Event(), Counts(), steps.append, connections=2
        )
        return steps

    def complete(self, destinations: Destinations, mode: Mode = Mode.AUTO) -> Run:
        """A whole run, published."""
        run = self.prepare(destinations, mode=mode).run
        self.load(destinations, run)
        self.finalize(destinations, run)
        return run


def plan_of(spec: Spec) -> Plan:
    """The plan that a new run of a spec would freeze."""
    return freeze(
        spec.dataset,
        digest=spec.digest,
        parallelism=1,
        worker_memory=2**30,
        parquet_types=spec.parquet_types,
        batch_rows=spec.batch_rows,
    )


def pod(env: Env, destinations: Destinations, uid: str, number: int, **how: Any) -> Prepared:
    """What a pod of the run does first."""
    source = RunSource(env.text)
    how = {"adopt": None, "source": source, **how}
    destinations.ledger.ensure()
    return prepare_numbered(
        env.spec, destinations, plan_of(env.spec), uid=uid, number=number, **how
    )


def state(destinations: Destinations, run: Run) -> RunState:
    known = destinations.ledger.runs.find(run.id)
    assert known is not None
    return known.state
