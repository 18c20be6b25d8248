"""`status` and `runs`: what the ledger knows of an experiment."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

from rowmill.cli.run_words import words_of
from rowmill.cli.sources import Secrets, Source, from_either, from_name
from rowmill.cli.waiting import report_waits, say_starting
from rowmill.destinations.errors import DestinationRefused, DestinationUnavailable
from rowmill.engine.records import Progress, RunRecord
from rowmill.errors import NotFound
from rowmill.local import remembered, run_records
from rowmill.local.connections import find_connections
from rowmill.local.home import rowmill_home
from rowmill.plan.replacement import replaced_by
from rowmill.plan.runs import Run, RunState
from rowmill.spec.problems import InvalidManifest
from rowmill.terminal.output import Output, print_json
from rowmill.terminal.prose import say
from rowmill.views.runs import show_runs, show_tables, show_whole
from rowmill.worker.destinations import Destinations, one_machine, open_destinations
from rowmill.worker.reading import abandoned, experiment_runs


def status(name: str | None, file: Path | None, secrets: Secrets, output: Output) -> None:
    """Show the newest run, table by table."""
    destinations = _open(from_either(name, file, secrets))
    try:
        run = _known_runs(destinations)[-1]
        # The newest run: no newer one can have replaced it.
        progress = _progress(run, destinations)
    finally:
        destinations.close()
    if output is Output.JSON:
        print_json(progress.to_json())
    else:
        _show_status(run, progress)


def runs(name: str | None, file: Path | None, secrets: Secrets, output: Output) -> None:
    """List the runs of one experiment, or of all that this machine remembers."""
    if name is not None or file is not None:
        found = _runs_of(from_either(name, file, secrets), _known_runs)
    else:
        found = list(_runs_of_all())
    if output is Output.JSON:
        print_json([each.to_json() for each in found])
    else:
        show_runs(found, datetime.now(UTC))


def _open(source: Source) -> Destinations:
    spec = source.spec()
    connections = find_connections(spec, source.secrets, rowmill_home(), say_starting)
    return open_destinations(spec, connections, patience=one_machine(report_waits()))


def _known_runs(destinations: Destinations) -> list[Run]:
    """The runs of an experiment that somebody asked for; raises NotFound if there are none."""
    known = experiment_runs(destinations)
    if not known:
        name = destinations.spec.name
        raise NotFound("NoRuns", f"{name} has no runs yet; start one with: rowmill run -f FILE")
    return known


def _runs_of(source: Source, runs_in: Callable[[Destinations], list[Run]]) -> list[RunRecord]:
    destinations = _open(source)
    try:
        known = runs_in(destinations)
        completed = [(run.number, run.id) for run in known if run.state is RunState.COMPLETED]
        newer = replaced_by(completed)
        return [_progress(run, destinations, newer.get(run.number)).run for run in known]
    finally:
        destinations.close()


def _runs_of_all() -> Iterator[RunRecord]:
    """The runs of all experiments known here; one out of reach does not hide the others."""
    for name in remembered.names(rowmill_home()):
        try:
            yield from _runs_of(from_name(name), experiment_runs)
        except (DestinationRefused, DestinationUnavailable, InvalidManifest) as error:
            say(f"rowmill: {name}: {error}", err=True)


def _progress(run: Run, destinations: Destinations, newer: int | None = None) -> Progress:
    """How far a run is, of which the run `newer` replaced the published data."""
    known = run.state in (RunState.COMPLETED, RunState.RESET)
    durable = None if known else destinations.durable(run)
    left_alone = abandoned(run, destinations.ledger)
    return run_records.progress(run, durable, left_alone=left_alone, replaced_by=newer)


def _show_status(run: Run, progress: Progress) -> None:
    show_tables(progress, f"{run.owner}, run {run.number}: {progress.run.state}")
    show_whole(progress)
    for line in words_of(run, progress.run):
        say(line)
