"""`verify`: make all rows again, compare every destination with them, and say what differs."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TimeRemainingColumn
from rich.text import Text

from rowmill.cli.sources import Secrets, Source, from_either
from rowmill.cli.waiting import in_lines, say_starting
from rowmill.counting import counted
from rowmill.destinations.patience import ReportWait, Wait, Waiting
from rowmill.errors import Differs
from rowmill.local.connections import find_connections
from rowmill.local.home import rowmill_home
from rowmill.local.planning import verify_threads
from rowmill.spec.dataset import Spec
from rowmill.spec.load import Overrides
from rowmill.terminal import figures
from rowmill.terminal.bars import label_column
from rowmill.terminal.failures import Answered
from rowmill.terminal.figures import short
from rowmill.terminal.output import Output, print_json
from rowmill.terminal.prose import say
from rowmill.terminal.tables import Grid, Heading, print_grid, visible
from rowmill.verify.report import Comparison, Difference, Kind, Report, TableReport, Value
from rowmill.verify.tally import OnProgress
from rowmill.verify.tally import Progress as State
from rowmill.warehouse.published import NothingPublished
from rowmill.warehouse.verifying import verify_published
from rowmill.worker.run_options import run_command

_SHOWN = 20
_SHOWN_TEXT = 60
_INTERVAL = 0.2
_HEADINGS = (
    Heading("table", once=True),
    Heading("where"),
    Heading("rows", right=True),
    Heading("checksum"),
    Heading("verdict", note=True),
)


def verify(
    name: str | None,
    file: Path | None,
    secrets: Secrets,
    workers: int | None,
    output: Output,
) -> None:
    """Verify the published run; exits with 1 if anything differs."""
    source = from_either(name, file, secrets)
    report, options = _report(source, workers)
    if output is Output.JSON:
        print_json(report.to_json())
    else:
        _show(report, options)
    if not report.identical:
        raise Answered(Differs)


def _report(source: Source, workers: int | None) -> tuple[Report, Overrides]:
    """The report, and what the published run has over the manifest."""
    spec = source.spec()
    tried = [Overrides(source.scale, source.seed)]

    def reload(overrides: Overrides) -> Spec:
        tried.append(overrides)
        return source.spec_with(overrides)

    connections = find_connections(spec, source.secrets, rowmill_home(), say_starting)
    try:
        with _progress() as (show, wait):
            report = verify_published(
                spec,
                connections,
                threads=verify_threads(workers),
                reload=reload,
                on_progress=show,
                wait=wait,
            )
            return report, tried[-1]
    except NothingPublished as error:
        raise NothingPublished(f"{spec.name}: {error}") from None


@contextmanager
def _progress() -> Iterator[tuple[OnProgress, ReportWait]]:
    """A bar on a terminal; elsewhere only waits, as the report itself comes soon."""
    if not sys.stderr.isatty():
        yield lambda state: None, in_lines()
        return
    console = Console(stderr=True)
    bar = Progress(
        label_column("{task.description}", console),
        BarColumn(bar_width=30),
        TaskProgressColumn(),
        TimeRemainingColumn(),
        console=console,
        transient=True,
    )
    with bar:
        task = bar.add_task("opening", total=None)
        shown = 0.0

        def show(state: State) -> None:
            nonlocal shown
            if state.phase == "comparing" and time.monotonic() < shown + _INTERVAL:
                return
            shown = time.monotonic()
            label = Text(f"{state.phase} {state.table}").markup
            bar.update(task, description=label, completed=state.rows, total=state.total)

        def wait(word: Wait) -> None:
            label = Text(str(word)).markup if isinstance(word, Waiting) else "opening"
            bar.update(task, description=label)

        yield show, wait


def _show(report: Report, options: Overrides) -> None:
    rows = [row for table in report.tables for row in _rows(table)]
    version = f"data version {report.data_version}"
    title = f"run {report.run} of {report.owner}, {short(report.digest)}, {version}"
    print_grid(Grid(_HEADINGS, rows, title, ruled=True))
    for line in _details(report):
        say(visible(line))
    say(_verdict(report))
    if not report.identical:
        command = run_command(options.scale, options.seed)
        say(f"It was changed after it was published. `{command} --restart` makes it again.")


def _rows(table: TableReport) -> Iterator[Sequence[str | Text]]:
    yield table.table, "made again", figures.count(table.rows), short(table.checksum), ""
    for each in table.comparisons:
        verdict = (
            Text("identical", style="green")
            if each.identical
            else Text(_summary(each), style="bold red")
        )
        place = (each.destination, figures.count(each.rows), short(each.checksum))
        yield table.table, *place, verdict


def _summary(comparison: Comparison) -> str:
    counts = [f"{figures.count(n)} {kind}" for kind, n in comparison.counts.items()]
    if comparison.problems:
        counts.append(counted(len(comparison.problems), "problem"))
    if comparison.sampled:
        counts.append("and more")
    return ", ".join(counts)


def _details(report: Report) -> Iterator[str]:
    for problem in report.problems:
        yield f"{problem.place}: {problem.text}"
    for table in report.tables:
        for comparison in table.comparisons:
            yield from _differences(table, comparison)


def _differences(table: TableReport, comparison: Comparison) -> Iterator[str]:
    for problem in comparison.problems:
        yield f"{table.table} in {comparison.destination}: {problem.place}: {problem.text}"
    for difference in comparison.differences[:_SHOWN]:
        yield f"{table.table} in {comparison.destination}: {_sentence(difference)}"
    total = sum(comparison.counts.values())
    if total > _SHOWN:
        yield f"  ... and {figures.count(total - _SHOWN)} more (-o json lists up to 1,000)"
    if comparison.sampled:
        yield (
            "  More rows differ than were looked at: these are a sample, in which a changed row "
            "may show as a lost and an unexpected one."
        )


def _sentence(difference: Difference) -> str:
    key = ", ".join(f"{name}={_shown(value)}" for name, value in difference.key.items())
    text = f"{difference.kind} ({key})"
    if difference.row is not None:
        text += f", row {difference.row} of batch {difference.batch}, part {difference.part}"
    if difference.place is not None:
        text += f", at {difference.place}"
    if difference.kind is Kind.CHANGED:
        cells = [
            f"{cell.column}: expected {_shown(cell.expected)}, found {_shown(cell.found)}"
            for cell in difference.cells
        ]
        text += "; " + "; ".join(cells)
    return text


def _shown(value: Value) -> str:
    text = "NULL" if value is None else json.dumps(value, ensure_ascii=False)
    if len(text) <= _SHOWN_TEXT or not sys.stdout.isatty():
        return text
    return text[: _SHOWN_TEXT - 1] + "…"


def _verdict(report: Report) -> str:
    total = sum(table.rows for table in report.tables)
    rows = counted(total, "row")
    took = figures.duration(report.seconds)
    if report.identical:
        return f"Identical: {'all ' if total > 1 else ''}{rows}, in every destination ({took})."
    return f"Different: see above ({rows} made again, {took})."
