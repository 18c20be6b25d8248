"""Progress on standard error: live bars on a terminal, else a plain line every few seconds."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Protocol

from rowmill.cli.waiting import in_lines
from rowmill.counting import counted
from rowmill.destinations.patience import Wait, Waiting
from rowmill.local.run.progress import Phase, Snapshot, TableState
from rowmill.terminal import figures
from rowmill.terminal.prose import say

if TYPE_CHECKING:
    from rowmill.terminal.bars import Bars


class Display(Protocol):
    """Called with each snapshot of a run; `wait` with each word on a server that it waits for."""

    def __call__(self, snapshot: Snapshot) -> None: ...

    def wait(self, wait: Wait) -> None: ...


@contextmanager
def progress_display(style: str | None, interval: float) -> Iterator[Display]:
    """A display; `style` is bars, plain, none or None: by terminal."""
    chosen = style or ("bars" if sys.stderr.isatty() else "plain")
    if chosen == "bars":
        # Only here: rich takes 0.03 s to import, and a run in a script shows no bars.
        from rich.console import Console

        from rowmill.terminal.bars import Bars

        with Bars(Console(stderr=True), transient=False) as bars:
            yield _Bars(bars)
    elif chosen == "plain":
        yield _Lines(interval)
    else:
        yield _Silent()


def report(text: str) -> None:
    """A line on standard error, if anybody still reads it: a run does not end for want of one."""
    with suppress(OSError):
        say(text, err=True)


class _Silent:
    """Nothing of the progress; a wait is told all the same, for it may be the end."""

    def __init__(self) -> None:
        self.wait = in_lines()

    def __call__(self, snapshot: Snapshot) -> None:
        return


class _Lines(_Silent):
    """One line every `interval` seconds, and one at each turn of the run."""

    def __init__(self, interval: float) -> None:
        super().__init__()
        self._interval = interval
        self._next = 0.0
        self._turn: tuple[Phase, str] | None = None

    def __call__(self, snapshot: Snapshot) -> None:
        # How far a verification is changes all the time.
        told = "" if snapshot.phase is Phase.VERIFYING else snapshot.step
        turn = (snapshot.phase, told)
        if turn == self._turn and time.monotonic() < self._next:
            return
        self._turn = turn
        self._next = time.monotonic() + self._interval
        report(_line(snapshot))


def _line(snapshot: Snapshot) -> str:
    head = f"run {snapshot.run.number} {snapshot.phase}"
    if snapshot.in_step:
        return f"{head}: {snapshot.step}"
    rows = f"{figures.durable(snapshot.rows, snapshot.total)} ({snapshot.percent} %)"
    if snapshot.phase is not Phase.LOADING:
        return f"{head}: {rows}"
    ahead = [_ahead(snapshot)] if snapshot.on_the_way else []
    line = f"{head}: {', '.join([rows, *ahead, *_speed(snapshot)])}"
    return "; ".join([line, *_tables(snapshot)])


def _speed(snapshot: Snapshot) -> list[str]:
    """The rate at which rows become durable, once it is known."""
    if not snapshot.rows_per_second:
        return []
    eta = snapshot.eta_seconds
    rest = [] if eta is None else [f"ETA {figures.duration(eta)}"]
    return [figures.rate(snapshot.rows_per_second), *rest]


def _ahead(state: Snapshot | TableState) -> str:
    return f"{figures.count(state.on_the_way)} more on their way"


def _tables(snapshot: Snapshot) -> list[str]:
    """The tables under way; between two of them there may be none."""
    active = [t for t in snapshot.tables if t.rows < t.total and t.rows + t.on_the_way]
    if active:
        return [", ".join(f"{t.name} {t.percent} %" for t in active[:5])]
    return [] if snapshot.rows else ["starting"]


class _Bars:
    """Bars, and below them the wait that goes on, counted down."""

    def __init__(self, bars: Bars) -> None:
        self._bars = bars

    def __call__(self, snapshot: Snapshot) -> None:
        _show_bars(self._bars, snapshot)

    def wait(self, wait: Wait) -> None:
        self._bars.foot(_countdown(wait) if isinstance(wait, Waiting) else None)


def _countdown(wait: Waiting) -> Callable[[], str]:
    since = time.monotonic()
    return lambda: f"{wait.trouble}; {wait.rest(time.monotonic() - since)}"


def _show_bars(bars: Bars, snapshot: Snapshot) -> None:
    from rowmill.terminal.bars import Bar

    for table in snapshot.tables:
        words = [counted(table.rows, "row")]
        if table.on_the_way:
            words.append(_ahead(table))
        bar = Bar(table.rows, table.total, table.percent, ", ".join(words), table.on_the_way)
        bars.table(table.name, bar)
    text = ", ".join(_whole(snapshot))
    bar = Bar(snapshot.rows, snapshot.total, snapshot.percent, text, snapshot.on_the_way)
    bars.whole(f"run {snapshot.run.number} {snapshot.phase}", bar)


def _whole(snapshot: Snapshot) -> list[str]:
    if snapshot.in_step:
        return [snapshot.step]
    if snapshot.phase is not Phase.LOADING:
        return [figures.durable(snapshot.rows, snapshot.total)]
    # What is on its way is drawn, and told of each table: all of it would not fit a screen.
    return [f"{counted(snapshot.rows, 'row')} durable", *_speed(snapshot)]
