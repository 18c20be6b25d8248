"""A crew does all tasks, or ends them all with the first error."""

from __future__ import annotations

import threading

import pytest

from rowmill.verify.crew import Crew


def test_every_task_is_done() -> None:
    done: list[int] = []
    with Crew(3) as crew:
        crew.do([lambda n=n: done.append(n) for n in range(50)])
        crew.do([lambda: done.append(50)])
    assert sorted(done) == list(range(51))


def test_the_first_error_ends_the_others() -> None:
    started = threading.Event()

    def fail() -> None:
        started.wait()
        raise ValueError("broken")

    with pytest.raises(ValueError, match="broken"), Crew(2) as crew:

        def work() -> None:
            while True:
                started.set()
                crew.check()

        crew.do([work, fail, work])
