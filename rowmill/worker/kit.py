"""Put together what a worker needs for one run: generator, copier, uploader, ledger readings."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from rowmill.destinations.copy_encoding import CopyEncoder
from rowmill.destinations.copy_loader import PostgresLoader
from rowmill.destinations.ledger import Run
from rowmill.destinations.parquet_part import PartUpload
from rowmill.generate.rows import Generator
from rowmill.plan.layout import Part
from rowmill.spec.dataset import Dataset, Spec
from rowmill.worker.destinations import Destinations
from rowmill.worker.pools import load_pools
from rowmill.worker.shard import Copier, Kit, Uploader


def generator_for(run: Run, dataset: Dataset, destinations: Destinations) -> Generator:
    """The generator of a run's rows, by the data version that its plan froze."""
    frozen = replace(dataset, data_version=run.plan.data_version)
    return Generator(frozen, load_pools(frozen, destinations.ledger))


@contextmanager
def kit_for(run: Run, spec: Spec, destinations: Destinations) -> Iterator[Kit]:
    """A kit for shards of `run`; its connections close with the block."""
    with _copier(run, spec, destinations) as copier:
        yield Kit(
            plan=run.plan,
            generator=generator_for(run, spec.dataset, destinations),
            copier=copier,
            uploader=uploader_for(run, spec.dataset, destinations),
            durable=lambda: destinations.durable(run),
        )


def uploader_for(run: Run, dataset: Dataset, destinations: Destinations) -> Uploader | None:
    """How parts of `run` reach the bucket, or None without one."""
    lake = destinations.lake
    if lake is None:
        return None

    def open_part(part: Part) -> PartUpload:
        return lake.open_part(run, dataset.table(part.table), part)

    return Uploader(open_part, lambda pending: destinations.ledger.record_part(run.id, pending))


@contextmanager
def _copier(run: Run, spec: Spec, destinations: Destinations) -> Iterator[Copier | None]:
    if destinations.postgres is None or spec.postgres is None:
        yield None
        return
    encoders = {table.name: CopyEncoder(table) for table in spec.dataset.tables}
    with PostgresLoader(
        destinations.postgres, run, spec.postgres.ledger_schema, spec.dataset.tables
    ) as loader:
        yield Copier(lambda table, slices: encoders[table].encode(slices), loader.load)
