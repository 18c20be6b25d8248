"""`rowmill-job shard|finalize|purge|reset|verify`: the worker pod's only process.

The main thread only listens, so that SIGTERM is heard whatever the work is doing: the process ends
with 143 within 10 seconds, and never with 0 once it was told to stop.
"""

from __future__ import annotations

import argparse
import gc
import os
import signal
import sys
import time
from threading import Event, Thread
from types import FrameType
from typing import TYPE_CHECKING, NoReturn

from rowmill.plan.pod_contract import STOP_SECONDS, ExitCode
from rowmill.spec.cluster_names import FINALIZE, PURGE, RESET, SHARD, VERIFY

if TYPE_CHECKING:
    from rowmill_job.work import Work

_TICK_SECONDS = 0.2


def main() -> NoReturn:
    """Do the task that the arguments name; the exit code says how it ended."""
    # Before anything else: to the first process of a container a signal that it does not handle
    # is lost, and it would go on to prepare a run that was deleted meanwhile.
    stopping = _Stopping()
    parser = argparse.ArgumentParser(prog="rowmill-job", description=__doc__)
    parser.add_argument("task", choices=(SHARD, FINALIZE, PURGE, RESET, VERIFY))
    arguments = parser.parse_args()
    # Importing the worker takes a second, during which the signal must be heard as well.
    job = _Job(arguments.task, stopping)
    Thread(target=job.run, name="work", daemon=True).start()
    code = job.wait()
    sys.stdout.flush()
    sys.stderr.flush()
    # Threads that wait for a server are not waited for.
    os._exit(code)


class _Stopping:
    """Whether and when the process was told to stop."""

    def __init__(self) -> None:
        self.asked = Event()
        self._since = 0.0
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._ask)

    def overdue(self) -> bool:
        return self.asked.is_set() and time.monotonic() - self._since > STOP_SECONDS

    def _ask(self, _number: int, _frame: FrameType | None) -> None:
        if not self.asked.is_set():
            self._since = time.monotonic()
            self.asked.set()


class _Job:
    """The work in its thread, and how it ended."""

    def __init__(self, task: str, stopping: _Stopping) -> None:
        self._task = task
        self._stopping = stopping
        self._ended = Event()
        self._work: Work | None = None
        self._code = ExitCode.FAILED

    def run(self) -> None:
        try:
            # All of what an import makes stays: to look through it again and again for garbage
            # takes a tenth of the time.
            gc.disable()
            from rowmill_job.work import Work

            gc.freeze()
            gc.enable()
            self._work = Work(self._task, self._stopping.asked)
            self._code = self._work.do()
        finally:
            self._ended.set()

    def wait(self) -> ExitCode:
        """The exit code, once the work ended or its time to stop is up."""
        while not self._ended.wait(_TICK_SECONDS):
            if self._stopping.overdue():
                if self._work is not None:
                    self._work.leave_stopped()
                return ExitCode.TERMINATED
        return ExitCode.TERMINATED if self._stopping.asked.is_set() else self._code


if __name__ == "__main__":
    main()
