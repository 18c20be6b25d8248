"""Progress on standard error: live bars on a terminal, else a plain line every few seconds."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from rich.console import Console

from rowmill.local.progress import Phase, Snapshot
from rowmill.terminal import figures
from rowmill.terminal.bars import Bars

Show = Callable[[Snapshot], None]


@contextmanager
def progress_display(style: str | None, interval: float) -> Iterator[Show]:
    """A function to call with each snapshot; `style` is bars, plain, none or None: by terminal."""
    chosen = style or ("bars" if sys.stderr.isatty() else "plain")
    if chosen == "bars":
        with Bars(Console(stderr=True), transient=False) as bars:
            yield lambda snapshot: _show_bars(bars, snapshot)
    elif chosen == "plain":
        yield _Lines(interval).show
    else:
        yield lambda snapshot: None


def tell(text: str) -> None:
    """A line on standard error, if anybody still reads it: a run does not end for want of one."""
    with suppress(OSError):
        print(text, file=sys.stderr, flush=True)


class _Lines:
    """One line every `interval` seconds, and one at each turn of the run."""

    def __init__(self, interval: float) -> None:
        self._interval = interval
        self._next = 0.0
        self._turn: tuple[Phase, str] | None = None

    def show(self, snapshot: Snapshot) -> None:
        turn = (snapshot.phase, snapshot.step)
        if turn == self._turn and time.monotonic() < self._next:
            return
        self._turn = turn
        self._next = time.monotonic() + self._interval
        tell(_line(snapshot))


def _line(snapshot: Snapshot) -> str:
    head = f"run {snapshot.run.number} {snapshot.phase}"
    if snapshot.phase is Phase.FINALIZING and snapshot.step:
        return f"{head}: {snapshot.step}"
    rows = f"{figures.count(snapshot.rows)} of {figures.count(snapshot.total)} rows"
    if snapshot.phase is not Phase.LOADING or not snapshot.rows_per_second:
        return f"{head}: {rows}"
    percent = 100 * snapshot.rows / max(1, snapshot.total)
    speed = figures.rate(snapshot.rows_per_second)
    eta = figures.duration(snapshot.eta_seconds)
    return f"{head}: {rows} ({percent:.0f} %), {speed}, ETA {eta}; {_tables(snapshot)}"


def _tables(snapshot: Snapshot) -> str:
    active = [t for t in snapshot.tables if 0 < t.rows < t.total]
    return ", ".join(f"{t.name} {100 * t.rows // t.total} %" for t in active[:5]) or "starting"


def _show_bars(bars: Bars, snapshot: Snapshot) -> None:
    for table in snapshot.tables:
        speed = table.work.copied or table.work.uploaded
        rate = figures.rate(speed / snapshot.loading) if snapshot.loading and speed else ""
        bars.table(table.name, table.rows, table.total, f"{figures.count(table.rows)} rows {rate}")
    label = f"run {snapshot.run.number} {snapshot.phase}"
    bars.whole(label, snapshot.rows, snapshot.total, _total_figures(snapshot))


def _total_figures(snapshot: Snapshot) -> str:
    if snapshot.phase is Phase.FINALIZING and snapshot.step:
        return snapshot.step
    if snapshot.phase is not Phase.LOADING:
        return f"{figures.count(snapshot.rows)} rows"
    speed, eta = figures.rate(snapshot.rows_per_second), figures.duration(snapshot.eta_seconds)
    return f"{figures.count(snapshot.rows)} rows, {speed}, ETA {eta}"
