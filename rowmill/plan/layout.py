"""The plan of a run: which rows make a batch, which batches a part, which parts a shard.

A plan is frozen when a run starts and never changes on resume, so that "batch 17 of orders" means
the same rows to every worker that ever touches the run.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any

from rowmill.counting import counted
from rowmill.spec.dataset import ParquetTypes

# What a worker takes before its first batch: interpreter, Arrow, drivers, pools.
WORKER_BASELINE_BYTES = 140 * 2**20
# A batch is alive in several shapes at once: Arrow, wire image, Parquet pages, queues.
BATCH_SHAPES = 8


@dataclass(frozen=True)
class Batch:
    """Rows [start, stop) of a table: the atom of the COPY transaction and of the checkpoint."""

    table: str
    number: int
    start: int
    stop: int

    @property
    def rows(self) -> int:
        return self.stop - self.start


@dataclass(frozen=True)
class Part:
    """Batches [first_batch, stop_batch) of a table, which are rows [start, stop): one object."""

    table: str
    number: int
    first_batch: int
    stop_batch: int
    start: int
    stop: int

    @property
    def rows(self) -> int:
        return self.stop - self.start


@dataclass(frozen=True)
class TableLayout:
    """How one table is cut. `row_bytes` is the estimated width of a row, uncompressed.

    A part holds `part_batches` batches (the last may hold fewer), a row group `group_batches`.
    """

    table: str
    rows: int
    row_bytes: int
    batch_rows: int
    part_batches: int
    group_batches: int

    @property
    def batches(self) -> int:
        return -(-self.rows // self.batch_rows)

    @property
    def parts(self) -> int:
        """A table of no rows has one part, which is empty."""
        return max(1, -(-self.batches // self.part_batches))

    def batch(self, number: int) -> Batch:
        start = number * self.batch_rows
        return Batch(self.table, number, start, min(self.rows, start + self.batch_rows))

    def part(self, number: int) -> Part:
        first = number * self.part_batches
        stop = min(self.batches, first + self.part_batches)
        start = first * self.batch_rows
        return Part(self.table, number, first, stop, start, min(self.rows, stop * self.batch_rows))

    def batches_of(self, part: Part) -> Iterator[Batch]:
        return map(self.batch, range(part.first_batch, part.stop_batch))

    def rows_of(self, first: int, stop: int) -> int:
        """Rows of the batches [first, stop): the last one of the table may be short."""
        return min(self.rows, stop * self.batch_rows) - min(self.rows, first * self.batch_rows)

    def part_of_batch(self, batch: int) -> int:
        return batch // self.part_batches


@dataclass(frozen=True)
class Plan:
    """The frozen plan. Parts are numbered through all tables; a shard is a range of them.

    `shard_stops[k]` is the end of shard k in that numbering (it starts where shard k-1 stops).
    `parquet_types` is native where a plan does not say: there was no other way at first.
    """

    digest: str
    data_version: int
    tables: tuple[TableLayout, ...]
    shard_stops: tuple[int, ...]
    parquet_types: ParquetTypes = ParquetTypes.NATIVE

    def __repr__(self) -> str:
        names = ", ".join(layout.table for layout in self.tables)
        rows, shards = counted(self.rows, "row"), counted(self.shards, "shard")
        return f"<Plan: {names}; {rows} in {shards}>"

    @property
    def shards(self) -> int:
        return len(self.shard_stops)

    @property
    def rows(self) -> int:
        return sum(t.rows for t in self.tables)

    @property
    def bytes(self) -> int:
        return sum(t.rows * t.row_bytes for t in self.tables)

    @property
    def worker_bytes(self) -> int:
        """What a worker is expected to need at most: its baseline and its largest batches."""
        batch = max((t.batch_rows * t.row_bytes for t in self.tables if t.rows), default=0)
        return WORKER_BASELINE_BYTES + BATCH_SHAPES * batch

    @cached_property
    def by_name(self) -> dict[str, TableLayout]:
        return {t.table: t for t in self.tables}

    def parts(self) -> Iterator[Part]:
        """All parts in the order of the plan."""
        return (table.part(n) for table in self.tables for n in range(table.parts))

    def shard(self, number: int) -> Iterator[Part]:
        """The parts of one shard, in the order in which its worker makes them."""
        start = self.shard_stops[number - 1] if number else 0
        stop = self.shard_stops[number]
        base = 0
        for table in self.tables:
            for n in range(max(0, start - base), min(table.parts, stop - base)):
                yield table.part(n)
            base += table.parts

    def to_json(self) -> dict[str, Any]:
        """Plain JSON data from which `from_json` makes the same plan."""
        return asdict(self)

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Plan:
        return cls(
            digest=data["digest"],
            data_version=data["data_version"],
            tables=tuple(TableLayout(**t) for t in data["tables"]),
            shard_stops=tuple(data["shard_stops"]),
            parquet_types=ParquetTypes(data.get("parquet_types", ParquetTypes.NATIVE)),
        )
