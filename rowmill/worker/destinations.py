"""Open the destinations of one experiment: its ledger, its warehouse and its lake.

Each is opened when it is first asked for, and what it is made of, Arrow and drivers, imported then:
whoever looks at a run reads the ledger alone, which takes little of it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property, partial
from typing import TYPE_CHECKING

from rowmill.destinations.credentials import ReadingLogin
from rowmill.destinations.ledger import Ledger
from rowmill.destinations.patience import Patience, ReportWait, Wait, Waiting, unreported
from rowmill.plan.intervals import Interval
from rowmill.plan.runs import Run
from rowmill.spec.dataset import ParquetTarget, PostgresTarget, Spec
from rowmill.worker.remaining import Durable, parts_kept

if TYPE_CHECKING:
    from rowmill.destinations.lake.lake import Lake
    from rowmill.destinations.postgres.session import PostgresSession
    from rowmill.destinations.postgres.warehouse.warehouse import Warehouse
    from rowmill.destinations.s3.client import S3Address

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
    """The destinations of one experiment.

    `session` is the one connection to Postgres that all share: one thread at a time may use it.
    `open_warehouse` and `open_lake` are None where it has none. `reopen` opens what another spec
    names, by the same credentials.
    """

    spec: Spec
    owner: str
    ledger: Ledger
    session: PostgresSession | None
    open_warehouse: Callable[[], Warehouse] | None
    open_lake: Callable[[], Lake] | None
    reopen: Callable[[Spec], Destinations]

    @cached_property
    def warehouse(self) -> Warehouse | None:
        """Its tables in Postgres; None where it has none."""
        return None if self.open_warehouse is None else self.open_warehouse()

    @cached_property
    def lake(self) -> Lake | None:
        """Its place in a bucket; None where it has none."""
        return None if self.open_lake is None else self.open_lake()

    def durable(self, run: Run) -> Durable:
        """What the ledger holds of `run`, to be shown: a crash may take the last of it."""
        return self._durable(run, self.ledger.work.done_batches)

    def settled(self, run: Run) -> Durable:
        """The same, to go by: no crash takes any of it. Only who may write can ask for it."""
        return self._durable(run, self.ledger.work.settled_batches)

    def _durable(self, run: Run, read: Callable[[str], dict[str, list[Interval]]]) -> Durable:
        batches = None if self.open_warehouse is None else read(run.id)
        if self.open_lake is None:
            return Durable(batches, None)
        return Durable(batches, parts_kept(run.plan, self.ledger.work.pending_parts(run.id)))

    def index_bytes(self, run: Run) -> int:
        """The bytes of the keys and indexes that an unfinished `run` has made."""
        return self.warehouse.index_bytes(run) if self.warehouse is not None else 0

    def close(self) -> None:
        self.ledger.close()
        # What was never used is not opened to be closed.
        lake: Lake | None = vars(self).get("lake")
        if lake is not None:
            lake.close()


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
    session: PostgresSession | None = None,
) -> Destinations:
    """Open what `spec` names; connects to nothing yet.

    Args:
        patience: how long to try, and who is told meanwhile; by default `one_machine`'s.
        retried: told of each failure that is met with another try, by the destination's word in the
            manifest, to be counted.
        session: another experiment's by the same credentials, to be shared in place of a new one.
    """
    patience = patience or one_machine()
    reopen = partial(open_destinations, connections=connections, patience=patience, retried=retried)
    owner = owner_key(connections.engine, spec)
    for_s3 = _counted(patience, partial(retried, "parquet"))
    open_lake = None
    if spec.parquet is not None and connections.s3 is not None:
        open_lake = partial(_lake, spec.parquet, connections.s3, owner, for_s3)
    if spec.postgres is not None and connections.postgres is not None:
        for_postgres = _counted(patience, partial(retried, "postgres"))
        session = session or _session(connections.postgres, for_postgres)
        return Destinations(
            spec=spec,
            owner=owner,
            ledger=_postgres_ledger(session, spec.postgres),
            session=session,
            open_warehouse=partial(_warehouse, session, spec.postgres, owner),
            open_lake=open_lake,
            reopen=reopen,
        )
    if spec.parquet is None or connections.s3 is None:
        raise AssertionError("a valid spec names a destination, and connections reach it")
    return Destinations(
        spec=spec,
        owner=owner,
        ledger=_bucket_ledger(spec.parquet, connections.s3, for_s3),
        session=None,
        open_warehouse=None,
        open_lake=open_lake,
        reopen=reopen,
    )


def import_destinations(spec: Spec) -> None:
    """Import now what the destinations of `spec` would import when they are opened and used."""
    opened = open_destinations(spec, Connections("", dict, dict))
    _ = opened.warehouse, opened.lake


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


def _session(credentials: Credentials, patience: Patience) -> PostgresSession:
    from rowmill.destinations.postgres.connection import PostgresAddress
    from rowmill.destinations.postgres.session import PostgresSession

    return PostgresSession(PostgresAddress(credentials, patience=patience))


def _postgres_ledger(session: PostgresSession, target: PostgresTarget) -> Ledger:
    from rowmill.destinations.postgres.ledger.postgres_ledger import PostgresLedger

    return PostgresLedger(session, target.ledger_schema)


def _warehouse(session: PostgresSession, target: PostgresTarget, owner: str) -> Warehouse:
    from rowmill.destinations.postgres.warehouse.warehouse import Warehouse
    from rowmill.worker.run_spec import made_from

    return Warehouse(session, target, owner, made_from)


def _bucket_ledger(target: ParquetTarget, credentials: Credentials, patience: Patience) -> Ledger:
    from rowmill.destinations.lake.ledger.bucket_ledger import BucketLedger

    return BucketLedger(_s3(target, credentials), target, patience=patience)


def _lake(target: ParquetTarget, credentials: Credentials, owner: str, patience: Patience) -> Lake:
    from rowmill.destinations.lake.lake import Lake

    return Lake(_s3(target, credentials), target, owner, patience=patience)


def _s3(target: ParquetTarget, credentials: Credentials) -> S3Address:
    from rowmill.destinations.s3.client import S3Address

    return S3Address(
        credentials, endpoint=target.endpoint, region=target.region, ambient=target.ambient
    )
