"""`status -w`: a run as it goes, until it has ended."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TaskProgressColumn, TextColumn
from rich.text import Text

from rowmill.kubectl.cluster import Cluster
from rowmill.kubectl.experiment import Experiment
from rowmill.kubectl.patience import patiently
from rowmill.kubectl.records import print_json, show
from rowmill.terminal import figures
from rowmill.terminal.failures import Exit, UsageError

Show = Callable[[Experiment], None]
# The operator writes progress every 5 seconds; asking more often shows nothing new for long.
_SECONDS = 2.0
# More bars than fit a screen help nobody: of the rest only the total shows.
_MAX_BARS = 20


def watch(
    cluster: Cluster,
    name: str | None,
    *,
    as_json: bool,
    sleep: Callable[[float], None] = time.sleep,
) -> None:
    """Show NAME until its newest run has ended, and leave as that did: 0, 4 failed, 5 aborted."""
    if name is None:
        raise UsageError("-w takes the NAME of one Experiment; for all: kubectl get experiments -w")
    with display_on(Console(stderr=as_json)) as display:
        experiment = Experiment(cluster.experiment(name))
        display(experiment)
        while not experiment.settled:
            sleep(_SECONDS)
            experiment = Experiment(patiently(lambda: cluster.experiment(name), sleep))
            display(experiment)
    if as_json:
        print_json(experiment.document())
    else:
        show(experiment)
    if experiment.phase == "Failed":
        aborted = experiment.reason == "Aborted"
        raise typer.Exit(int(Exit.INTERRUPTED if aborted else Exit.FAILED))


@contextmanager
def display_on(console: Console) -> Iterator[Show]:
    """Live bars on a terminal, else a plain line whenever it changes."""
    if console.is_terminal:
        with _Bars(console) as bars:
            yield bars.show
    else:
        yield _Lines(sys.stderr.write if console.stderr else sys.stdout.write).show


class _Lines:
    def __init__(self, write: Callable[[str], object]) -> None:
        self._write = write
        self._last = ""

    def show(self, experiment: Experiment) -> None:
        line = line_of(experiment)
        if line != self._last:
            self._last = line
            self._write(line + "\n")
            sys.stdout.flush()


def line_of(experiment: Experiment) -> str:
    """What a run does in one line, such as `run 1 Running: 70 of 100 rows (70 %), 9 rows/s`."""
    head = f"run {experiment.number} {experiment.phase}" if experiment.number else experiment.phase
    parts = []
    if experiment.rows_total:
        done, total = figures.count(experiment.rows), figures.count(experiment.rows_total)
        parts.append(f"{done} of {total} rows ({experiment.percent} %)")
    if experiment.phase == "Running":
        parts.extend(_speed(experiment))
    if experiment.message:
        parts.append(f"{experiment.reason}: {experiment.message}")
    return f"{head}: {', '.join(parts)}" if parts else head


def _speed(experiment: Experiment) -> list[str]:
    speed, eta = experiment.run.get("rowsPerSecond"), experiment.run.get("etaSeconds")
    return [figures.rate(speed), f"ETA {figures.duration(eta)}"] if speed else []


class _Bars:
    """A bar for each table and one for all."""

    def __init__(self, console: Console) -> None:
        self._progress = Progress(
            TextColumn("{task.fields[label]}"),
            BarColumn(bar_width=30),
            TaskProgressColumn(),
            TextColumn("{task.fields[figures]}"),
            console=console,
            # What stays on the screen is the table that is printed at the end.
            transient=True,
        )
        self._tasks: dict[str, TaskID] = {}

    def __enter__(self) -> _Bars:
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    def show(self, experiment: Experiment) -> None:
        # Unfinished tables come first in the status; bars keep their place on the screen.
        for table in experiment.tables:
            name, rows = table["name"], table["rows"]
            if f"t:{name}" in self._tasks or len(self._tasks) < _MAX_BARS:
                text = f"{figures.count(rows)} rows"
                self._bar(f"t:{name}", name, rows, table["rowsTotal"], text)
        words = [f"{figures.count(experiment.rows)} rows", *_speed(experiment)]
        if experiment.message:
            words.append(f"{experiment.reason}: {experiment.message}")
        head = f"run {experiment.number} " if experiment.number else ""
        self._bar(
            "total",
            f"{head}{experiment.phase}",
            experiment.rows,
            experiment.rows_total,
            ", ".join(words),
        )

    def _bar(self, key: str, label: str, done: int, total: int, text: str) -> None:
        # A table of no rows is done from the start.
        shown, whole = (done, total) if total else (1, 1)
        # Names and messages come from elsewhere and must not be read as markup.
        safe, words = Text(label).markup, Text(text).markup
        if key not in self._tasks:
            self._tasks[key] = self._progress.add_task("", total=whole, label=safe, figures=words)
        self._progress.update(
            self._tasks[key], completed=shown, total=whole, label=safe, figures=words
        )
