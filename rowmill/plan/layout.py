"""The plan of a run: which rows make a batch, which batches a part, which parts a shard.

A plan is frozen when a run starts and never changes on resume, so that "batch 17 of orders" means
the same rows to every worker that ever touches the run.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
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

    A part holds `part_rows` rows, a row group in it `group_rows`, the last of each maybe fewer.
    Batches nest in parts: every part begins a new batch, and its last one may be short of
    `batch_rows`. Row groups end wherever batches do.
    """

    table: str
    rows: int
    row_bytes: int
    batch_rows: int
    part_rows: int
    group_rows: int

    @property
    def part_batches(self) -> int:
        """The batches of a whole part."""
        return -(-self.part_rows // self.batch_rows)

    @property
    def batches(self) -> int:
        parts, rest = divmod(self.rows, self.part_rows)
        return parts * self.part_batches - (-rest // self.batch_rows)

    @property
    def parts(self) -> int:
        """A table of no rows has one part, which is empty."""
        return max(1, -(-self.rows // self.part_rows))

    def batch(self, number: int) -> Batch:
        return Batch(self.table, number, self._start(number), self._start(number + 1))

    def part(self, number: int) -> Part:
        first = number * self.part_batches
        stop = min(self.batches, first + self.part_batches)
        return Part(self.table, number, first, stop, self._start(first), self._start(stop))

    def batches_of(self, part: Part) -> Iterator[Batch]:
        return map(self.batch, range(part.first_batch, part.stop_batch))

    def rows_of(self, first: int, stop: int) -> int:
        """Rows of the batches [first, stop)."""
        return self._start(stop) - self._start(first)

    def part_of_batch(self, batch: int) -> int:
        return batch // self.part_batches

    def batch_of_row(self, row: int) -> int:
        part, place = divmod(row, self.part_rows)
        return part * self.part_batches + place // self.batch_rows

    def _start(self, batch: int) -> int:
        """The first row of a batch; of one behind the last, the end of the table."""
        part, place = divmod(batch, self.part_batches)
        return min(self.rows, part * self.part_rows + place * self.batch_rows)


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
        """Plain JSON data from which `from_json` makes the same plan.

        Of a table it has no other fields than those of the first plans, whose readers refuse any
        other; what came later stands beside the tables, in their order. So a first reader reads a
        plan of which it means the same batches and parts. A table of which it would not has a
        field more, for it to refuse. Where row groups end is another matter: it would write other
        bytes than this Rowmill, but the same rows.
        """
        return {
            "digest": self.digest,
            "data_version": self.data_version,
            "tables": [_table_json(layout) for layout in self.tables],
            "shard_stops": list(self.shard_stops),
            "parquet_types": self.parquet_types,
            "part_rows": [layout.part_rows for layout in self.tables],
            "group_rows": [layout.group_rows for layout in self.tables],
        }

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Plan:
        """The plan of `to_json`, or an older one, whose parts and row groups are whole batches."""
        tables = data["tables"]
        parts = data.get("part_rows") or [t["batch_rows"] * t["part_batches"] for t in tables]
        groups = data.get("group_rows") or [t["batch_rows"] * t["group_batches"] for t in tables]
        return cls(
            digest=data["digest"],
            data_version=data["data_version"],
            tables=tuple(
                _table_of(stored, part_rows, group_rows)
                for stored, part_rows, group_rows in zip(tables, parts, groups, strict=True)
            ),
            shard_stops=tuple(data["shard_stops"]),
            parquet_types=ParquetTypes(data.get("parquet_types", ParquetTypes.NATIVE)),
        )


def _table_json(layout: TableLayout) -> dict[str, Any]:
    fields = {
        "table": layout.table,
        "rows": layout.rows,
        "row_bytes": layout.row_bytes,
        "batch_rows": layout.batch_rows,
        "part_batches": layout.part_batches,
        "group_batches": max(1, layout.group_rows // layout.batch_rows),
    }
    if layout.parts > 1 and layout.part_rows % layout.batch_rows:
        # To a first reader part 1 begins where its batches are whole, rows behind this one's.
        fields["part_rows"] = layout.part_rows
    return fields


def _table_of(stored: dict[str, Any], part_rows: int, group_rows: int) -> TableLayout:
    return TableLayout(
        table=stored["table"],
        rows=stored["rows"],
        row_bytes=stored["row_bytes"],
        batch_rows=stored["batch_rows"],
        part_rows=part_rows,
        group_rows=group_rows,
    )
