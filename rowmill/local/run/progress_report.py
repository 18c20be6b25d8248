"""The supervisor's word on how far its run is, kept in the ledger for whoever looks."""

from __future__ import annotations

import time

from rowmill.destinations.ledger import RunProgress
from rowmill.local.run.progress import ProgressBoard, Snapshot
from rowmill.worker.live_progress import LiveProgress

# As often as the watch comes by; what is due before it comes again is written now.
_EARLY_SECONDS = 0.5


class ProgressReport:
    """Carries the newest snapshot from the supervisor to the thread that may wait for the ledger.

    A snapshot is written once: while the supervisor tells nothing new, what is kept grows old, and
    whoever looks asks the ledger itself.
    """

    def __init__(self, workers: int) -> None:
        self._workers = workers
        self._offered: Snapshot | None = None
        self._due = 0.0

    def offer(self, board: ProgressBoard) -> None:
        """Take how far the run is now; called by the supervisor, which never waits."""
        self._offered = board.snapshot()

    def write(self, to: RunProgress) -> None:
        """Write what was offered last, if that is due; called by the watch, about once a second."""
        now = time.monotonic()
        snapshot = self._offered
        if snapshot is None or now < self._due:
            return
        self._offered = None
        self._due = now + to.write_seconds - _EARLY_SECONDS
        told = live_progress(snapshot, self._workers)
        to.write(snapshot.run.id, told.to_json(snapshot.run.plan))


def live_progress(snapshot: Snapshot, workers: int) -> LiveProgress:
    """What a snapshot of a run by so many worker processes tells of it."""
    return LiveProgress(
        step=snapshot.doing,
        workers=workers,
        rows={table.name: table.rows for table in snapshot.tables},
        rows_per_second=snapshot.rows_per_second or None,
        eta_seconds=snapshot.eta_seconds,
        waits_for=snapshot.waits_for,
    )
