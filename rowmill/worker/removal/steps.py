"""What the steps of a removal came to, kept with a run: a try after one that was cut tells of both.

They are in the summary of the newest run, and go with its records.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import Any

from rowmill.destinations.ledger import RunRecords
from rowmill.plan.runs import Run
from rowmill.worker.removal.removed import Removed

_KEPT = "removal"
_UNFINISHED, _LEFT = "unfinished", "left"


class RemovalSteps:
    """The steps of the removal of `runs`, each of which is done once.

    Args:
        records: has `runs`.
        runs: in the same order at each try.
    """

    def __init__(self, records: RunRecords, runs: Sequence[Run]) -> None:
        self._records = records
        self._run = runs[-1] if runs else None
        self._kept: dict[str, Any] = dict(self._run.summary.get(_KEPT) or {}) if self._run else {}

    def begin(self, unfinished: Collection[str], left: Sequence[str]) -> None:
        """Keep, at the first try, which runs were unfinished, and what is known to be left."""
        if _UNFINISHED not in self._kept:
            self._keep({_UNFINISHED: sorted(unfinished), _LEFT: list(left)})

    @property
    def unfinished(self) -> frozenset[str]:
        """Ids of the runs that were unfinished when the removal began."""
        return frozenset(self._kept[_UNFINISHED])

    @property
    def left(self) -> tuple[str, ...]:
        """What was known to be left when the removal began."""
        return tuple(self._kept[_LEFT])

    def is_done(self, step: str) -> bool:
        return bool(self._kept.get(step))

    def once(self, step: str, do: Callable[[bool], Removed]) -> Removed:
        """What the step came to, now or at an earlier try.

        Args:
            do: does it; told whether an earlier try has begun it, and was cut.
        """
        if self.is_done(step):
            return Removed.from_json(self._kept[step])
        again = step in self._kept
        if not again:
            self._keep({step: {}})
        removed = do(again)
        self._keep({step: removed.to_json()})
        return removed

    def forget(self) -> None:
        """Of a removal that is over: the next one tells of itself alone."""
        if self._run is not None:
            self._records.note(self._run.id, {_KEPT: {}})

    def _keep(self, news: dict[str, Any]) -> None:
        self._kept |= news
        if self._run is not None:
            self._records.note(self._run.id, {_KEPT: self._kept})
