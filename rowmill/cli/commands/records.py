"""`status` and `runs`: what the ledger knows of an experiment."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rich import box
from rich.table import Table
from rich.text import Text

from rowmill.cli.sources import Source, from_either, from_name
from rowmill.destinations.errors import DestinationRefused, DestinationUnavailable
from rowmill.destinations.ledger import Run, RunState
from rowmill.local import records
from rowmill.local.connections import connections
from rowmill.local.home import rowmill_home
from rowmill.plan.intervals import Interval, count, show
from rowmill.plan.replacement import replaced_by, with_replaced
from rowmill.spec.problems import InvalidManifest
from rowmill.terminal import figures
from rowmill.terminal.console import PipeConsole
from rowmill.terminal.failures import UsageError
from rowmill.worker.destinations import Destinations, join
from rowmill.worker.reading import experiment_runs
from rowmill.worker.remaining import Durable, rows_durable


def status(name: str | None, file: Path | None, secrets: Sequence[str], *, as_json: bool) -> None:
    """Show the newest run, table by table."""
    destinations = _open(from_either(name, file, secrets))
    try:
        known = experiment_runs(destinations)
        if not known:
            raise UsageError("it has no runs yet; start one with: rowmill run -f FILE")
        run = known[-1]
        durable = _durable(run, destinations)
    finally:
        destinations.close()
    if as_json:
        print(json.dumps(_status_document(run, durable), ensure_ascii=False))
    else:
        _show_status(run, durable)


def runs(name: str | None, file: Path | None, secrets: Sequence[str], *, as_json: bool) -> None:
    """List the runs of one experiment, or of all that this machine remembers."""
    if name is not None or file is not None:
        found = _runs_of(from_either(name, file, secrets))
    else:
        found = list(_runs_of_all())
    if as_json:
        documents = [_run_document(each.run, each.replaced_by) for each in found]
        print(json.dumps(documents, ensure_ascii=False))
    else:
        _show_runs(found)


def _open(source: Source) -> Destinations:
    spec = source.spec()
    return join(spec, connections(spec, source.secrets, rowmill_home()))


@dataclass(frozen=True)
class _Listed:
    """A run, and the number of the one that replaced its published data."""

    run: Run
    replaced_by: int | None


def _runs_of(source: Source) -> list[_Listed]:
    destinations = _open(source)
    try:
        known = experiment_runs(destinations)
    finally:
        destinations.close()
    completed = [(run.number, run.id) for run in known if run.state is RunState.COMPLETED]
    newer = replaced_by(completed)
    return [_Listed(run, newer.get(run.number)) for run in known]


def _runs_of_all() -> Iterator[_Listed]:
    """The runs of all experiments known here; one out of reach does not hide the others."""
    for name in records.names(rowmill_home()):
        try:
            yield from _runs_of(from_name(name))
        except (DestinationRefused, DestinationUnavailable, InvalidManifest) as error:
            print(f"rowmill: {name}: {error}", file=sys.stderr)


def _durable(run: Run, destinations: Destinations) -> Durable | None:
    """What is durable of a run that is not complete; of a complete one all is."""
    return None if run.state is RunState.COMPLETED else destinations.durable(run)


def _run_document(run: Run, newer: int | None) -> dict[str, Any]:
    return {
        "name": run.owner.rsplit("/", 1)[-1],
        "run": run.number,
        "id": run.id,
        "state": run.state.value,
        "message": run.message,
        "digest": run.plan.digest,
        "dataVersion": run.plan.data_version,
        "rows": run.plan.rows,
        "startedAt": run.started_at.isoformat(),
        "finishedAt": run.finished_at.isoformat() if run.finished_at else None,
        "replacedBy": newer,
    }


def _status_document(run: Run, durable: Durable | None) -> dict[str, Any]:
    rows = _rows(run, durable)
    tables = [
        {
            "name": layout.table,
            "rows": rows[layout.table],
            "rowsTotal": layout.rows,
            "batches": layout.batches,
            "completedBatches": show(_completed(run, durable, layout.table)),
        }
        for layout in run.plan.tables
    ]
    # The newest run: no newer one can have replaced it.
    return {**_run_document(run, None), "rowsDone": sum(rows.values()), "tables": tables}


def _rows(run: Run, durable: Durable | None) -> dict[str, int]:
    if run.state is RunState.RESET:
        return {layout.table: 0 for layout in run.plan.tables}
    if durable is None:
        return {layout.table: layout.rows for layout in run.plan.tables}
    return rows_durable(run.plan, durable)


def _completed(run: Run, durable: Durable | None, table: str) -> Sequence[Interval]:
    layout = run.plan.by_name[table]
    if run.state is RunState.RESET or not layout.batches:
        return []
    if durable is None:
        return [(0, layout.batches)]
    if durable.batches is not None:
        return durable.batches.get(table, ())
    parts = (layout.part(number) for name, number in durable.parts or () if name == table)
    return sorted((part.first_batch, part.stop_batch) for part in parts)


def _show_status(run: Run, durable: Durable | None) -> None:
    rows = _rows(run, durable)
    table = Table(
        title=Text(f"{run.owner}, run {run.number}: {run.state}"),
        title_justify="left",
        box=box.SIMPLE_HEAD,
    )
    table.add_column("table")
    for name in ("rows", "of", "%", "batches", "of"):
        table.add_column(name, justify="right")
    for layout in run.plan.tables:
        done = rows[layout.table]
        percent = 100 * done // layout.rows if layout.rows else 100
        table.add_row(
            Text(layout.table),
            figures.count(done),
            figures.count(layout.rows),
            str(percent),
            figures.count(count(_completed(run, durable, layout.table))),
            figures.count(layout.batches),
        )
    console = PipeConsole()
    console.print(table)
    if run.message:
        console.print(Text(run.message))


def _show_runs(found: Sequence[_Listed]) -> None:
    table = Table(box=box.SIMPLE_HEAD)
    for name in ("experiment", "run", "state", "rows", "started", "took", "message"):
        table.add_column(name, justify="right" if name in ("run", "rows", "took") else "left")
    for each in found:
        run = each.run
        ended = run.finished_at or datetime.now(UTC)
        table.add_row(
            Text(run.owner.rsplit("/", 1)[-1]),
            str(run.number),
            run.state.value,
            figures.count(run.plan.rows),
            f"{run.started_at:%Y-%m-%d %H:%M}",
            figures.duration((ended - run.started_at).total_seconds()),
            Text(with_replaced(run.message, each.replaced_by)),
        )
    PipeConsole().print(table)
