"""Going on watching while the API server is away for a while, as it is when it restarts."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

from tenacity import (
    RetryCallState,
    Retrying,
    retry_if_exception_type,
    stop_after_attempt,
    wait_fixed,
)

from rowmill.cluster.failures import ApiUnreachable

_Answer = TypeVar("_Answer")
# With the waits between them more than a minute.
_TRIES = 40
_SECONDS = 2.0
# What is over by the next try is not worth a word, unless a try alone took as long.
_UNTOLD_SECONDS = 3.0


def patiently(
    ask: Callable[[], _Answer],
    notice: Callable[[str], None],
    sleep: Callable[[float], None] = time.sleep,
) -> _Answer:
    """What `ask` returns, asked again while the API server does not answer.

    `notice` is told so after a few seconds, once, and when it answers again.

    Raises:
        ApiUnreachable: it did not for more than a minute.
    """
    reported = False

    def report(tries: RetryCallState) -> None:
        nonlocal reported
        moment = tries.attempt_number == 1 and (tries.seconds_since_start or 0) < _UNTOLD_SECONDS
        if not reported and not moment and tries.outcome is not None:
            reported = True
            notice(f"{tries.outcome.exception()}; trying again for a minute or so")

    answer = Retrying(
        retry=retry_if_exception_type(ApiUnreachable),
        stop=stop_after_attempt(_TRIES),
        wait=wait_fixed(_SECONDS),
        before_sleep=report,
        sleep=sleep,
        reraise=True,
    )(ask)
    if reported:
        notice("the API server answers again")
    return answer
