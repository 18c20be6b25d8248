"""What one look at a run comes to, for all modules that take a run on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from rowmill_operator.actions import Action
from rowmill_operator.situation import Situation
from rowmill_operator.standing import FINALIZING, PENDING, RUNNING, Standing

# A refused destination is tried again this long after the refusal, and so is a pod's start.
REMAKE_AFTER = timedelta(seconds=60)
# What waits for the API server to finish something is looked at again after so many seconds.
SOON = 2.0


@dataclass(frozen=True)
class Step:
    """What one look at a run comes to. `run` is its new record, None to leave it."""

    standing: Standing
    run: Mapping[str, Any] | None = None
    actions: tuple[Action, ...] = ()
    again_after: float | None = None


def phase_of(situation: Situation) -> str:
    """The phase of a run that goes on, as it was written last."""
    phase = str(situation.experiment.status.get("phase") or PENDING)
    return phase if phase in (PENDING, RUNNING, FINALIZING) else PENDING


def moment(text: Any, default: datetime) -> datetime:
    """A time that a status tells, or the default if it tells none."""
    try:
        return datetime.fromisoformat(str(text).replace("Z", "+00:00"))
    except ValueError:
        return default


def waiting_standing(situation: Situation, phase: str, reason: str, message: str) -> Standing:
    """Where a run stands that waits. A refusal is shown until a Job has come further than it."""
    refused = situation.record.get("refused") if situation.recorded else None
    if refused:
        return Standing(phase, refused["reason"], refused["message"], stalled=True)
    return Standing(phase, reason, message)
