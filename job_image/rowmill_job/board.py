"""What a pod shows of its work while it lasts: its progress and its metrics."""

from __future__ import annotations

import time
from collections import deque
from threading import Lock

from rowmill.destinations.ledger import PendingPart
from rowmill.plan.layout import Batch
from rowmill.plan.pod_contract import PARQUET, POSTGRES
from rowmill.plan.pod_progress import PodProgress, TableProgress
from rowmill.plan.pod_report import Used
from rowmill.worker.shard_progress import ShardProgress, TableDone
from rowmill.worker.tally import Tally, vitals
from rowmill_job.metrics import Metrics

RATE_SECONDS = 10.0
# The longest wait between two tries is shorter.
NOTICE_SECONDS = 60.0


class Board:
    """A `Report` of the worker's loop that others may read at any time."""

    def __init__(self, task: str, shard: int | None) -> None:
        self.metrics = Metrics()
        self._tally = Tally()
        self._task = task
        self.shard = shard
        self._lock = Lock()
        self._run = ""
        self._step = ""
        self._notice = ("", 0.0)
        self._progress: ShardProgress | None = None
        self._made = 0
        self._recent: deque[tuple[float, int]] = deque()

    def show(self, run_id: str, progress: ShardProgress) -> None:
        """From now on show this run."""
        self._run, self._progress = run_id, progress
        self._recent.append((time.monotonic(), self._made))

    def about(self, run_id: str) -> None:
        """From now on show this run, of which nothing is made."""
        self._run = run_id

    def compared(self, rows: int) -> None:
        """So many rows were made again or read by now, all in all."""
        with self._lock:
            self._made, now = rows, time.monotonic()
            self._recent.append((now, rows))
            self._drop_old(now)
        self._notice = ("", 0.0)

    def begin(self) -> None:
        """The first batch is about to be made."""
        self._tally.begin()

    def step(self, label: str) -> None:
        """A finalize step begins."""
        self._step = label

    def notice(self, text: str) -> None:
        """A server that is waited for; shown until work goes on, or it is old news. "" ends it."""
        self._notice = text, time.monotonic()

    def retried(self, destination: str) -> None:
        self.metrics.retries.labels(destination).inc()

    def generated(self, table: str, rows: int) -> None:
        self.metrics.rows.labels("generated").inc(rows)
        with self._lock:
            self._made += rows
            self._recent.append((time.monotonic(), self._made))

    def copied(self, batch: Batch, size: int) -> None:
        self.metrics.rows.labels("copied").inc(batch.rows)
        self.metrics.batches.labels(POSTGRES).inc()
        self.metrics.bytes.labels(POSTGRES).inc(size)
        self._notice = ("", 0.0)
        self._tally.copied(batch, size)
        if self._progress is not None:
            self._progress.copied(batch)

    def uploaded(self, table: str, rows: int) -> None:
        self.metrics.rows.labels("uploaded").inc(rows)
        self.metrics.batches.labels(PARQUET).inc()
        self._notice = ("", 0.0)

    def recorded(self, part: PendingPart) -> None:
        self.metrics.bytes.labels(PARQUET).inc(part.bytes)
        self._tally.recorded(part)
        if self._progress is not None:
            self._progress.recorded(part)

    @property
    def rows(self) -> int:
        """Durable rows of the pod's work."""
        return self._progress.rows if self._progress else 0

    @property
    def used(self) -> Used:
        """What the pod took of its node so far."""
        taken = vitals(self._tally.stretch())
        loading = None if taken.loading is None else round(taken.loading.cpu_seconds, 3)
        return Used(round(taken.cpu_seconds, 3), taken.peak_bytes, loading)

    def progress(self) -> bytes:
        """The answer to GET /progress."""
        tables = self._progress.tables() if self._progress else []
        # Of many tables the last ones may have no room.
        unfinished_first = sorted(tables, key=lambda table: table.rows == table.total)
        progress = PodProgress(
            rows=sum(table.rows for table in tables),
            rows_per_second=round(self._rate(), 1),
            step=self._step,
            notice=self._fresh_notice(),
            tables=tuple(map(_table, unfinished_first)),
            run=self._run,
            task=self._task,
            shard=self.shard,
        )
        return progress.text()

    def scrape(self) -> bytes:
        """The answer to GET /metrics."""
        self.metrics.shard_rows.set(self.rows)
        return self.metrics.text()

    def _fresh_notice(self) -> str:
        text, at = self._notice
        return text if time.monotonic() - at < NOTICE_SECONDS else ""

    def _rate(self) -> float:
        """Rows made a second of late, which says whether the pod gets on; not what is durable."""
        now = time.monotonic()
        with self._lock:
            self._drop_old(now)
            if len(self._recent) < 2:
                return 0.0
            since, before = self._recent[0]
            return (self._made - before) / max(now - since, 1e-3)

    def _drop_old(self, now: float) -> None:
        # One that is older stays, as the beginning of the stretch.
        while len(self._recent) > 1 and self._recent[1][0] < now - RATE_SECONDS:
            self._recent.popleft()


def _table(table: TableDone) -> TableProgress:
    return TableProgress(table.name, table.rows, table.batches, table.batch_rows)
