"""`status` and `runs`: what the ledger knows of an experiment."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rowmill.cli.run_words import message_of, took, words_of
from rowmill.cli.sources import Source, from_either, from_name
from rowmill.cli.waiting import say_starting, tell_waits
from rowmill.destinations.errors import DestinationRefused, DestinationUnavailable
from rowmill.local import records
from rowmill.local.connections import connections
from rowmill.local.home import rowmill_home
from rowmill.plan.intervals import Interval, count, show
from rowmill.plan.layout import TableLayout
from rowmill.plan.pace import percent
from rowmill.plan.replacement import replaced_by, with_replaced
from rowmill.plan.runs import Run, RunState
from rowmill.spec.problems import InvalidManifest
from rowmill.terminal import figures
from rowmill.terminal.failures import UsageError
from rowmill.terminal.prose import say
from rowmill.terminal.tables import RUN_HEADINGS, Grid, Heading, print_grid
from rowmill.worker.destinations import Destinations, join, one_machine
from rowmill.worker.reading import abandoned, experiment_runs
from rowmill.worker.remaining import Durable, batches_durable


def status(name: str | None, file: Path | None, secrets: Sequence[str], *, as_json: bool) -> None:
    """Show the newest run, table by table."""
    destinations = _open(from_either(name, file, secrets))
    try:
        known = experiment_runs(destinations)
        if not known:
            raise UsageError("it has no runs yet; start one with: rowmill run -f FILE")
        run = known[-1]
        durable = _durable(run, destinations)
        left_alone = abandoned(run, destinations.ledger)
    finally:
        destinations.close()
    if as_json:
        print(json.dumps(_status_document(run, durable, left_alone), ensure_ascii=False))
    else:
        _show_status(run, durable, left_alone)


def runs(name: str | None, file: Path | None, secrets: Sequence[str], *, as_json: bool) -> None:
    """List the runs of one experiment, or of all that this machine remembers."""
    if name is not None or file is not None:
        found = _runs_of(from_either(name, file, secrets))
    else:
        found = list(_runs_of_all())
    if as_json:
        documents = [_run_document(each) for each in found]
        print(json.dumps(documents, ensure_ascii=False))
    else:
        _show_runs(found)


def _open(source: Source) -> Destinations:
    spec = source.spec()
    reach = connections(spec, source.secrets, rowmill_home(), say_starting)
    return join(spec, reach, patience=one_machine(tell_waits()))


@dataclass(frozen=True)
class _Listed:
    """A run, its durable rows, and the number of the one that replaced its published data.

    `abandoned`: it is unfinished, and no process is at work on it.
    """

    run: Run
    rows: int
    replaced_by: int | None
    abandoned: bool


def _runs_of(source: Source) -> list[_Listed]:
    destinations = _open(source)
    try:
        known = experiment_runs(destinations)
        rows = {run.id: _rows(_tables(run, _durable(run, destinations))) for run in known}
        left = {run.id for run in known if abandoned(run, destinations.ledger)}
    finally:
        destinations.close()
    completed = [(run.number, run.id) for run in known if run.state is RunState.COMPLETED]
    newer = replaced_by(completed)
    return [
        _Listed(run, rows[run.id], newer.get(run.number), abandoned=run.id in left) for run in known
    ]


def _runs_of_all() -> Iterator[_Listed]:
    """The runs of all experiments known here; one out of reach does not hide the others."""
    for name in records.names(rowmill_home()):
        try:
            yield from _runs_of(from_name(name))
        except (DestinationRefused, DestinationUnavailable, InvalidManifest) as error:
            say(f"rowmill: {name}: {error}", err=True)


def _durable(run: Run, destinations: Destinations) -> Durable | None:
    """What the ledger holds of a run on its way; None if it is complete or its data removed."""
    known = run.state in (RunState.COMPLETED, RunState.RESET)
    return None if known else destinations.durable(run)


def _run_document(listed: _Listed) -> dict[str, Any]:
    run = listed.run
    return {
        "name": run.owner.rsplit("/", 1)[-1],
        "run": run.number,
        "id": run.id,
        "state": run.state.value,
        "message": run.message,
        "digest": run.plan.digest,
        "dataVersion": run.plan.data_version,
        "rows": listed.rows,
        "rowsTotal": run.plan.rows,
        "startedAt": run.started_at.isoformat(),
        "finishedAt": run.finished_at.isoformat() if run.finished_at else None,
        "replacedBy": listed.replaced_by,
        "abandoned": listed.abandoned,
    }


def _status_document(run: Run, durable: Durable | None, left_alone: bool) -> dict[str, Any]:
    far = _tables(run, durable)
    tables = [
        {
            "name": each.layout.table,
            "rows": each.rows,
            "rowsTotal": each.layout.rows,
            "batches": each.layout.batches,
            "batchesDone": count(each.batches),
            "completedBatches": show(each.batches),
        }
        for each in far
    ]
    # The newest run: no newer one can have replaced it.
    listed = _Listed(run, _rows(far), None, left_alone)
    return {**_run_document(listed), "percent": _percent(run, far), "tables": tables}


@dataclass(frozen=True)
class _Far:
    """How far a table is: the batches that every destination holds."""

    layout: TableLayout
    batches: Sequence[Interval]

    @property
    def rows(self) -> int:
        return sum(self.layout.rows_of(first, stop) for first, stop in self.batches)


def _tables(run: Run, durable: Durable | None) -> list[_Far]:
    if run.state is RunState.RESET:
        return [_Far(layout, ()) for layout in run.plan.tables]
    if durable is None:
        return [_Far(each, [(0, each.batches)] if each.rows else ()) for each in run.plan.tables]
    batches = batches_durable(run.plan, durable)
    return [_Far(layout, batches[layout.table]) for layout in run.plan.tables]


def _rows(far: Sequence[_Far]) -> int:
    return sum(each.rows for each in far)


def _percent(run: Run, far: Sequence[_Far]) -> int:
    return percent(_rows(far), run.plan.rows, complete=run.state is RunState.COMPLETED)


def _show_status(run: Run, durable: Durable | None, left_alone: bool) -> None:
    far = _tables(run, durable)
    rows = [
        (
            each.layout.table,
            figures.count(each.rows),
            figures.count(each.layout.rows),
            str(percent(each.rows, each.layout.rows)),
            figures.count(count(each.batches)),
            figures.count(each.layout.batches),
        )
        for each in far
    ]
    counted = ("rows", "of", "%", "batches", "of")
    headings = [Heading("table"), *(Heading(name, right=True) for name in counted)]
    print_grid(Grid(headings, rows, f"{run.owner}, run {run.number}: {run.state}"))
    say(f"{figures.durable(_rows(far), run.plan.rows)} ({_percent(run, far)} %)")
    for line in words_of(run, left_alone=left_alone):
        say(line)


def _show_runs(found: Sequence[_Listed]) -> None:
    if not found:
        say("no runs yet")
        return
    rows = [
        (
            each.run.owner.rsplit("/", 1)[-1],
            str(each.run.number),
            each.run.state.value,
            figures.count_of(each.rows, each.run.plan.rows),
            figures.moment(each.run.started_at),
            figures.duration(took(each.run, datetime.now(UTC), left_alone=each.abandoned)),
            with_replaced(message_of(each.run, left_alone=each.abandoned), each.replaced_by),
        )
        for each in found
    ]
    print_grid(Grid(RUN_HEADINGS, rows))
