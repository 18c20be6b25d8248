"""The progress of a run on one machine: what all workers did, added up for whoever shows it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, fields
from enum import StrEnum

from rowmill.destinations.ledger import Run
from rowmill.local.messages import Progress
from rowmill.worker.remaining import Durable, rows_durable
from rowmill.worker.tally import TableProgress, Vitals

SHOW_SECONDS = 0.2


class Phase(StrEnum):
    PREPARING = "preparing"
    LOADING = "loading"
    FINALIZING = "finalizing"
    COMPLETE = "complete"
    INTERRUPTED = "interrupted"
    FAILED = "failed"


@dataclass(frozen=True)
class TableState:
    """One table: `rows` in every destination, of `total`; `work` is what this command did."""

    name: str
    rows: int
    total: int
    work: TableProgress


@dataclass(frozen=True)
class Snapshot:
    """A run at one moment.

    `step` is the finalize step under way, `loading` the seconds since loading began, `already` the
    rows that were durable before this command.
    """

    run: Run
    resumed: bool
    phase: Phase
    step: str
    loading: float
    already: int
    tables: tuple[TableState, ...]
    workers: Mapping[int, Vitals]

    @property
    def rows(self) -> int:
        return sum(table.rows for table in self.tables)

    @property
    def total(self) -> int:
        return sum(table.total for table in self.tables)

    @property
    def rows_per_second(self) -> float:
        return (self.rows - self.already) / self.loading if self.loading > 0 else 0.0

    @property
    def eta_seconds(self) -> float | None:
        """Seconds until all rows are loaded at the rate so far, or None when it is not known."""
        rate = self.rows_per_second
        return (self.total - self.rows) / rate if rate > 0 else None

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
        self._loading_since: float | None = None
        self._loading_ended: float | None = None
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
        elif self._loading_since is not None and self._loading_ended is None:
            self._loading_ended = now
        self._phase = phase
        return self._show()

    def step(self, label: str) -> None:
        """A finalize step begins."""
        self._step = label
        if label == "publish":
            self.publishing_since = time.monotonic()
        self._show()

    def progress(self, worker: int, report: Progress) -> None:
        """A worker's counts since it started."""
        self._reports[worker] = report
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
        # Shown as they stream; only the ledger knows what is durable. A part that is made again
        # would count twice, so the total is the ceiling.
        copied, uploaded = self._before.get(name, (0, None))
        stages = [
            before + now
            for before, now in ((copied, work.copied), (uploaded, work.uploaded))
            if before is not None
        ]
        rows = total if self._phase is Phase.COMPLETE else min(total, *stages)
        return TableState(name, rows, total, work)


def _sum(parts: Iterable[TableProgress]) -> TableProgress:
    totals = dict.fromkeys((f.name for f in fields(TableProgress)), 0)
    for part in parts:
        for name in totals:
            totals[name] += getattr(part, name)
    return TableProgress(**totals)
