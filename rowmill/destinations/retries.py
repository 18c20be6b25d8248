"""A call made again, with back-off and jitter, while what it fails with may still pass."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

_FIRST_WAIT = 0.1
_LONGEST_WAIT = 15.0
# One failure that itself took longer than the whole budget must not end the tries at once.
_LEAST_TRIES = 2


def persist(
    work: Callable[[], T],
    patience: Callable[[BaseException], float],
    *,
    on_retry: Callable[[BaseException, float], None] = lambda error, left: None,
    on_end: Callable[[bool], None] = lambda succeeded: None,
    sleep: Callable[[float], None] = time.sleep,
) -> T:
    """Call `work` until it succeeds, and return its result.

    Args:
        work: safe to be called again after it failed at any point.
        patience: the seconds, counted from the first failure, for which an error of this kind may
            go on; 0 means that it does not pass.
        on_retry: told of each failure before the wait for the next try, with the seconds left.
        on_end: told of the end of the tries, if a failure was told.
        sleep: waits so many seconds; an `Event.wait` or an exception from it ends the wait early.

    Raises:
        BaseException: the last failure, as it was, when it does not pass or the budget is spent.
    """
    first_failure: float | None = None
    told, succeeded, tries = False, False, 0
    try:
        while True:
            try:
                result = work()
            except BaseException as error:
                tries += 1
                now = time.monotonic()
                first_failure = now if first_failure is None else first_failure
                seconds = patience(error)
                left = max(0.0, first_failure + seconds - now)
                if seconds <= 0 or (left <= 0 and tries >= _LEAST_TRIES):
                    raise
                told = True
                on_retry(error, left)
            else:
                succeeded = True
                return result
            sleep(_jittered(tries, left))
    finally:
        if told:
            on_end(succeeded)


def _jittered(tries: int, left: float) -> float:
    """Random over the whole wait: a hundred workers must not come back at the same moment."""
    longest = min(_LONGEST_WAIT, _FIRST_WAIT * 2 ** min(tries, 16))
    # The last try is no later than was told.
    return min(random.uniform(0, longest), left)
