"""Small runs for the tests of the lake: two tables, five parts, rows that anybody can check."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime

import pyarrow as pa

from rowmill.destinations.lake.lake import Lake
from rowmill.destinations.ledger import PendingPart
from rowmill.plan.layout import Part, Plan, TableLayout
from rowmill.plan.runs import Run, RunState
from rowmill.spec.dataset import Column, Dataset, Table
from rowmill.spec.kinds import Pattern, Sequence
from rowmill.spec.values.types import parse_type

BATCH_ROWS, PART_ROWS, GROUP_ROWS = 50, 100, 50


def dataset_of(tables: Mapping[str, int]) -> Dataset:
    """Tables by name, of so many rows each, with an `id` and a `note`."""
    return Dataset(0, "en_US", 1, tuple(_table(name, rows) for name, rows in tables.items()))


def run_of(owner: str, number: int, tables: Mapping[str, int], *, run_id: str | None = None) -> Run:
    layouts = tuple(
        TableLayout(name, rows, 30, BATCH_ROWS, PART_ROWS, GROUP_ROWS)
        for name, rows in tables.items()
    )
    parts = sum(layout.parts for layout in layouts)
    return Run(
        id=run_id or f"{number:012x}",
        owner=owner,
        uid="uid-1",
        number=number,
        state=RunState.RUNNING,
        plan=Plan("sha256:abc", 1, layouts, (parts,)),
        started_at=datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC),
        finished_at=None,
        message="",
        summary={"source": {"manifest": "kind: Experiment"}},
    )


def upload(lake: Lake, run: Run, part: Part) -> PendingPart:
    """Upload one part of a run, in whole batches, and leave it pending."""
    dataset = dataset_of({layout.table: layout.rows for layout in run.plan.tables})
    opened = lake.open_part(run, dataset, part)
    for batch in run.plan.by_name[part.table].batches_of(part):
        opened.write([rows(batch.start, batch.stop)])
    return opened.close()


def upload_all(lake: Lake, run: Run) -> list[PendingPart]:
    return [upload(lake, run, part) for part in run.plan.parts()]


def publish(lake: Lake, run: Run) -> list[PendingPart]:
    """Make, complete and publish all of a run."""
    parts = upload_all(lake, run)
    assert lake.complete(run, parts) == []
    lake.publish(run, dataset_of({t.table: t.rows for t in run.plan.tables}), parts)
    return parts


def rows(start: int, stop: int) -> pa.RecordBatch:
    numbers = range(start, stop)
    return pa.record_batch(
        {
            "id": pa.array(numbers, pa.int64()),
            "note": pa.array([f"note {n}" for n in numbers], pa.string()),
        }
    )


def _table(name: str, count: int) -> Table:
    columns = (
        Column("id", parse_type("bigint"), Sequence(0, 1), 0.0, False, True),
        Column("note", parse_type("text"), Pattern("note [0-9]+"), 0.0, True, False),
    )
    return Table(name, count, columns, (), None, ("id",), (), ())
