"""Threads for tasks that all succeed or all end: the first error, or Ctrl-C, stops the rest."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait

TICK_SECONDS = 0.2


def _nothing() -> None:
    """For who has nothing to look after, or nothing to cut short."""


class Stopped(Exception):
    """Another task failed: this one need not go on."""


class TaskPool:
    """Some threads; leaving the block waits until none of them runs any more.

    Args:
        workers: how many threads.
        name: of the threads.
        cut_short: ends what running tasks wait for; called every `TICK_SECONDS` from the failure
            until they have ended, by the thread that waits for them.
    """

    def __init__(self, workers: int, name: str, cut_short: Callable[[], None] = _nothing) -> None:
        self._pool = ThreadPoolExecutor(workers, thread_name_prefix=name)
        self._cut_short = cut_short
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._error: BaseException | None = None

    def do(self, tasks: Sequence[Callable[[], None]], look: Callable[[], None] = _nothing) -> None:
        """Do all tasks, begun in their order; raises the first error of any.

        Args:
            tasks: what to do.
            look: called every `TICK_SECONDS` meanwhile; what it raises stops them all.

        Raises:
            Stopped: the pool had stopped before.
        """
        self.check()
        futures = [self._pool.submit(self._do_one, task) for task in tasks]
        try:
            while wait(futures, TICK_SECONDS, FIRST_EXCEPTION).not_done and not self.is_stopping:
                look()
        except BaseException:
            self._stop.set()
            raise
        finally:
            while wait(futures, TICK_SECONDS).not_done:
                self._cut_short()
        if self._error is not None:
            raise self._error

    def _do_one(self, task: Callable[[], None]) -> None:
        # The thread that fails says so itself: until whoever waits has woken, it would go on with
        # the tasks behind. What fails afterwards may have failed of being cut short.
        self.check()
        try:
            task()
        except BaseException as error:
            with self._lock:
                if not self._stop.is_set():
                    self._error = error
                self._stop.set()
            raise

    @property
    def is_stopping(self) -> bool:
        """Whether a task failed, so that nobody wants the others' end any more."""
        return self._stop.is_set()

    def check(self) -> None:
        """Called by tasks between two steps; raises Stopped."""
        if self.is_stopping:
            raise Stopped

    def __enter__(self) -> TaskPool:
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._pool.shutdown(cancel_futures=True)
