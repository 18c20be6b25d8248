"""A watcher that stays, in a home of its own: what it is told of a run must always be so."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from rowmill.engine.records import Progress, State
from rowmill.errors import RowmillError
from rowmill.local.engine import LocalEngine


@dataclass
class Watcher:
    """Looks at the newest run; a `Reader` calls it over and over.

    `struck` counts the faults so far: only a fault takes rows back that were told as durable.
    """

    engine: LocalEngine
    name: str
    struck: Callable[[], int]
    _last: Progress | None = field(default=None, init=False)
    _strikes: int = field(default=0, init=False)

    def look(self) -> str | None:
        """What is untrue of what it is told, None if nothing is."""
        before = self.struck()
        try:
            progress = self.engine.status(self.name)
        except RowmillError:
            # There is no run yet, or a server is down.
            return None
        strikes = self.struck()
        last = self._last if before == self._strikes == strikes else None
        self._last, self._strikes = progress, strikes
        return untruth(progress, last)

    def final(self) -> list[str]:
        """What is untrue once the experiment is complete."""
        state = self.engine.status(self.name).run.state
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
    if run.number == last.run.number and run.rows < last.run.rows:
        return f"{told}{run.rows} rows after {last.run.rows}, and no fault took any"
    return None
