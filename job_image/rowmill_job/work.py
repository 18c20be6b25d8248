"""One task from start to outcome: what is shown meanwhile, said in the log, left at the end."""

from __future__ import annotations

import logging
import sys
import traceback
from threading import Event, Lock

from rowmill.destinations.patience import NowAndThen, Wait, Waiting
from rowmill.log_times import UtcFormatter
from rowmill.plan.pod_contract import ExitCode
from rowmill.plan.pod_report import PodReport
from rowmill.spec.cluster_names import SHARD
from rowmill.worker.shard import Stopped
from rowmill_job.board import Board
from rowmill_job.outcome import (
    Outcome,
    ended_after,
    failed,
    hide,
    leave,
    stopped,
)
from rowmill_job.place import Place
from rowmill_job.pod import Pod
from rowmill_job.serve import serve
from rowmill_job.tasks import TASKS

_log = logging.getLogger("rowmill")


class Work:
    """A pod's task; `do` returns the exit code, `leave_stopped` may be called from another thread.

    No secret's value is in what it logs and leaves, those that were mounted before among them.
    """

    def __init__(self, task: str, stop: Event) -> None:
        handler = logging.StreamHandler(sys.stderr)
        handler.setFormatter(UtcFormatter("%(asctime)s %(levelname)s %(message)s"))
        logging.basicConfig(level=logging.WARNING, handlers=[handler])
        _log.setLevel(logging.INFO)
        self._task = task
        self._stop = stop
        self._place = Place.here()
        self._board = Board(task, self._place.shard if task == SHARD else None)
        self._secrets = set(self._place.secrets())
        self._log_wait = NowAndThen(self._say)
        self._leaving = Lock()
        self._left = False
        self._stopped = stopped()

    def do(self) -> ExitCode:
        outcome = self._outcome()
        self._leave(outcome)
        return outcome.code

    def leave_stopped(self) -> None:
        """Leave the message of a pod whose work did not end in time."""
        self._leave(self._stopped)

    def _outcome(self) -> Outcome:
        pod = Pod(self._place, self._board, self._stop, self._wait, self._say, self._leave_early)
        try:
            port = serve(self._board, self._place.port)
            self._say(f"{self._task}: serving on port {port}")
            outcome = TASKS[self._task](pod)
        except Stopped:
            return self._stopped
        except Exception as error:  # noqa: BLE001 - every error has its exit code
            outcome = failed(error)
            if outcome.reason == "WorkerFailed":
                self._say(traceback.format_exc())
        return self._stopped if self._stop.is_set() else outcome

    def _leave(self, outcome: Outcome) -> None:
        with self._leaving:
            if self._left:
                return
            self._left = True
            report = self._write(outcome)
        self._say(f"{report.reason}: {report.message}")

    def _leave_early(self, outcome: Outcome) -> None:
        """Leave what the work came to, which a kill or a stop from now on does not take back."""
        with self._leaving:
            if self._left:
                return
            self._stopped = ended_after(outcome)
            self._write(self._stopped)

    def _write(self, outcome: Outcome) -> PodReport:
        """Leave the report; returns it."""
        board = self._board
        report = outcome.report(board.rows, board.shard, board.used).hiding(self._hidden)
        leave(self._place.termination_log, report)
        return report

    def _wait(self, wait: Wait) -> None:
        """Show a server that is waited for, and log it now and then."""
        # Without the seconds that are left: they would make news of each try.
        shown = f"{wait.place}: {wait.problem}; trying again" if isinstance(wait, Waiting) else ""
        self._board.notice(self._hidden(shown))
        self._log_wait(wait)

    def _say(self, text: str) -> None:
        _log.info("%s", self._hidden(text))

    def _hidden(self, text: str) -> str:
        # A rotated Secret adds to what must not be shown, and takes nothing from it.
        self._secrets |= set(self._place.secrets())
        return hide(text, self._secrets)
