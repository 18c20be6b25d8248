"""A lane: a short bounded queue and the one thread that empties it."""

from __future__ import annotations

from collections.abc import Callable
from queue import Queue
from threading import Thread
from types import TracebackType
from typing import Generic, Self, TypeVar

Item = TypeVar("Item")


class Lane(Generic[Item]):
    """Handles items one after another, in order, beside the thread that puts them.

    After the first error nothing more is handled: `put` and leaving the block raise that error, and
    items that still wait are dropped. So neither side can wait for a dead one.
    """

    def __init__(self, name: str, handle: Callable[[Item], None], *, depth: int) -> None:
        self._handle = handle
        self._queue: Queue[Item | None] = Queue(maxsize=depth)
        self._error: BaseException | None = None
        self._thread = Thread(target=self._work, name=name, daemon=True)

    def put(self, item: Item) -> None:
        """Wait for room, then hand the item over."""
        self._raise()
        self._queue.put(item)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if error is not None and self._error is None:
            # The putting side failed: what still waits must not be handled.
            self._error = error
        self._queue.put(None)
        self._thread.join()
        if error is None:
            self._raise()

    def _work(self) -> None:
        while (item := self._queue.get()) is not None:
            if self._error is None:
                try:
                    self._handle(item)
                except BaseException as error:  # noqa: BLE001 - raised again by the putting side
                    self._error = error
            # Not kept in memory while waiting for the next one.
            del item

    def _raise(self) -> None:
        if self._error is not None:
            raise self._error
