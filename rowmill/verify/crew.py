"""Threads for tasks that all succeed or all end: the first error, or Ctrl-C, stops the rest."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait


class Stopped(Exception):
    """Another task failed: this one need not go on."""


class Crew:
    """Some threads; leaving the block waits until none of them runs any more."""

    def __init__(self, workers: int) -> None:
        self._pool = ThreadPoolExecutor(workers, thread_name_prefix="verify")
        self._stop = threading.Event()

    def do(self, tasks: Sequence[Callable[[], None]]) -> None:
        """Do all tasks, begun in their order; raises the first error of any."""
        futures = [self._pool.submit(task) for task in tasks]
        done, _ = wait(futures, return_when=FIRST_EXCEPTION)
        failed = [error for future in done if (error := future.exception()) is not None]
        if failed:
            self._stop.set()
            raise next((error for error in failed if not isinstance(error, Stopped)), failed[0])

    def check(self) -> None:
        """Called by tasks between two steps; raises Stopped."""
        if self._stop.is_set():
            raise Stopped

    def __enter__(self) -> Crew:
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._pool.shutdown(cancel_futures=True)
