"""Which manifest the rows of a call are made from: that of a run, or the experiment's newest.

To find it takes a look at the ledger, and rows are asked for many times a second by who scrolls; so
it is kept for a moment.
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

from rowmill.console.experiment_source import run_of, text_of
from rowmill.console.sandbox.requests import Text
from rowmill.engine.interface import Engine

_SECONDS = 2.0
_MOST = 200
Key = tuple[str, str | None]


@dataclass(frozen=True)
class _Kept:
    text: Text
    until: float


class Texts:
    """The manifests that were asked for of late."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._kept: OrderedDict[Key, _Kept] = OrderedDict()

    def of(self, engine: Engine, name: str, run: str | None) -> Text:
        """The manifest of a run by its number or id, None for the experiment's newest.

        Raises:
            NotFound: there is no such experiment or run.
        """
        key = (name, run)
        with self._lock:
            kept = self._kept.get(key)
        if kept is not None and self._clock() < kept.until:
            return kept.text
        text = text_of(engine, name, None if run is None else run_of(engine, name, run))
        with self._lock:
            self._kept[key] = _Kept(text, self._clock() + _SECONDS)
            self._kept.move_to_end(key)
            while len(self._kept) > _MOST:
                self._kept.popitem(last=False)
        return text

    def forget(self, name: str) -> None:
        """Look anew: the experiment was changed."""
        with self._lock:
            for key in [key for key in self._kept if key[0] == name]:
                del self._kept[key]
