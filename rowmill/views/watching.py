"""A run as it goes: live bars on a terminal, else a line whenever it changes."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

from rich.console import Console

from rowmill.counting import counted
from rowmill.engine.records import Progress, RunRecord, State
from rowmill.terminal import figures
from rowmill.terminal.bars import Bar, Bars
from rowmill.terminal.prose import visible
from rowmill.views.verdicts import verdict_word

Show = Callable[[Progress], None]


def display(*, stderr: bool) -> AbstractContextManager[Show]:
    """As `display_on`, on standard output or standard error."""
    return display_on(Console(stderr=stderr))


@contextmanager
def display_on(console: Console) -> Iterator[Show]:
    """Live bars on a terminal, else a plain line whenever it changes."""
    if console.is_terminal:
        # What stays on the screen is the table that is printed at the end.
        with Bars(console, transient=True) as bars:
            yield lambda progress: _show_bars(bars, progress)
    else:
        yield _Lines(sys.stderr.write if console.stderr else sys.stdout.write).show


def line_of(progress: Progress) -> str:
    """What a run does in one line, such as `run 1 RUNNING: 70 of 100 rows durable (70 %)`."""
    run, parts = progress.run, []
    if run.rows_total:
        done = figures.durable(run.rows, run.rows_total)
        parts.append(f"{done} ({progress.percent} %)")
    if run.state is State.RUNNING:
        parts.extend(_speed(progress))
    if in_steps(progress):
        parts.append(progress.step or "")
    if explained(run):
        parts.append(explained(run))
    if run.verification is not None:
        parts.append(verdict_word(run.verification))
    return f"{_head(run)}: {', '.join(parts)}" if parts else _head(run)


def explained(run: RunRecord) -> str:
    """What a run does or waits for, with the word for it where there is one."""
    if not run.message:
        return ""
    said = run.message.casefold().startswith(run.reason.casefold()) if run.reason else True
    return run.message if said else f"{run.reason}: {run.message}"


def in_steps(progress: Progress) -> bool:
    """Whether its step says more than its state and its message."""
    run, told = progress.run, progress.step not in (None, "", progress.run.message)
    return told and run.state in (State.FINALIZING, State.PUBLISHING)


class _Lines:
    def __init__(self, write: Callable[[str], object]) -> None:
        self._write = write
        self._last = ""

    def show(self, progress: Progress) -> None:
        line = line_of(progress)
        if line != self._last:
            self._last = line
            self._write(visible(line) + "\n")
            sys.stdout.flush()


def _head(run: RunRecord) -> str:
    """The run and its state; what is told of one that has not begun is not of the run before."""
    return run.state.value if run.number is None else f"run {run.number} {run.state.value}"


def _speed(progress: Progress) -> list[str]:
    speed, eta = progress.rows_per_second, progress.eta_seconds
    if speed is None:
        return []
    return [figures.rate(speed), *([f"ETA {figures.duration(eta)}"] if eta is not None else [])]


def _show_bars(bars: Bars, progress: Progress) -> None:
    run = progress.run
    for table in progress.tables:
        text = counted(table.rows, "row")
        bars.table(table.name, Bar(table.rows, table.rows_total, table.percent, text))
    words = [f"{counted(run.rows, 'row')} durable", *_speed(progress)]
    if in_steps(progress):
        words.append(progress.step or "")
    if explained(run):
        words.append(explained(run))
    if run.verification is not None:
        words.append(verdict_word(run.verification))
    total = run.rows_total or 0
    bars.whole(_head(run), Bar(run.rows, total, progress.percent, ", ".join(words)))
