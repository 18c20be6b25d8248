"""What a worker needs to run shards of one run: generator, copier, uploader, ledger readings."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import pyarrow as pa

from rowmill.destinations.ledger import PendingPart, Pools
from rowmill.destinations.postgres.copy.encoding import CopyEncoder
from rowmill.destinations.postgres.copy.loader import PostgresLoader
from rowmill.generate.rows import Generator
from rowmill.plan.layout import Batch, Part, Plan
from rowmill.plan.runs import Run
from rowmill.spec.dataset import Dataset, Spec
from rowmill.worker.destinations import Destinations
from rowmill.worker.pools import load_pools
from rowmill.worker.remaining import Durable

Slices = list[pa.RecordBatch]


class Source(Protocol):
    """Makes the rows, as generate/rows.py offers it."""

    def batch(self, table: str, start: int, stop: int) -> pa.RecordBatch: ...


class Upload(Protocol):
    """One part's upload, as destinations/lake/parquet_part.py offers it."""

    def write(self, batches: Sequence[pa.RecordBatch]) -> None: ...

    def close(self) -> PendingPart: ...

    def abort(self) -> None: ...


@dataclass(frozen=True)
class Copier:
    """How batches reach Postgres: `load` says whether it copied (False: it was there)."""

    encode: Callable[[str, Slices], Sequence[bytes]]
    load: Callable[[Batch, Sequence[bytes]], bool]


@dataclass(frozen=True)
class Uploader:
    """How parts reach the bucket: `record` makes a finished upload count."""

    open: Callable[[Part], Upload]
    record: Callable[[PendingPart], bool]


@dataclass(frozen=True)
class ShardContext:
    """What a worker needs to run shards of one run."""

    plan: Plan
    generator: Source
    copier: Copier | None
    uploader: Uploader | None
    durable: Callable[[], Durable]


def generator_for(dataset: Dataset, pools: Pools) -> Generator:
    """The generator of a run's rows; `dataset` is of the data version that its plan froze."""
    return Generator(dataset, load_pools(dataset, pools))


def shard_context_for(run: Run, spec: Spec, destinations: Destinations) -> ShardContext:
    """The context for the shards of `run`, by the data version that its plan froze."""
    spec = spec.at(run.plan.data_version)
    return ShardContext(
        plan=run.plan,
        generator=generator_for(spec.dataset, destinations.ledger.pools),
        copier=_copier(run, spec, destinations),
        uploader=_uploader(run, spec.dataset, destinations),
        durable=lambda: destinations.settled(run),
    )


def _uploader(run: Run, dataset: Dataset, destinations: Destinations) -> Uploader | None:
    lake = destinations.lake
    if lake is None:
        return None
    return Uploader(
        lambda part: lake.open_part(run, dataset, part),
        lambda pending: destinations.ledger.work.record_part(run.id, pending),
    )


def _copier(run: Run, spec: Spec, destinations: Destinations) -> Copier | None:
    if destinations.session is None or spec.postgres is None:
        return None
    tables = spec.dataset.tables
    encoders = {table.name: CopyEncoder(table) for table in tables}
    loader = PostgresLoader(destinations.session, run, spec.postgres.ledger_schema, tables)
    return Copier(lambda table, slices: encoders[table].encode(slices), loader.load)
