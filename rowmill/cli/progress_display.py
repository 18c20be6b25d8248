"""Progress on standard error: live bars on a terminal, else a plain line every few seconds."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TaskProgressColumn, TextColumn
from rich.text import Text

from rowmill.local.progress import Phase, Snapshot
from rowmill.terminal import figures

Show = Callable[[Snapshot], None]
# More bars than fit a screen help nobody: of the rest only the total shows.
MAX_BARS = 20


@contextmanager
def progress_display(style: str | None, interval: float) -> Iterator[Show]:
    """A function to call with each snapshot; `style` is bars, plain, none or None: by terminal."""
    chosen = style or ("bars" if sys.stderr.isatty() else "plain")
    if chosen == "bars":
        with _Bars() as bars:
            yield bars.show
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


class _Bars:
    """A bar for each table and one for all."""

    def __init__(self) -> None:
        self._progress = Progress(
            TextColumn("{task.fields[label]}"),
            BarColumn(bar_width=30),
            TaskProgressColumn(),
            TextColumn("{task.fields[figures]}"),
            console=Console(stderr=True),
            transient=False,
        )
        self._tasks: dict[str, TaskID] = {}

    def __enter__(self) -> _Bars:
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    def show(self, snapshot: Snapshot) -> None:
        for table in snapshot.tables[:MAX_BARS]:
            speed = table.work.copied or table.work.uploaded
            rate = figures.rate(speed / snapshot.loading) if snapshot.loading and speed else ""
            text = f"{figures.count(table.rows)} rows {rate}"
            self._bar(f"t:{table.name}", table.name, table.rows, table.total, text)
        self._bar(
            "total",
            f"run {snapshot.run.number} {snapshot.phase}",
            snapshot.rows,
            snapshot.total,
            _total_figures(snapshot),
        )

    def _bar(self, key: str, label: str, done: int, total: int, text: str) -> None:
        # A table of no rows is done from the start.
        shown, whole = (done, total) if total else (1, 1)
        # Names come from the manifest and must not be read as markup.
        safe = Text(label).markup
        if key not in self._tasks:
            self._tasks[key] = self._progress.add_task("", total=whole, label=safe, figures=text)
        self._progress.update(self._tasks[key], completed=shown, label=safe, figures=text)


def _total_figures(snapshot: Snapshot) -> str:
    if snapshot.phase is Phase.FINALIZING and snapshot.step:
        return Text(snapshot.step).markup
    if snapshot.phase is not Phase.LOADING:
        return f"{figures.count(snapshot.rows)} rows"
    speed, eta = figures.rate(snapshot.rows_per_second), figures.duration(snapshot.eta_seconds)
    return f"{figures.count(snapshot.rows)} rows, {speed}, ETA {eta}"
