"""How far a run is: shards' reports and completed indexes, added up for the status."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType

from rowmill.plan.intervals import Interval, covers, intersection, show, union
from rowmill.plan.layout import Plan, TableLayout
from rowmill.plan.pod_progress import PodProgress
from rowmill.spec.manifest.status import MAX_TABLES, TableStatus
from rowmill_operator.model.run_in_status import shown_tables

# Of a table, and of all tables together: with the largest spec the status must fit into etcd.
MAX_INTERVALS = 100
_ALL_INTERVALS = 4_000
NOTHING_CUT: Mapping[str, int] = MappingProxyType({})


@dataclass(frozen=True)
class RunProgress:
    """Durable rows and batches of all tables, and finalize's step."""

    rows: int
    step: str
    tables: tuple[TableStatus, ...]


def run_progress(
    plan: Plan,
    completed: Sequence[Interval],
    reports: Mapping[int, PodProgress],
    known: Mapping[str, Sequence[Interval]],
    cut: Mapping[str, int] = NOTHING_CUT,
) -> RunProgress:
    """Add up what is known of a run.

    Pods work by the plan that the ledger has of the run. If the ConfigMap was lost and frozen again
    under other settings, `plan` is another one: then batches are counted as the pods cut them. How
    many of these a part has nobody tells, so until the run is complete their rows are approximate:
    as many as there are at least.

    Args:
        completed: indexes of shards that ended well.
        reports: by shard what its pod said last, -1 being finalize.
        known: per table the batches that an earlier status had as durable. What is durable stays
            so: a pod out of reach, or a Job made again, takes nothing back.
        cut: per table the rows of each of these batches; where nothing tells, the plan's.
    """
    layouts = [_as_cut(layout, reports, cut) for layout in plan.tables]
    by_name = {layout.table: layout for layout in layouts}
    done: dict[str, list[Interval]] = {
        layout.table: list(known.get(layout.table, ()))
        for layout, own in zip(layouts, plan.tables, strict=True)
        if cut.get(layout.table, own.batch_rows) == layout.batch_rows
    }
    for table, intervals in _intervals(plan, completed, reports, by_name):
        done.setdefault(table, []).extend(intervals)
    tables = [
        _table(t, own, intersection(union(done.get(t.table, ())), [(0, t.batches)]), _shown(plan))
        for t, own in zip(layouts, plan.tables, strict=True)
    ]
    finalize = reports.get(-1)
    return RunProgress(
        rows=sum(table.rows or 0 for table in tables),
        step=finalize.step if finalize else "",
        tables=shown_tables(tables),
    )


def finished_tables(plan: Plan, cut: Mapping[str, int] = NOTHING_CUT) -> tuple[TableStatus, ...]:
    """The tables of a run that is complete."""
    return run_progress(plan, ((0, plan.shards),), {}, {}, cut).tables


def _as_cut(
    layout: TableLayout, reports: Mapping[int, PodProgress], cut: Mapping[str, int]
) -> TableLayout:
    """The table as its pods cut it into batches, by what they say or have said before."""
    name = layout.table
    reported = (r.batch_rows[name] for r in reports.values() if r.batch_rows.get(name))
    rows = next(reported, None) or cut.get(name) or layout.batch_rows
    return layout if rows == layout.batch_rows else replace(layout, batch_rows=rows)


def _intervals(
    plan: Plan,
    completed: Sequence[Interval],
    reports: Mapping[int, PodProgress],
    layouts: Mapping[str, TableLayout],
) -> Iterator[tuple[str, Sequence[Interval]]]:
    """Durable batches by table, as often as somebody tells of them."""
    if union(completed) == [(0, plan.shards)]:
        yield from ((layout.table, [(0, layout.batches)]) for layout in layouts.values())
        return
    for shard in range(plan.shards):
        if covers(completed, shard):
            # Only the plan that cut the batches tells which of them are a shard's.
            for part in plan.shard(shard):
                if layouts[part.table] is plan.by_name[part.table]:
                    yield part.table, [(part.first_batch, part.stop_batch)]
        if shard in reports:
            yield from _reported(reports[shard], plan, layouts)


def _reported(
    report: PodProgress, plan: Plan, layouts: Mapping[str, TableLayout]
) -> Iterator[tuple[str, Sequence[Interval]]]:
    for table, intervals in report.batches.items():
        if table not in layouts:
            continue
        rows = report.batch_rows.get(table) or plan.by_name[table].batch_rows
        if rows == layouts[table].batch_rows:
            yield table, intervals


def _shown(plan: Plan) -> int:
    """How many intervals a table may show."""
    tables = min(len(plan.tables), MAX_TABLES)
    return min(MAX_INTERVALS, _ALL_INTERVALS // max(1, tables))


def _rows(layout: TableLayout, own: TableLayout, done: Sequence[Interval]) -> int:
    """The rows of these batches; at least, if the plan's `own` layout cuts others."""
    readings = [layout]
    if layout is not own:
        # The parts of the first plans are whole batches.
        readings.append(replace(layout, part_rows=layout.part_batches * layout.batch_rows))
    return sum(min(reading.rows_of(*interval) for reading in readings) for interval in done)


def _table(
    layout: TableLayout, own: TableLayout, done: Sequence[Interval], most: int
) -> TableStatus:
    # Of very scattered batches the longest stretches stand for all: a status has a size.
    shown = sorted(sorted(done, key=lambda i: i[0] - i[1])[:most])
    return TableStatus(
        name=layout.table,
        rows=_rows(layout, own, done),
        rows_total=layout.rows,
        batches=layout.batches,
        batch_rows=layout.batch_rows,
        completed_batches=show(shown),
    )
