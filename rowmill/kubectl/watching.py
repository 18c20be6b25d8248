"""`status -w`: a run as it goes, until it has ended; and `status`, which asks for that or not."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console

from rowmill.cluster.apiserver.patience import patiently
from rowmill.cluster.experiment import Experiment
from rowmill.cluster.namespace import Cluster
from rowmill.counting import counted
from rowmill.engine.records import Progress
from rowmill.errors import Failed, Interrupted
from rowmill.kubectl import records
from rowmill.kubectl.failures import StillUnderWay
from rowmill.terminal import figures
from rowmill.terminal.bars import Bar, Bars
from rowmill.terminal.failures import Answered, UsageError
from rowmill.terminal.output import Output, print_json
from rowmill.terminal.prose import notice

Show = Callable[[Experiment], None]
# The operator writes progress every 5 seconds; asking more often shows nothing new for long.
_SECONDS = 2.0
_AT_WORK = ("Running", "Finalizing")


def status(cluster: Cluster, name: str | None, watch: bool, output: Output) -> None:
    """Show runs as they stand, or with `watch` one until it has ended."""
    if watch:
        watch_run(cluster, name, as_json=output is Output.JSON)
    else:
        records.status(cluster, name, output)


def watch_run(
    cluster: Cluster,
    name: str | None,
    *,
    as_json: bool,
    timeout: float | None = None,
    asked: bool = False,
    sleep: Callable[[float], None] = time.sleep,
    clock: Callable[[], float] = time.monotonic,
) -> None:
    """Show NAME until its newest run has ended, and leave as that did: 0, 4 failed, 5 aborted.

    Args:
        cluster: where NAME is.
        name: of the Experiment.
        as_json: print one JSON document at the end, all else to standard error.
        timeout: seconds after which to give up.
        asked: whether a run was just asked for, which a refused spec never begins.
        sleep: waits for so many seconds.
        clock: tells seconds.

    Raises:
        UsageError: no name was given, or what was asked for will not begin.
        StillUnderWay: the run had not ended in time; it goes on.
        Answered: all was shown, and the run had failed.
    """
    if name is None:
        raise UsageError("-w takes the NAME of one Experiment; for all: kubectl get experiments -w")
    with display_on(Console(stderr=as_json)) as display:
        experiment = Experiment(cluster.experiment(name))
        display(experiment)
        since = clock()
        while not experiment.settled:
            if asked and experiment.refused and experiment.phase not in _AT_WORK:
                raise UsageError(f"no run of {name} begins: {experiment.message}")
            if timeout is not None and clock() - since >= timeout:
                raise StillUnderWay(
                    f"{name} was not done within {figures.duration(timeout)} "
                    f"({line_of(experiment)}); it goes on: kubectl rowmill status {name} -w"
                )
            sleep(_SECONDS)
            experiment = Experiment(patiently(lambda: cluster.experiment(name), notice, sleep))
            display(experiment)
    if as_json:
        print_json(experiment.document())
    else:
        records.show(experiment)
    if experiment.phase == "Failed":
        raise Answered(Interrupted if experiment.reason == "Aborted" else Failed)


@contextmanager
def display_on(console: Console) -> Iterator[Show]:
    """Live bars on a terminal, else a plain line whenever it changes."""
    if console.is_terminal:
        # What stays on the screen is the table that is printed at the end.
        with Bars(console, transient=True) as bars:
            yield lambda experiment: _show_bars(bars, experiment)
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
    """What a run does in one line, such as `run 1 Running: 70 of 100 rows durable (70 %)`."""
    parts, progress = [], experiment.overall
    if progress.run.rows_total:
        done = figures.durable(progress.run.rows, progress.run.rows_total)
        parts.append(f"{done} ({progress.percent} %)")
    if experiment.phase == "Running":
        parts.extend(_speed(progress))
    if experiment.message:
        parts.append(f"{experiment.reason}: {experiment.message}")
    head = _head(experiment)
    return f"{head}: {', '.join(parts)}" if parts else head


def _head(experiment: Experiment) -> str:
    """The run and its phase; what is told of one that has not begun is not of the run before."""
    number = f"run {experiment.number} " if experiment.begun else ""
    return f"{number}{experiment.phase}"


def _speed(progress: Progress) -> list[str]:
    speed, eta = progress.rows_per_second, progress.eta_seconds
    if speed is None:
        return []
    return [figures.rate(speed), *([f"ETA {figures.duration(eta)}"] if eta is not None else [])]


def _show_bars(bars: Bars, experiment: Experiment) -> None:
    progress = experiment.progress
    for table in progress.tables:
        text = counted(table.rows, "row")
        bars.table(table.name, Bar(table.rows, table.rows_total, table.percent, text))
    rows, total = progress.run.rows, progress.run.rows_total or 0
    words = [f"{counted(rows, 'row')} durable", *_speed(progress)]
    if experiment.message:
        words.append(f"{experiment.reason}: {experiment.message}")
    bars.whole(_head(experiment), Bar(rows, total, progress.percent, ", ".join(words)))
