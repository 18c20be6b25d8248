"""A run of an experiment: its number, its frozen plan, and the state in which it stands."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Any

from rowmill.counting import counted
from rowmill.plan.layout import Plan


class RunState(StrEnum):
    RUNNING = "RUNNING"
    FINALIZING = "FINALIZING"
    PUBLISHING = "PUBLISHING"
    COMPLETED = "COMPLETED"
    FAILED = "FAILED"
    ABORTED = "ABORTED"
    RESET = "RESET"


UNFINISHED = frozenset({RunState.RUNNING, RunState.FINALIZING, RunState.PUBLISHING})
RESUMABLE = frozenset({RunState.RUNNING, RunState.FINALIZING, RunState.FAILED, RunState.ABORTED})
# Of a run's summary: whether it was ended only after its process was gone.
END_UNSEEN = "endUnseen"
# Of a run's summary: why it was ABORTED, see `because`; it goes with that state.
REASON = "reason"
# The reason of an ABORTED run that somebody suspended.
SUSPENDED = "Suspended"


# A client of the first layout drops neither from the summary when it writes another state.
_UNSEEN = frozenset({RunState.ABORTED, RunState.RESET})


def because(reason: str, message: str) -> dict[str, Any]:
    """What the summary of a run is told with which it becomes ABORTED, with that message."""
    return {REASON: {"word": reason, "message": message}}


@dataclass(frozen=True)
class Run:
    """One execution of an experiment, as the ledger knows it.

    `id` is a short hash of owner, uid and number; `uid` tells an experiment from a deleted one of
    the same name. `summary` holds what the run came from, and what is known at its end.
    """

    id: str
    owner: str
    uid: str
    number: int
    state: RunState
    plan: Plan
    started_at: datetime
    finished_at: datetime | None
    message: str
    summary: dict[str, Any]

    def __repr__(self) -> str:
        rows = counted(self.plan.rows, "row")
        return f"<Run {self.number} of {self.owner}: {self.state}, {rows}>"

    @property
    def ended_at(self) -> datetime | None:
        """When its work ended; None while it lasts, or where its process was killed before that."""
        unseen = self.state in _UNSEEN and self.summary.get(END_UNSEEN)
        return None if unseen else self.finished_at

    @property
    def reason(self) -> str | None:
        """Why it is ABORTED, in one word; None where nobody said why, or of another state."""
        why = self.summary.get(REASON)
        if self.state is not RunState.ABORTED or not isinstance(why, dict):
            return None
        # With another message it is the word of an end that was before this one.
        return why.get("word") if why.get("message") == self.message else None

    @property
    def suspended(self) -> bool:
        """Whether somebody stopped it who wants it to go on later."""
        return self.state is RunState.ABORTED and self.reason == SUSPENDED

    def taken_up(self) -> Run:
        """As a ledger has it once it is RUNNING again: what was said of its end is gone."""
        kept = {
            key: value for key, value in self.summary.items() if key not in (REASON, END_UNSEEN)
        }
        return replace(self, state=RunState.RUNNING, finished_at=None, message="", summary=kept)

    def at(self, state: RunState) -> Run:
        """The same in another state, of which no reason is known."""
        kept = {name: value for name, value in self.summary.items() if name != REASON}
        return replace(self, state=state, summary=kept)
