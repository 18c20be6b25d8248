"""A destination in memory, of one table, for what a server would only make slow."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

import numpy as np
import pyarrow as pa

from rowmill.destinations.stored_rows import Places, StoredRows
from rowmill.engine.verification import Comparison, Problem
from rowmill.generate.rows import Generator
from rowmill.plan.freeze import freeze
from rowmill.plan.runs import Run, RunState
from rowmill.spec.dataset import Table
from rowmill.spec.load import load_spec
from rowmill.verify.compare import verify
from rowmill.worker.pools import make_pools

_PIECE = 700


class MemoryStore:
    name = "memory"
    by_part = False

    def __init__(self, rows: pa.Table) -> None:
        self._rows = rows.combine_chunks()

    def inspect(self, table: Table) -> list[Problem]:
        return []

    def pieces(self, table: Table) -> int:
        return max(1, -(-len(self._rows) // _PIECE))

    def rows(self, table: Table, piece: int, *, places: bool = False) -> Iterator[StoredRows]:
        start = piece * _PIECE
        yield self._stored(np.arange(start, min(len(self._rows), start + _PIECE)))

    def piece_problems(self, table: Table, piece: int) -> list[Problem]:
        return []

    def rows_at(self, table: Table, places: Places) -> Iterator[StoredRows]:
        yield self._stored(places[::-1])

    def describe(self, table: Table, place: int) -> str:
        return f"memory row {place}"

    def _stored(self, places: Places) -> StoredRows:
        picked = self._rows.take(pa.array(places)).combine_chunks()
        columns = [
            column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
            for column in picked.columns
        ]
        return StoredRows(columns, len(places), places)


class OneTable:
    """A dataset of one table, given by its columns in the manifest's words."""

    def __init__(self, columns: str, *, rows: int, key: str = "[]") -> None:
        text = (
            "{apiVersion: rowmill.dev/v1alpha1, kind: Experiment, metadata: {name: one}, spec: "
            f"{{tables: [{{name: t, rows: {rows}, primaryKey: {key}, columns: [{columns}]}}], "
            "destinations: {postgres: {}}}}"
        )
        if key == "[]":
            text = text.replace(" primaryKey: [],", "")
        self.spec = load_spec("one", text=text)
        self.table = self.spec.dataset.tables[0]
        plan = freeze(
            self.spec.dataset,
            digest=self.spec.digest,
            parallelism=1,
            worker_memory=2**30,
            parquet_types=self.spec.parquet_types,
            batch_rows=1000,
        )
        self.run = Run(
            id="r1",
            owner="engine/local/one",
            uid="uid",
            number=1,
            state=RunState.COMPLETED,
            plan=plan,
            started_at=datetime(2026, 1, 2, tzinfo=UTC),
            finished_at=None,
            message="",
            summary={},
        )

    def generator(self) -> Generator:
        return Generator(self.spec.dataset, make_pools(self.spec.dataset))

    def rows(self) -> pa.Table:
        generator = self.generator()
        batch = generator.batch("t", 0, self.table.rows)
        return pa.Table.from_batches([batch]).cast(generator.arrow_schema("t"))

    def compare(self, stored: pa.Table, *, workers: int = 1) -> Comparison:
        store = MemoryStore(stored)
        report = verify(self.run, self.spec.dataset, self.generator, [store], workers=workers)
        return report.tables[0].comparisons[0]
