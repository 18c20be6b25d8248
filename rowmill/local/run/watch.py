"""Watch over a live run: whether its lock is still held and its state still lets it go on.

It tells the ledger by the way how far the run is.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import closing, suppress

from rowmill.destinations.errors import DestinationRefused, DestinationUnavailable, Fenced
from rowmill.destinations.ledger import ExperimentHold, Ledger, RunRecords
from rowmill.errors import Interrupted
from rowmill.local.run.progress_report import ProgressReport
from rowmill.plan.runs import UNFINISHED, Run, RunState
from rowmill.worker.destinations import Destinations

WATCH_SECONDS = 1.0


class LockLost(Exception):
    """The claim on the experiment is gone: another supervisor may have taken the run up."""


class Watch:
    """Asks the ledger about once a second, in a thread and over a connection of its own.

    A server that is frozen or out of reach answers late or never: then this thread waits, and not
    the supervisor, which must always hear Ctrl-C.
    """

    def __init__(
        self,
        run: Run,
        hold: ExperimentHold,
        reopen: Callable[[], Destinations],
        report: ProgressReport,
    ) -> None:
        self._run = run
        self._hold = hold
        self._reopen = reopen
        self._report = report
        self._over = threading.Event()
        self._found: Exception | None = None

    def check(self) -> None:
        """Raise what was found.

        Raises:
            LockLost: another has the lock by now.
            Fenced: the run was aborted, reset or deleted.
            Exception: a defect, with which the watch ended.
        """
        if self._found is not None:
            raise self._found

    def __enter__(self) -> Watch:
        threading.Thread(target=self._watch, name="watch", daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        # Not waited for: it may be waiting for a server that never answers.
        self._over.set()

    def _watch(self) -> None:
        while self._found is None and not self._over.is_set():
            try:
                with closing(self._reopen()) as own:
                    self._found = self._look_until_over(own.ledger)
            except (DestinationRefused, DestinationUnavailable):
                self._over.wait(WATCH_SECONDS)
            except Interrupted:
                return
            except Exception as error:  # noqa: BLE001 - a defect: else no abort is heard any more
                self._found = error

    def _look_until_over(self, ledger: Ledger) -> Exception | None:
        while not self._over.wait(WATCH_SECONDS):
            try:
                found = self._look(ledger.runs)
            except (DestinationRefused, DestinationUnavailable):
                # The workers meet the same trouble, and have the patience for it.
                continue
            if found is not None:
                return found
            # It is good to know, and no more.
            with suppress(Exception):
                self._report.write(ledger.progress)
        return None

    def _look(self, runs: RunRecords) -> Exception | None:
        if self._hold.lost():
            return LockLost(
                "the lock that keeps a second run away was lost with its connection, and another "
                "run has it by now; once that ends, run again to resume"
            )
        known = runs.find(self._run.id)
        # COMPLETED comes before the worker's own word that it is done.
        if known is None or known.state not in UNFINISHED | {RunState.COMPLETED}:
            return Fenced(f"run {self._run.number} is no longer live")
        return None
