"""A call made again, with back-off and jitter, while what it fails with may still pass."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

from tenacity import RetryCallState, Retrying, retry_if_exception, wait_random_exponential

T = TypeVar("T")

# Random over the whole wait: a hundred workers must not come back at the same moment.
_BACK_OFF = wait_random_exponential(multiplier=0.1, max=15.0)
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
    reported, succeeded = False, False
    first_failure: float | None = None

    def left(state: RetryCallState) -> float:
        nonlocal first_failure
        failed = state.outcome_timestamp or time.monotonic()
        first_failure = failed if first_failure is None else first_failure
        return max(0.0, first_failure + patience(_error(state)) - failed)

    def before_wait(state: RetryCallState) -> None:
        nonlocal reported
        reported = True
        on_retry(_error(state), left(state))

    retrying = Retrying(
        retry=retry_if_exception(lambda error: patience(error) > 0),
        stop=lambda state: left(state) <= 0 and state.attempt_number >= _LEAST_TRIES,
        # The last try is no later than was told.
        wait=lambda state: min(_BACK_OFF(state), left(state)),
        before_sleep=before_wait,
        sleep=sleep,
        reraise=True,
    )
    try:
        result = retrying(work)
        succeeded = True
        return result
    finally:
        if reported:
            on_end(succeeded)


def _error(state: RetryCallState) -> BaseException:
    error = state.outcome.exception() if state.outcome is not None else None
    if error is None:
        raise AssertionError("asked about a try that did not fail")
    return error
