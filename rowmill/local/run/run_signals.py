"""Ctrl-C and SIGTERM while a run is at work."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from rowmill.local.run_errors import not_begun


class Signals:
    """Ctrl-C and SIGTERM: the first sets `stop`, the second `kill`.

    They also interrupt the main thread, but where they are left to the supervisor, which ends its
    workers in good order.
    """

    def __init__(self) -> None:
        self.stop = threading.Event()
        self.kill = threading.Event()
        self._left = False

    @contextmanager
    def left_to_the_supervisor(self) -> Iterator[None]:
        self._left = True
        try:
            yield
        finally:
            self._left = False

    def sleep(self, seconds: float) -> None:
        """Wait between two tries, but not once the run is to stop.

        Of a run that has begun, whoever is at it knows better how it ends.
        """
        if self.stop.wait(seconds):
            raise not_begun()

    def heed(self, _number: int, _frame: FrameType | None) -> None:
        (self.kill if self.stop.is_set() else self.stop).set()
        if not self._left:
            raise KeyboardInterrupt


@contextmanager
def heeded_signals() -> Iterator[Signals]:
    """Have Ctrl-C and SIGTERM heeded in the block, where this is the main thread."""
    signals = Signals()
    if threading.current_thread() is not threading.main_thread():
        # Called from a notebook's thread, say: whoever owns the main thread owns the signals.
        yield signals
        return

    numbers = (signal.SIGINT, signal.SIGTERM)
    before = [signal.signal(number, signals.heed) for number in numbers]
    try:
        yield signals
    finally:
        for number, handler in zip(numbers, before, strict=True):
            signal.signal(number, handler)
