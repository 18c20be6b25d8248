"""The records of runs that a ledger knows, as one machine sees them: pure, on plain data."""

from __future__ import annotations

from collections.abc import Sequence

from rowmill.engine.records import Progress, RunRecord, State, TableProgress
from rowmill.engine.verdict import Verdict
from rowmill.local.run.progress import Phase
from rowmill.plan.intervals import Interval, count, show
from rowmill.plan.layout import TableLayout
from rowmill.plan.run_source import source_of
from rowmill.plan.runs import Run, RunState
from rowmill.worker.live_progress import LiveProgress, batches_of_rows
from rowmill.worker.reading import Told
from rowmill.worker.remaining import Durable, batches_durable


def progress(
    run: Run,
    durable: Durable | None,
    *,
    left_alone: bool = False,
    replaced_by: int | None = None,
    rows_per_second: float | None = None,
    told: Told | None = None,
    verification: Verdict | None = None,
) -> Progress:
    """How far a run is.

    Args:
        run: as the ledger has it.
        durable: what the ledger holds of it; None if it is complete, or its data removed.
        left_alone: it is unfinished, and no process is at work on it.
        replaced_by: the number of the run that took the place of its published data.
        rows_per_second: of a run that has ended.
        told: by its supervisor; of what is not fresh the time alone.
        verification: what is known of its published data.
    """
    return _progress(
        run,
        _tables(run, durable),
        left_alone=left_alone,
        replaced_by=replaced_by,
        rows_per_second=rows_per_second,
        told=told,
        verification=verification,
    )


def progress_told(run: Run, told: Told) -> Progress:
    """How far a run is by its supervisor alone, without a look at its batches.

    That tells rows and no batches: of those there are at least so many, and not which. A run is
    finalized only once all of it is durable, whatever its supervisor told last of its load.
    """
    if run.state in (RunState.FINALIZING, RunState.PUBLISHING):
        return _progress(run, _tables(run, None), told=told)
    tables = tuple(
        table_of_rows(each, min(each.rows, told.live.rows.get(each.table, 0)))
        for each in run.plan.tables
    )
    return _progress(run, tables, told=told)


def _progress(
    run: Run,
    tables: tuple[TableProgress, ...],
    *,
    left_alone: bool = False,
    replaced_by: int | None = None,
    rows_per_second: float | None = None,
    told: Told | None,
    verification: Verdict | None = None,
) -> Progress:
    live = told.live if told is not None and told.fresh and not left_alone else None
    _, namespace, name = run.owner.rsplit("/", 2)
    source = source_of(run)
    record = RunRecord(
        experiment=name,
        namespace=namespace,
        number=run.number,
        id=run.id,
        state=State.of_ledger(run.state, abandoned=left_alone, suspended=run.suspended),
        reason=run.reason,
        message=_message(run, live, left_alone=left_alone),
        digest=run.plan.digest,
        seed=None if source is None else source.seed,
        scale=None if source is None else source.scale,
        bytes=run.summary.get("object_bytes"),
        data_version=run.plan.data_version,
        rows=sum(table.rows for table in tables),
        rows_total=run.plan.rows,
        started_at=run.started_at,
        finished_at=run.ended_at,
        replaced_by=replaced_by,
        verification=verification,
    )
    return Progress(
        record,
        tables,
        rows_per_second=live.rows_per_second if live else rows_per_second,
        eta_seconds=live.eta_seconds if live else None,
        step=_step(run, live),
        workers=live.workers if live else None,
        last_updated=told.at if told is not None else run.ended_at,
    )


def _step(run: Run, live: LiveProgress | None) -> str | None:
    """What is done now; None also where what was told last is of the load that has ended since."""
    if live is None or (run.state is not RunState.RUNNING and live.step == Phase.LOADING):
        return None
    return live.step


def _message(run: Run, live: LiveProgress | None, *, left_alone: bool) -> str:
    """The run's message, and what it waits for, be it a process that never comes."""
    resume = f"`rowmill resume {run.owner.rpartition('/')[2]}`"
    does = "completes its publish" if run.state is RunState.PUBLISHING else "goes on with it"
    why = f"no process holds it: {resume} {does}" if left_alone else ""
    waits_for = live.waits_for if live else ""
    return "; ".join(filter(None, (run.message, waits_for, why)))


def _tables(run: Run, durable: Durable | None) -> tuple[TableProgress, ...]:
    if durable is not None:
        held = batches_durable(run.plan, durable)
    elif run.state is RunState.RESET:
        held = {}
    else:
        held = {each.table: [(0, each.batches)] for each in run.plan.tables if each.rows}
    return tuple(_table(each, held.get(each.table, ())) for each in run.plan.tables)


def _table(layout: TableLayout, batches: Sequence[Interval]) -> TableProgress:
    return TableProgress(
        name=layout.table,
        rows=sum(layout.rows_of(first, stop) for first, stop in batches),
        rows_total=layout.rows,
        batches=layout.batches,
        batches_done=count(batches),
        completed_batches=show(batches),
    )


def table_of_rows(layout: TableLayout, rows: int) -> TableProgress:
    """A table of which so many rows are durable; its batches by their number, at the least."""
    return TableProgress(
        name=layout.table,
        rows=rows,
        rows_total=layout.rows,
        batches=layout.batches,
        batches_done=batches_of_rows(layout, rows),
    )
