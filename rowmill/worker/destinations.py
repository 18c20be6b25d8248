"""Join the destinations of one experiment: its ledger, its warehouse and its lake."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from rowmill.destinations.lake import Lake
from rowmill.destinations.ledger import Ledger, Run
from rowmill.destinations.ledger_bucket import BucketLedger
from rowmill.destinations.ledger_postgres import PostgresLedger
from rowmill.destinations.postgres_connection import PostgresAddress, PostgresSession
from rowmill.destinations.s3_client import S3Address
from rowmill.destinations.warehouse import Warehouse
from rowmill.spec.dataset import Spec
from rowmill.worker.remaining import Durable

Credentials = Callable[[], Mapping[str, str]]


@dataclass(frozen=True)
class Connections:
    """How to reach what a spec names: picklable credential sources, None for what it lacks.

    `engine` is the first part of the owner key.
    """

    engine: str
    postgres: Credentials | None
    s3: Credentials | None


@dataclass(frozen=True)
class Destinations:
    """The destinations of one experiment; `warehouse` or `lake` is None where it has none.

    `session` is the one connection to Postgres that the ledger and the copying share: one thread
    at a time may use either.
    """

    owner: str
    ledger: Ledger
    session: PostgresSession | None
    warehouse: Warehouse | None
    lake: Lake | None

    def durable(self, run: Run) -> Durable:
        """What the ledger holds of `run`."""
        batches = self.ledger.done_batches(run.id) if self.warehouse else None
        parts = frozenset(self.ledger.pending_parts(run.id)) if self.lake else None
        return Durable(batches, parts)

    def close(self) -> None:
        self.ledger.close()


def owner_key(engine: str, spec: Spec) -> str:
    """The owner key of an experiment: `engine/namespace/name`."""
    return f"{engine}/{spec.namespace}/{spec.name}"


def join(spec: Spec, connections: Connections) -> Destinations:
    """Open what `spec` names; connects to nothing yet."""
    owner = owner_key(connections.engine, spec)
    s3 = _s3(spec, connections)
    lake = Lake(s3, spec.parquet, owner) if s3 and spec.parquet else None
    if spec.postgres is not None and connections.postgres is not None:
        session = PostgresSession(PostgresAddress(connections.postgres))
        schema = spec.postgres.ledger_schema
        warehouse = Warehouse(session.address, spec.postgres, owner)
        return Destinations(
            owner, PostgresLedger(session.address, schema), session, warehouse, lake
        )
    if s3 is None or spec.parquet is None:
        raise AssertionError("a valid spec names a destination, and connections reach it")
    return Destinations(owner, BucketLedger(s3, spec.parquet), None, None, lake)


def _s3(spec: Spec, connections: Connections) -> S3Address | None:
    target = spec.parquet
    if target is None or connections.s3 is None:
        return None
    return S3Address(
        connections.s3, endpoint=target.endpoint, region=target.region, ambient=target.ambient
    )
