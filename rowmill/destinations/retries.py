"""Patience with what passes: a call is made again with back-off and jitter until a budget ends."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

from tenacity import RetryCallState, Retrying, retry_if_exception, wait_random_exponential

T = TypeVar("T")

_FIRST_WAIT = 0.1
_LONGEST_WAIT = 15.0
# One failure that itself took longer than the whole budget must not end the tries at once.
_LEAST_TRIES = 3


def persist(
    work: Callable[[], T],
    patience: Callable[[BaseException], float],
    *,
    on_retry: Callable[[BaseException], None] = lambda error: None,
    sleep: Callable[[float], None] = time.sleep,
) -> T:
    """Call `work` until it succeeds, and return its result.

    Args:
        work: safe to be called again after it failed at any point.
        patience: the seconds, counted from the first failure, for which an error of this kind may
            go on; 0 means that it does not pass.
        on_retry: told of each failure before the wait for the next try.
        sleep: waits so many seconds; an `Event.wait` or an exception from it ends the wait early.

    Raises:
        BaseException: the last failure, as it was, when it does not pass or the budget is spent.
    """
    first_failure: float | None = None

    def spent(state: RetryCallState) -> bool:
        nonlocal first_failure
        now = time.monotonic()
        first_failure = now if first_failure is None else first_failure
        too_long = now - first_failure >= patience(_error(state))
        return too_long and state.attempt_number >= _LEAST_TRIES

    retrying = Retrying(
        retry=retry_if_exception(lambda error: patience(error) > 0),
        stop=spent,
        # Random over the whole wait: a hundred workers must not come back at the same moment.
        wait=wait_random_exponential(multiplier=_FIRST_WAIT, max=_LONGEST_WAIT),
        before_sleep=lambda state: on_retry(_error(state)),
        sleep=sleep,
        reraise=True,
    )
    return retrying(work)


def _error(state: RetryCallState) -> BaseException:
    error = state.outcome.exception() if state.outcome is not None else None
    if error is None:
        raise AssertionError("asked about a try that did not fail")
    return error
