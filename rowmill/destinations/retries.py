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
# So often a wait asks whether another try is wanted.
_ASK_SECONDS = 0.2


def always() -> bool:
    """For a call that somebody wants until its patience ends."""
    return True


def persist(
    work: Callable[[], T],
    patience: Callable[[BaseException], float],
    *,
    on_retry: Callable[[BaseException, float], None] = lambda error, left: None,
    on_end: Callable[[bool], None] = lambda succeeded: None,
    sleep: Callable[[float], None] = time.sleep,
    wanted: Callable[[], bool] = always,
) -> T:
    """Call `work` until it succeeds, and return its result.

    Args:
        work: safe to be called again after it failed at any point.
        patience: the seconds, counted from the first failure, for which an error of this kind may
            go on; 0 means that it does not pass.
        on_retry: told of each failure before the wait for the next try, with the seconds left.
        on_end: told of the end of the tries, if a failure was told.
        sleep: waits so many seconds; an `Event.wait` or an exception from it ends the wait early.
        wanted: whether another try is; asked during each wait too.

    Raises:
        BaseException: the last failure, as it was, when it does not pass, the budget is spent or
            no other try is wanted.
    """
    reported, succeeded = False, False
    first_failure: float | None = None
    last: BaseException | None = None

    def attempt() -> T:
        if last is not None and not wanted():
            raise last
        return work()

    def sleep_while_wanted(seconds: float) -> None:
        if wanted is always:
            sleep(seconds)
            return
        while seconds > 0 and wanted():
            sleep(min(seconds, _ASK_SECONDS))
            seconds -= _ASK_SECONDS

    def left(state: RetryCallState) -> float:
        nonlocal first_failure
        failed = state.outcome_timestamp or time.monotonic()
        first_failure = failed if first_failure is None else first_failure
        return max(0.0, first_failure + patience(_error(state)) - failed)

    def before_wait(state: RetryCallState) -> None:
        nonlocal reported, last
        reported, last = True, _error(state)
        on_retry(_error(state), left(state))

    retrying = Retrying(
        retry=retry_if_exception(lambda error: wanted() and patience(error) > 0),
        stop=lambda state: left(state) <= 0 and state.attempt_number >= _LEAST_TRIES,
        # The last try is no later than was told.
        wait=lambda state: min(_BACK_OFF(state), left(state)),
        before_sleep=before_wait,
        sleep=sleep_while_wanted,
        reraise=True,
    )
    try:
        result = retrying(attempt)
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
