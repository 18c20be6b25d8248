"""A lane handles in order, and an error on either side frees the other."""

import time
from threading import Event

import pytest

from rowmill.worker.lane import Lane


def test_items_are_handled_in_order() -> None:
    seen: list[int] = []
    with Lane("test", seen.append, depth=1) as lane:
        for number in range(100):
            lane.put(number)
    assert seen == list(range(100))


def test_an_error_of_the_handler_reaches_the_putting_side_and_drops_the_rest() -> None:
    seen: list[int] = []

    def handle(number: int) -> None:
        if number == 3:
            raise OSError("no room")
        seen.append(number)

    with pytest.raises(OSError, match="no room"), Lane("test", handle, depth=1) as lane:
        for number in range(1000):
            lane.put(number)
    assert seen == [0, 1, 2]


def test_an_error_of_the_last_item_is_raised_on_leaving() -> None:
    def handle(_: int) -> None:
        raise OSError("late")

    with pytest.raises(OSError, match="late"), Lane("test", handle, depth=5) as lane:
        lane.put(1)


def test_what_waits_is_not_handled_after_the_putting_side_failed() -> None:
    seen: list[int] = []
    busy = Event()

    def handle(number: int) -> None:
        seen.append(number)
        busy.set()
        # Until the error is on its way out, as a stop during a slow commit is.
        while lane._error is None:
            time.sleep(0.001)

    lane = Lane("test", handle, depth=5)
    lane.__enter__()
    lane.put(1)
    busy.wait()
    lane.put(2)
    lane.__exit__(KeyError, KeyError(), None)
    assert seen == [1]
