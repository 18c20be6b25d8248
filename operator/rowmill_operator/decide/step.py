"""What one look at a run, or at its verification, comes to, for all modules that take it on."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from rowmill.spec.manifest.status import Phase, RunStatus, VerificationStatus
from rowmill_operator.decide.situation import Situation
from rowmill_operator.model.actions import Action
from rowmill_operator.model.observed import Job
from rowmill_operator.model.run_condition import (
    FINALIZING,
    PENDING,
    RUNNING,
    RunCondition,
    Verified,
)
from rowmill_operator.model.run_in_status import RunInStatus

# A refused destination is tried again this long after the refusal, and so is a pod's start.
REMAKE_AFTER = timedelta(seconds=60)
# What waits for the API server to finish something is looked at again after so many seconds.
SOON = 2.0
# Events tell of all that happens to a Job, and each poll of its pods has it looked at; this is for
# what was missed.
IDLE_SECONDS = 30.0


@dataclass(frozen=True)
class Step:
    """What one look at a run comes to. `record` is its new one, None to leave it."""

    run_condition: RunCondition
    record: RunInStatus | None = None
    actions: tuple[Action, ...] = ()
    again_after: float | None = None


@dataclass(frozen=True)
class Verifying:
    """What one look at a verification comes to. `record` is the last one that ended."""

    verified: Verified
    record: VerificationStatus | None
    actions: tuple[Action, ...] = ()
    again_after: float | None = None


def phase_of(situation: Situation) -> Phase:
    """The phase of a run that goes on, as it was written last."""
    phase = situation.experiment.status.phase
    return phase if phase in (RUNNING, FINALIZING) else PENDING


def refused_at_start(run: RunStatus, job: Job) -> bool:
    """Whether a run stands before a refusal with nothing made: it is not under way then."""
    return run.refused is not None and not run.rows and not job.succeeded


def moment(text: str | None, default: datetime) -> datetime:
    """A time that a status tells, or the default if it tells none."""
    try:
        return datetime.fromisoformat(str(text).replace("Z", "+00:00"))
    except ValueError:
        return default


def waiting_condition(
    situation: Situation, phase: Phase, reason: str, message: str
) -> RunCondition:
    """Where a run stands that waits. A refusal is shown until a Job has come further than it."""
    refused = situation.record.run.refused if situation.recorded else None
    if refused is not None:
        return RunCondition(phase, refused.reason, refused.message, stalled=True)
    return RunCondition(phase, reason, message)
