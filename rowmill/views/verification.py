"""What a verify found, and how far it is: the same from a machine and a cluster."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TimeRemainingColumn
from rich.text import Text

from rowmill.counting import counted
from rowmill.engine.verification import (
    Comparison,
    Difference,
    Kind,
    OnProgress,
    TableReport,
    Value,
    Verification,
    VerifyProgress,
)
from rowmill.terminal import figures
from rowmill.terminal.bars import label_column
from rowmill.terminal.figures import short
from rowmill.terminal.prose import say, visible
from rowmill.terminal.tables import Grid, Heading, print_grid

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


@contextmanager
def verify_display() -> Iterator[OnProgress]:
    """A bar on a terminal; elsewhere nothing, as the answer itself comes soon."""
    if not sys.stderr.isatty():
        yield lambda state: None
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

        def show(state: VerifyProgress) -> None:
            nonlocal shown
            if state.phase == "comparing" and time.monotonic() < shown + _INTERVAL:
                return
            shown = time.monotonic()
            label = f"{state.phase} {state.table}"
            bar.update(task, description=visible(label), completed=state.rows, total=state.total)

        yield show


def show_verification(report: Verification, rerun: str) -> None:
    """Print checksums and verdicts, where they are told, and what differs.

    `rerun` is the command that makes the data again.
    """
    if report.tables:
        rows = [row for table in report.tables for row in _rows(table)]
        version = f"data version {report.data_version}"
        title = f"run {report.run} of {report.owner}, {short(report.digest or '')}, {version}"
        print_grid(Grid(_HEADINGS, rows, title, ruled=True))
    elif report.where:
        say(report.where)
    for line in _details(report):
        say(line)
    say(_verdict(report))
    if not report.identical:
        say(f"It was changed after it was published: `{rerun}` makes it again.")


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


def _details(report: Verification) -> Iterator[str]:
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


def _verdict(report: Verification) -> str:
    rows = report.compared
    took = "" if report.seconds is None else f" ({figures.duration(report.seconds)})"
    if report.identical:
        same = f"{'all ' if report.rows > 1 else ''}{rows}, in every destination{took}"
        return f"Identical: {same}. Data checksum {short(report.checksum or 'unknown')}."
    again = "" if report.seconds is None else f", {figures.duration(report.seconds)}"
    return f"Different: see above ({rows} made again{again})."
