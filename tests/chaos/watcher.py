"""A watcher that stays, in a home of its own: what it is told of a run must always be so."""

from __future__ import annotations

from collections.abc import Callable

from rowmill.engine.records import Progress, State
from rowmill.errors import RowmillError
from rowmill.local.engine import LocalEngine


class Watcher:
    """Watches the newest run, and the next; a `Reader` has it look over and over.

    `struck` counts the faults so far: only a fault takes rows back that were told as durable.
    """

    def __init__(self, engine: LocalEngine, name: str, struck: Callable[[], int]) -> None:
        self._engine = engine
        self._name = name
        self._struck = struck
        self._watching = engine.watch(name)
        self._last: Progress | None = None
        self._strikes = 0

    def look(self) -> str | None:
        """What is untrue of what it is told, None if nothing is."""
        before = self._struck()
        try:
            progress = next(self._watching)
        except (StopIteration, RowmillError):
            # The run has ended, there is none yet, or a server is down.
            # What another watch tells may be a few seconds behind this one.
            self._watching, self._last = self._engine.watch(self._name), None
            return None
        strikes = self._struck()
        last = self._last if before == self._strikes == strikes else None
        self._last, self._strikes = progress, strikes
        if not strikes and progress.run.state is State.INTERRUPTED:
            return f"a watcher was told of run {progress.run.number}, INTERRUPTED by no fault"
        return untruth(progress, last)

    def final(self) -> list[str]:
        """What is untrue once the experiment is complete."""
        state = self._engine.status(self._name).run.state
        return [] if state is State.COMPLETED else [f"a watcher was told {state} of a complete run"]


def untruth(now: Progress, last: Progress | None) -> str | None:
    """What cannot be so of a run; `last` was told before, and no fault since."""
    run, told = now.run, f"a watcher was told of run {now.run.number}, {now.run.state}, "
    for table in now.tables:
        if not (0 <= table.rows <= table.rows_total and 0 <= table.batches_done <= table.batches):
            return f"{told}{table}"
    if run.rows != sum(table.rows for table in now.tables):
        return f"{told}{run.rows} rows, which are not those of its tables"
    if run.state is State.COMPLETED and run.rows != run.rows_total:
        return f"{told}{run.rows} of {run.rows_total} rows"
    if last is None or last.run.number is None or run.number is None:
        return None
    if run.number < last.run.number:
        return f"{told}after run {last.run.number}"
    if run.number > last.run.number:
        return None
    if last.run.state is State.COMPLETED and run.state is not State.COMPLETED:
        return f"{told}after it was complete"
    if run.rows < last.run.rows:
        return f"{told}{run.rows} rows after {last.run.rows}, and no fault took any"
    return None
