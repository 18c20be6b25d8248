"""The memory of deleted objects: late news must not bring them back."""

from __future__ import annotations

from collections.abc import Callable

# No version of what was deleted comes after this.
FOR_GOOD = float("inf")
# A cache behind a LIST may be so many seconds behind the watch.
_LIFE = 600.0


class Graves:
    """By UID up to which version an object is known to be gone, kept for ten minutes.

    `steady` tells the seconds of a clock that is never set.
    """

    def __init__(self, steady: Callable[[], float]) -> None:
        self._steady = steady
        self._found: dict[str, tuple[float, float]] = {}

    def bury(self, uid: str, version: float) -> None:
        """Note that an object is gone, as far as news of this version tells."""
        self._found[uid] = self._steady(), version

    def hold(self, uid: str, version: int) -> bool:
        """Whether news of this version are of an object that is gone."""
        return uid in self._found and version <= self._found[uid][1]

    def tidy(self) -> None:
        """Forget what went long ago."""
        now = self._steady()
        self._found = {uid: grave for uid, grave in self._found.items() if now - grave[0] < _LIFE}
