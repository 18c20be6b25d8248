"""What is cancelled hears of it once, whenever it listens, and from whichever thread."""

from threading import Thread

import pytest

from rowmill.engine.cancellation import Cancellation, Cancelled


def test_who_listens_is_told_and_who_has_left_is_not() -> None:
    cancellation, told = Cancellation(), list[str]()
    with cancellation.telling(lambda: told.append("gone")):
        cancellation.check()
    with cancellation.telling(lambda: told.append("here")):
        cancellation.cancel()
    assert told == ["here"]
    assert cancellation.cancelled
    with pytest.raises(Cancelled) as ended:
        cancellation.check()
    assert ended.value.reason == "Cancelled"


def test_who_comes_later_is_told_at_once() -> None:
    cancellation, told = Cancellation(), list[str]()
    cancellation.cancel()
    with cancellation.telling(lambda: told.append("late")):
        assert told == ["late"]


def test_a_sleep_ends_when_another_thread_cancels() -> None:
    cancellation = Cancellation()
    cancellation.sleep(0)
    other = Thread(target=cancellation.cancel)
    other.start()
    with pytest.raises(Cancelled):
        cancellation.sleep(3600)
    other.join()
