"""Going on watching while the API server is away for a while, as it is when it restarts."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

from tenacity import Retrying, retry_if_exception_type, stop_after_attempt, wait_fixed

from rowmill.kubectl.failures import ApiUnreachable

_Answer = TypeVar("_Answer")
# With the waits between them more than a minute.
_TRIES = 40
_SECONDS = 2.0


def patiently(ask: Callable[[], _Answer], sleep: Callable[[float], None] = time.sleep) -> _Answer:
    """What `ask` returns, asked again while the API server does not answer.

    Raises:
        ApiUnreachable: it did not for more than a minute.
    """
    return Retrying(
        retry=retry_if_exception_type(ApiUnreachable),
        stop=stop_after_attempt(_TRIES),
        wait=wait_fixed(_SECONDS),
        sleep=sleep,
        reraise=True,
    )(ask)
