"""What the start of a run goes by: an experiment as its ledger and its destinations have it now."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from rowmill.plan.runs import Run, RunState


@dataclass(frozen=True)
class LedgerView:
    """What the ledger holds of an owner: its present uid, the runs of that one, oldest first.

    `uids` are all of which there is a run.
    """

    uid: str | None
    uids: frozenset[str]
    runs: tuple[Run, ...]

    @property
    def interrupted_publishes(self) -> tuple[Run, ...]:
        """The runs whose publishing was interrupted: there is no way back from it."""
        return tuple(run for run in self.runs if run.state is RunState.PUBLISHING)


@dataclass(frozen=True)
class Observation:
    """An experiment under the lock of its start.

    The ledger is read at once. `is_intact` and `adopted` are questions, since they look into
    databases and list buckets, and most decisions need neither: the one that does asks, once.

    Attributes:
        is_intact: whether readers see a published run, with all its tables and objects.
        adopted: the run of the experiment to be taken over that readers see in the targets, None
            if there is none.
        rolled_forward: numbers of the runs whose interrupted publishing this start completed.
    """

    ledger: LedgerView
    is_intact: Callable[[Run], bool]
    adopted: Callable[[], Run | None]
    rolled_forward: tuple[int, ...] = ()
