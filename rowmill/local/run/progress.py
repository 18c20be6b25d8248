"""The progress of a run on one machine: what all workers did, added up for whoever shows it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, fields
from enum import StrEnum

from rowmill.counting import counted
from rowmill.destinations.patience import Wait, Waiting
from rowmill.local.workers.messages import Progress
from rowmill.plan.pace import Pace, eta_seconds, foreseeable, percent
from rowmill.plan.runs import Run
from rowmill.worker.remaining import Durable, rows_durable
from rowmill.worker.tally import TableProgress, Vitals

SHOW_SECONDS = 0.2


class Phase(StrEnum):
    PREPARING = "preparing"
    LOADING = "loading"
    FINALIZING = "finalizing"
    VERIFYING = "verifying"
    COMPLETE = "complete"
    INTERRUPTED = "interrupted"
    FAILED = "failed"
    ABORTED = "aborted"
    SUSPENDED = "suspended"


# In these a step is under way.
_IN_STEPS = frozenset({Phase.FINALIZING, Phase.VERIFYING})
# In these all rows are published.
_PUBLISHED = frozenset({Phase.VERIFYING, Phase.COMPLETE})
# Of these phases workers are at work, whose batches may yet become durable.
_AT_WORK = frozenset({Phase.LOADING, Phase.FINALIZING})


@dataclass(frozen=True)
class TableState:
    """One table: `rows` that are durable in every destination, of `total`.

    `on_the_way` are rows sent beyond these, which may be lost with a worker; `work` is what this
    command did.
    """

    name: str
    rows: int
    total: int
    work: TableProgress
    on_the_way: int = 0

    @property
    def percent(self) -> int:
        """The whole percent of durable rows, rounded down."""
        return percent(self.rows, self.total)


@dataclass(frozen=True)
class Snapshot:
    """A run at one moment.

    `step` is what a finalize or a verification is at (see `doing`), `loading` the seconds since
    loading began, `already` the rows that were durable before this command, `rows_per_second` those
    that became durable of late. `waits_for` is what a worker waits for since a try of it failed, ""
    if all goes on.
    """

    run: Run
    resumed: bool
    phase: Phase
    step: str
    loading: float
    already: int
    tables: tuple[TableState, ...]
    workers: Mapping[int, Vitals]
    rows_per_second: float = 0.0
    waits_for: str = ""

    def __repr__(self) -> str:
        rows = f"{self.rows:,} of {counted(self.total, 'row')}"
        return f"<Snapshot: run {self.run.number} {self.doing}, {rows}>"

    @property
    def doing(self) -> str:
        """What is being done, in a word or a few: `loading`, `publish`, the key under way."""
        return self.step if self.in_step else self.phase.value

    @property
    def in_step(self) -> bool:
        """Whether `step` tells what is being done."""
        return self.phase in _IN_STEPS and self.step != ""

    @property
    def rows(self) -> int:
        """Rows that are durable in every destination."""
        return sum(table.rows for table in self.tables)

    @property
    def total(self) -> int:
        """Rows that are planned."""
        return sum(table.total for table in self.tables)

    @property
    def on_the_way(self) -> int:
        """Rows sent beyond the durable ones; a crash takes them back."""
        return sum(table.on_the_way for table in self.tables)

    @property
    def percent(self) -> int:
        """The whole percent of durable rows, rounded down."""
        return percent(self.rows, self.total, complete=self.phase in _PUBLISHED)

    @property
    def eta_seconds(self) -> float | None:
        """Seconds until all rows are durable at the rate of late, None while nobody knows."""
        made, left = self.rows - self.already, self.total - self.rows
        if left and not foreseeable(self.loading, made, self.on_the_way, left):
            return None
        return eta_seconds(self.rows, self.total, self.rows_per_second)

    @property
    def work(self) -> TableProgress:
        """What this command did, over all tables."""
        return _sum(table.work for table in self.tables)


class ProgressBoard:
    """Adds up the workers' reports; calls `on_progress` when something changed.

    A worker reports all that it did since it started, so a lost report does no harm and a replaced
    worker's last report stays counted.
    """

    def __init__(self, run: Run, resumed: bool, on_progress: Callable[[Snapshot], None]) -> None:
        self._run = run
        self._resumed = resumed
        self._on_progress = on_progress
        self._phase = Phase.PREPARING
        self._step = ""
        self._already = 0
        self._before: dict[str, tuple[int | None, int | None]] = {}
        self._reports: dict[int, Progress] = {}
        self._waits: dict[str, Waiting] = {}
        self._loading_since: float | None = None
        self._loading_ended: float | None = None
        self._pace: Pace | None = None
        self._shown = 0.0
        self.publishing_since: float | None = None

    def already(self, durable: Durable) -> None:
        """What was durable before this command."""
        plan = self._run.plan
        self._already = sum(rows_durable(plan, durable).values())
        copied = rows_durable(plan, Durable(durable.batches, None))
        uploaded = rows_durable(plan, Durable(None, durable.parts))
        self._before = {
            name: (
                copied[name] if durable.batches is not None else None,
                uploaded[name] if durable.parts is not None else None,
            )
            for name in plan.by_name
        }

    def turn(self, phase: Phase) -> Snapshot:
        """Enter a phase and show it."""
        now = time.monotonic()
        if phase is Phase.LOADING:
            self._loading_since = now
            self._pace = Pace.start(self._already, now)
        elif self._loading_since is not None and self._loading_ended is None:
            self._loading_ended = now
        self._phase = phase
        if phase is Phase.VERIFYING:
            self._step = ""
        return self._show()

    def step(self, label: str) -> None:
        """A finalize step begins."""
        self._step = label
        if label == "publish":
            self.publishing_since = time.monotonic()
        self._show()

    def wait(self, wait: Wait) -> None:
        """A worker waits for a server, or no more; of several who wait for one it is one wait."""
        self._waits.pop(wait.place, None)
        if isinstance(wait, Waiting):
            self._waits[wait.place] = wait

    def worker_died(self) -> None:
        """It tells no more that its wait has ended; the others tell again what they wait for."""
        self._waits.clear()

    def compared(self, step: str) -> None:
        """How far the verification is, in a few words; shown now and then."""
        self._step = step
        if time.monotonic() - self._shown >= SHOW_SECONDS:
            self._show()

    def progress(self, worker: int, report: Progress) -> None:
        """A worker's counts since it started."""
        self._reports[worker] = report
        if self._pace is not None and self._phase is Phase.LOADING:
            rows = sum(self._table(t.table, t.rows).rows for t in self._run.plan.tables)
            self._pace = self._pace.on(rows, time.monotonic())
        if time.monotonic() - self._shown >= SHOW_SECONDS:
            self._show()

    def snapshot(self) -> Snapshot:
        since, until = self._loading_since, self._loading_ended or time.monotonic()
        return Snapshot(
            run=self._run,
            resumed=self._resumed,
            phase=self._phase,
            step=self._step,
            loading=until - since if since is not None else 0.0,
            already=self._already,
            tables=tuple(
                self._table(layout.table, layout.rows) for layout in self._run.plan.tables
            ),
            workers={number: report.vitals for number, report in self._reports.items()},
            rows_per_second=(self._pace.rate if self._pace else None) or 0.0,
            waits_for="; ".join(wait.trouble for wait in self._waits.values()),
        )

    def _show(self) -> Snapshot:
        self._shown = time.monotonic()
        snapshot = self.snapshot()
        self._on_progress(snapshot)
        return snapshot

    def _table(self, name: str, total: int) -> TableState:
        work = _sum(
            report.tables[name] for report in self._reports.values() if name in report.tables
        )
        copied, recorded = self._before.get(name, (0, None))
        durable = _least(total, (copied, work.copied), (recorded, work.recorded))
        sent = _least(total, (copied, work.copied), (recorded, work.uploaded))
        if self._phase in _PUBLISHED:
            # The workers' last reports may be lost.
            durable = total
        ahead = max(0, sent - durable) if self._phase in _AT_WORK else 0
        return TableState(name, durable, total, work, ahead)


def _least(total: int, *stages: tuple[int | None, int]) -> int:
    """The smaller of the destinations' rows, of each those before and those of this command.

    What is made again counts twice, so the total is the ceiling.
    """
    return min(total, *(before + now for before, now in stages if before is not None))


def _sum(parts: Iterable[TableProgress]) -> TableProgress:
    totals = dict.fromkeys((f.name for f in fields(TableProgress)), 0)
    for part in parts:
        for name in totals:
            totals[name] += getattr(part, name)
    return TableProgress(**totals)
