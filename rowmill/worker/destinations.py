"""Open the destinations of one experiment: its ledger, its warehouse and its lake."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial

from rowmill.destinations.credentials import ReadingLogin
from rowmill.destinations.lake.lake import Lake
from rowmill.destinations.lake.ledger.bucket_ledger import BucketLedger
from rowmill.destinations.ledger import Ledger
from rowmill.destinations.patience import Patience, ReportWait, Wait, Waiting, unreported
from rowmill.destinations.postgres.connection import PostgresAddress
from rowmill.destinations.postgres.ledger.postgres_ledger import PostgresLedger
from rowmill.destinations.postgres.session import PostgresSession
from rowmill.destinations.postgres.warehouse.warehouse import Warehouse
from rowmill.destinations.s3.client import S3Address
from rowmill.plan.intervals import Interval
from rowmill.plan.runs import Run
from rowmill.spec.dataset import Spec
from rowmill.worker.remaining import Durable, parts_kept
from rowmill.worker.run_spec import made_from

# A misspelt port looks as a server that is down does; nobody waits ten minutes for a typo. On a
# cluster it may be starting beside this pod, and what a supervisor reached is no typo.
CONTACT_SECONDS = 5.0

Credentials = Callable[[], Mapping[str, str]]


@dataclass(frozen=True)
class Connections:
    """How to reach what a spec names: picklable credential sources, None for what it lacks.

    `engine` is the first part of the owner key. `reader` logs in to Postgres for a person's
    queries; None where none are asked, as in a pod.
    """

    engine: str
    postgres: Credentials | None
    s3: Credentials | None
    reader: Callable[[], ReadingLogin] | None = None


@dataclass(frozen=True)
class Destinations:
    """The destinations of one experiment; `warehouse` or `lake` is None where it has none.

    `session` is the one connection to Postgres that all share: one thread at a time may use it.
    `reopen` opens what another spec names, by the same credentials.
    """

    spec: Spec
    owner: str
    ledger: Ledger
    session: PostgresSession | None
    warehouse: Warehouse | None
    lake: Lake | None
    reopen: Callable[[Spec], Destinations]

    def durable(self, run: Run) -> Durable:
        """What the ledger holds of `run`, to be shown: a crash may take the last of it."""
        return self._durable(run, self.ledger.work.done_batches)

    def settled(self, run: Run) -> Durable:
        """The same, to go by: no crash takes any of it. Only who may write can ask for it."""
        return self._durable(run, self.ledger.work.settled_batches)

    def _durable(self, run: Run, read: Callable[[str], dict[str, list[Interval]]]) -> Durable:
        batches = read(run.id) if self.warehouse else None
        if self.lake is None:
            return Durable(batches, None)
        return Durable(batches, parts_kept(run.plan, self.ledger.work.pending_parts(run.id)))

    def index_bytes(self, run: Run) -> int:
        """The bytes of the keys and indexes that an unfinished `run` has made."""
        return self.warehouse.index_bytes(run) if self.warehouse is not None else 0

    def close(self) -> None:
        self.ledger.close()
        if self.lake is not None:
            self.lake.close()


def owner_key(engine: str, spec: Spec) -> str:
    """The owner key of an experiment: `engine/namespace/name`."""
    return f"{engine}/{spec.namespace}/{spec.name}"


def engine_of(owner: str, spec: Spec) -> str | None:
    """The engine of an owner key of this experiment's name; None of another's."""
    rest = f"/{spec.namespace}/{spec.name}"
    return owner.removesuffix(rest) if owner.endswith(rest) else None


def open_destinations(
    spec: Spec,
    connections: Connections,
    *,
    patience: Patience | None = None,
    retried: Callable[[str], None] = lambda destination: None,
) -> Destinations:
    """Open what `spec` names; connects to nothing yet.

    Args:
        patience: how long to try, and who is told meanwhile; by default `one_machine`'s.
        retried: told of each failure that is met with another try, by the destination's word in the
            manifest, to be counted.
    """
    patience = patience or one_machine()
    reopen = partial(open_destinations, connections=connections, patience=patience, retried=retried)
    owner = owner_key(connections.engine, spec)
    target, s3 = spec.parquet, _s3(spec, connections)
    for_s3 = _counted(patience, partial(retried, "parquet"))
    lake = None
    if s3 is not None and target is not None:
        lake = Lake(s3, target, owner, patience=for_s3)
    if spec.postgres is not None and connections.postgres is not None:
        address = PostgresAddress(
            connections.postgres, patience=_counted(patience, partial(retried, "postgres"))
        )
        session = PostgresSession(address)
        return Destinations(
            spec=spec,
            owner=owner,
            ledger=PostgresLedger(session, spec.postgres.ledger_schema),
            session=session,
            warehouse=Warehouse(session, spec.postgres, owner, made_from),
            lake=lake,
            reopen=reopen,
        )
    if s3 is None or target is None:
        raise AssertionError("a valid spec names a destination, and connections reach it")
    return Destinations(
        spec=spec,
        owner=owner,
        ledger=BucketLedger(s3, target, patience=for_s3),
        session=None,
        warehouse=None,
        lake=lake,
        reopen=reopen,
    )


def one_machine(
    report: ReportWait = unreported, *, sleep: Callable[[float], None] = time.sleep
) -> Patience:
    """The patience of a person's machine, for a command or a supervisor."""
    return Patience(contact_seconds=CONTACT_SECONDS, sleep=sleep, report=report)


def _counted(patience: Patience, retried: Callable[[], None]) -> Patience:
    def report(wait: Wait) -> None:
        if isinstance(wait, Waiting):
            retried()
        patience.report(wait)

    return replace(patience, report=report)


def _s3(spec: Spec, connections: Connections) -> S3Address | None:
    target = spec.parquet
    if target is None or connections.s3 is None:
        return None
    return S3Address(
        connections.s3, endpoint=target.endpoint, region=target.region, ambient=target.ambient
    )
