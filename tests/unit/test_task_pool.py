"""A pool does all tasks, or ends them all with the first error."""

from __future__ import annotations

import threading
from functools import partial

import pytest

from rowmill.task_pool import Stopped, TaskPool


def test_every_task_is_done() -> None:
    done: list[int] = []
    with TaskPool(3, "test") as pool:
        pool.do([partial(done.append, n) for n in range(50)])
        pool.do([lambda: done.append(50)])
    assert sorted(done) == list(range(51))


def test_the_first_error_ends_the_others() -> None:
    started = threading.Event()

    def fail() -> None:
        started.wait()
        raise ValueError("broken")

    with pytest.raises(ValueError, match="broken"), TaskPool(2, "test") as pool:

        def work() -> None:
            while True:
                started.set()
                pool.check()

        pool.do([work, fail, work])


def test_what_looks_after_the_tasks_may_end_them() -> None:
    freed = threading.Event()

    def interrupt() -> None:
        raise KeyboardInterrupt

    def work() -> None:
        freed.wait(60)

    pool = TaskPool(1, "test", cut_short=freed.set)
    with pytest.raises(KeyboardInterrupt), pool:
        pool.do([work], interrupt)
    assert freed.is_set(), "the task that ran was left to wait for its own end"


def test_tasks_that_have_not_begun_never_do() -> None:
    looking, began = threading.Event(), threading.Event()

    def fail() -> None:
        looking.wait(60)
        raise ValueError("broken")

    def look() -> None:
        looking.set()
        began.wait(0.5)

    with pytest.raises(ValueError, match="broken"), TaskPool(1, "test") as pool:
        pool.do([fail, began.set], look)
    assert not began.is_set(), "it began before the one that waits saw the failure"


def test_what_fails_of_being_cut_short_is_not_the_error_told() -> None:
    cut, waits = threading.Event(), threading.Event()

    def wait_long() -> None:
        waits.set()
        cut.wait(60)
        raise ConnectionError("cancelled")

    def fail() -> None:
        waits.wait(60)
        raise ValueError("broken")

    with pytest.raises(ValueError, match="broken"), TaskPool(2, "test", cut.set) as pool:
        pool.do([wait_long, fail])


def test_a_pool_that_has_stopped_does_not_pretend_to_work() -> None:
    done: list[int] = []

    def fail() -> None:
        raise ValueError("broken")

    with TaskPool(1, "test") as pool:
        with pytest.raises(ValueError, match="broken"):
            pool.do([fail])
        with pytest.raises(Stopped):
            pool.do([partial(done.append, 1)])
    assert done == []
