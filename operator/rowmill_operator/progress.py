"""How far a run is: shards' reports and completed indexes, added up for the status."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rowmill.plan.intervals import Interval, covers, intersection, show, union
from rowmill.plan.layout import Plan, TableLayout
from rowmill_operator.observed import ShardProgress

MAX_TABLES = 200
# Of a table, and of all tables together: with the largest spec the status must fit into etcd.
MAX_INTERVALS = 100
_ALL_INTERVALS = 4_000


@dataclass(frozen=True)
class RunProgress:
    """Rows in all destinations of all tables, rows a second of late, and finalize's step."""

    rows: int
    rows_per_second: float
    step: str
    tables: tuple[dict[str, Any], ...]


def run_progress(
    plan: Plan,
    completed: Sequence[Interval],
    reports: Mapping[int, ShardProgress],
    known: Mapping[str, Sequence[Interval]],
) -> RunProgress:
    """Add up what is known of a run.

    Args:
        completed: indexes of shards that ended well.
        reports: by shard what its pod said last, -1 being finalize.
        known: per table the batches that an earlier status had as durable. What is durable stays
            so: a pod out of reach, or a Job made again, takes nothing back.
    """
    done: dict[str, list[Interval]] = {t.table: list(known.get(t.table, ())) for t in plan.tables}
    for shard in range(plan.shards):
        if covers(completed, shard):
            for table, first, stop in _batches_of(plan, shard):
                done[table].append((first, stop))
        elif shard in reports:
            for table, intervals in reports[shard].batches.items():
                done.get(table, []).extend(intervals)
    tables = [
        _table(t, intersection(union(done[t.table]), [(0, t.batches)]), _shown(plan))
        for t in plan.tables
    ]
    finalize = reports.get(-1)
    return RunProgress(
        rows=sum(table["rows"] for table in tables),
        rows_per_second=sum(report.rows_per_second for report in reports.values()),
        step=finalize.step if finalize else "",
        tables=_bounded(tables),
    )


def finished_tables(plan: Plan) -> tuple[dict[str, Any], ...]:
    """The tables of a run that is complete."""
    return _bounded(
        [_table(layout, [(0, layout.batches)] if layout.rows else [], 1) for layout in plan.tables]
    )


def _batches_of(plan: Plan, shard: int) -> Iterable[tuple[str, int, int]]:
    return ((part.table, part.first_batch, part.stop_batch) for part in plan.shard(shard))


def _shown(plan: Plan) -> int:
    """How many intervals a table may show."""
    tables = min(len(plan.tables), MAX_TABLES)
    return min(MAX_INTERVALS, _ALL_INTERVALS // max(1, tables))


def _table(layout: TableLayout, done: Sequence[Interval], most: int) -> dict[str, Any]:
    # Of very scattered batches the longest stretches stand for all: a status has a size.
    shown = sorted(sorted(done, key=lambda i: i[0] - i[1])[:most])
    return {
        "name": layout.table,
        "rows": sum(layout.rows_of(first, stop) for first, stop in done),
        "rowsTotal": layout.rows,
        "batches": layout.batches,
        "completedBatches": show(shown),
    }


def _bounded(tables: Sequence[dict[str, Any]]) -> tuple[dict[str, Any], ...]:
    """At most MAX_TABLES, unfinished ones first, in the plan's order otherwise."""
    if len(tables) <= MAX_TABLES:
        return tuple(tables)
    ordered = sorted(tables, key=lambda table: table["rows"] == table["rowsTotal"])
    return tuple(ordered[:MAX_TABLES])
