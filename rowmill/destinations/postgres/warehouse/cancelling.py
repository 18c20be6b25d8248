"""Cancel the statements of several sessions at once, until none of them waits any more."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection
from concurrent.futures import ThreadPoolExecutor

from rowmill.destinations.postgres.session import PostgresSession

# Each time takes a connection of its own for every statement.
_EVERY_SECONDS = 1.0


class Cancelling:
    """Called as often as one likes, cancels once a second what then goes on.

    Args:
        busy: the sessions that are amid work at the moment.
        clock: in seconds.
    """

    def __init__(
        self,
        busy: Callable[[], Collection[PostgresSession]],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._busy = busy
        self._clock = clock
        self._next = clock()

    def __call__(self) -> None:
        now = self._clock()
        sessions = self._busy()
        if not sessions or now < self._next:
            return
        self._next = now + _EVERY_SECONDS
        # Beside each other: where the server is out of reach each waits its time out.
        with ThreadPoolExecutor(len(sessions), thread_name_prefix="cancel") as threads:
            for session in sessions:
                threads.submit(session.cancel)
