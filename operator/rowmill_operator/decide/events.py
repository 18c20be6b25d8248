"""Which Events a look at an Experiment comes to: one a transition, none for mere progress.

A transition is one of what the status shows, so that it is told by who writes that status, once.
"""

from __future__ import annotations

from rowmill.counting import counted
from rowmill.spec.cluster_names import RESET
from rowmill.spec.manifest.status import RunStatus
from rowmill_operator.decide.situation import Situation
from rowmill_operator.decide.step import Step
from rowmill_operator.model.actions import ReportEvent
from rowmill_operator.model.reasons import Reason
from rowmill_operator.model.run_condition import (
    COMPLETE,
    FAILED,
    FINALIZING,
    RESET_DONE,
    RUNNING,
    SUSPENDED,
    Acceptance,
    RunCondition,
    Verified,
)
from rowmill_operator.model.run_in_status import replaced_in

_ENDS = (COMPLETE, FAILED, SUSPENDED, RESET_DONE)
_STAGES = {
    RUNNING: (Reason.RUNNING, "its first pods are at work"),
    FINALIZING: (Reason.FINALIZING, "all its rows are there; keys, indexes and publishing follow"),
}


def events_of(
    situation: Situation, acceptance: Acceptance, step: Step, verified: Verified
) -> tuple[ReportEvent, ...]:
    """What of this look is to be told, in the order in which it came about."""
    reported = (
        _refusal(situation, acceptance),
        None if step.record is None else _start(situation, step.record.run),
        _stage(situation, step),
        None if step.record is None else _reset_in_vain(situation, step.record.run),
        _run_condition(situation, acceptance, step.run_condition),
        _verification(situation, verified),
    )
    return tuple(one for one in reported if one is not None)


def _refusal(situation: Situation, acceptance: Acceptance) -> ReportEvent | None:
    known = situation.condition("Accepted").reason
    if acceptance.accepted is not False or known == acceptance.reason:
        return None
    return ReportEvent(acceptance.reason, acceptance.message, warning=True)


def _start(situation: Situation, run: RunStatus) -> ReportEvent | None:
    """That a run begins: the status has no record of it yet."""
    if run.number == situation.record.run.number:
        return None
    message = (
        f"run {run.number} begins: {counted(run.rows_total or 0, 'row')} "
        f"in {counted(run.shards or 0, 'shard')}"
    )
    replaced = replaced_in(run)
    if replaced is not None:
        message = f"{message}; it replaces {replaced} when it is published"
    return ReportEvent(Reason.STARTING, message)


def _stage(situation: Situation, step: Step) -> ReportEvent | None:
    """That a run has come to its next stage, also if it is stuck there at once."""
    phase = step.run_condition.phase
    if phase not in _STAGES or phase == situation.experiment.status.phase:
        return None
    reason, words = _STAGES[phase]
    record = step.record or situation.record
    return ReportEvent(reason, f"run {record.run.number}: {words}")


def _run_condition(
    situation: Situation, acceptance: Acceptance, run_condition: RunCondition
) -> ReportEvent | None:
    """Where it stands now, if it ends there or somebody has to mend something."""
    if not (run_condition.stalled or run_condition.phase in _ENDS):
        return None
    before = (
        situation.experiment.status.phase,
        situation.condition("Progressing").reason,
    )
    moved = before != (run_condition.phase, run_condition.reason)
    if before == (run_condition.phase, Reason.RESETTING):
        # A reset that was called off, or removed nothing: it stands where it stood.
        moved = run_condition.stalled
    stalled = situation.condition("Stalled")
    if run_condition.stalled and stalled.status == "True":
        # Its Job is made again each minute: that is the same trouble.
        moved = stalled.reason != run_condition.reason
    elif run_condition.reason == Reason.RESETTING and _is_being_reset(situation):
        # That was told before its Job was made, whatever that has met with since.
        moved = False
    already_reported = acceptance.accepted is False and run_condition.reason == acceptance.reason
    if not moved or already_reported:
        return None
    return ReportEvent(
        run_condition.reason,
        run_condition.message,
        warning=run_condition.stalled or _is_trouble(run_condition),
    )


def _is_being_reset(situation: Situation) -> bool:
    """Whether what is asked for has its Job."""
    job, wish = situation.job(RESET), situation.reset
    return job is not None and wish is not None and job.request == wish.request


def _reset_in_vain(situation: Situation, run: RunStatus) -> ReportEvent | None:
    """That a reset was asked for, and all data stays."""
    reset = run.reset
    if reset is None or reset.reason is None or reset == situation.record.run.reset:
        return None
    return ReportEvent(reset.reason, reset.message or "", warning=True)


def _verification(situation: Situation, verified: Verified) -> ReportEvent | None:
    """What a verify has found."""
    before = situation.condition("Verified")
    known = before.reason == verified.reason and before.message == verified.message
    if verified.holds is None or known:
        return None
    return ReportEvent(verified.reason, verified.message, warning=not verified.holds)


def _is_trouble(run_condition: RunCondition) -> bool:
    failed = run_condition.phase == FAILED and run_condition.reason != Reason.RESETTING
    return failed or run_condition.reason == Reason.RESET_PARTLY
