"""A token by which one thread ends what another waits for."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Event, Lock

from rowmill.errors import Interrupted


class Cancelled(Interrupted):
    """It was ended by its `Cancellation`."""

    def __init__(self) -> None:
        super().__init__("Cancelled", "it was cancelled before its end")


class Cancellation:
    """Given to a call, ends it from any thread, once and for good; may be given to several."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._cancelled = Event()
        self._told: dict[object, Callable[[], None]] = {}

    @property
    def cancelled(self) -> bool:
        return self._cancelled.is_set()

    def cancel(self) -> None:
        """End what it was given to, which then raises Cancelled; waits for nothing."""
        with self._lock:
            self._cancelled.set()
            told = [*self._told.values()]
        for tell in told:
            tell()

    def check(self) -> None:
        """Raise Cancelled if it is."""
        if self.cancelled:
            raise Cancelled

    def sleep(self, seconds: float) -> None:
        """Wait so long; raises Cancelled at once when it is."""
        self._cancelled.wait(seconds)
        self.check()

    @contextmanager
    def telling(self, tell: Callable[[], None]) -> Iterator[None]:
        """Call `tell`, which must not wait, when it is cancelled while this is entered, or was."""
        one = object()
        with self._lock:
            self._told[one] = tell
        try:
            if self.cancelled:
                tell()
            yield
        finally:
            with self._lock:
                del self._told[one]
