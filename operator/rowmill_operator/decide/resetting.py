"""The data of the newest run removed as was asked, by a Job."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from rowmill.plan.pod_report import PodReport
from rowmill.plan.purging import PurgeEnd
from rowmill.spec.cluster_names import RESET
from rowmill.spec.manifest.status import Phase, ResetStatus, RunStatus
from rowmill_operator.children.jobs import reset_job
from rowmill_operator.decide.diagnosis import (
    Diagnosis,
    end_of,
    pods_of,
    refused_child,
    waiting_for,
)
from rowmill_operator.decide.ending import end_condition, is_late, report_of
from rowmill_operator.decide.freezing import plan_again
from rowmill_operator.decide.situation import Situation
from rowmill_operator.decide.step import REMAKE_AFTER, SOON, Step
from rowmill_operator.model.actions import Action, CreateJob, DeleteJob, delete_jobs
from rowmill_operator.model.observed import FrozenPlan, Job
from rowmill_operator.model.reasons import Reason
from rowmill_operator.model.run_condition import (
    COMPLETE,
    FAILED,
    PENDING,
    RESET_DONE,
    RunCondition,
    timestamp,
)
from rowmill_operator.model.run_in_status import (
    refused,
    without_data,
    without_way,
    written_run,
)
from rowmill_operator.model.shortening import shortened
from rowmill_operator.model.wishes import Wish

# Events tell of all that happens to a Job; this is for what was missed.
_IDLE_SECONDS = 30.0
_REMOVED = (PurgeEnd.REMOVED, PurgeEnd.PARTLY)
_NOTHING_LEFT = "; asked again, nothing was left"
_WORDS = 1_024
# By the outcome of the run as it is recorded.
_PHASES: Mapping[str | None, Phase] = {
    None: PENDING,
    "Complete": COMPLETE,
    "Reset": RESET_DONE,
}


def decided_reset(situation: Situation) -> Step | None:
    """The record of a reset whose pod has removed all, whatever is asked for by now, or None."""
    job = situation.job(RESET)
    if job is None or not situation.recorded or _is_recorded(situation, job):
        return None
    if not (job.complete or job.failed):
        # Where one pod was ended after all was removed, the next finds that out.
        return None
    report = _reported(situation, job)
    if report is None and job.complete:
        report = report_of(situation, job)
        if report is None:
            return _going_on(situation, "waits for its pod's last word", again_after=1.0)
    return None if report is None else _done(situation, job, report)


def resetting(situation: Situation) -> Step | None:
    """Take a reset that is asked for one step on; None without one, or while the run is live."""
    wish = situation.reset
    is_idle = situation.desired.suspend and not _is_written(situation)
    if wish is None or not (situation.outcome or is_idle):
        return None
    if _is_written(situation) or situation.is_read:
        actions = delete_jobs((*_writing(situation), *situation.verify_jobs))
        return _going_on(situation, "waits for the pods of before to end", actions)
    job = situation.job(RESET)
    if job is None:
        return _begin(situation, wish)
    if job.deleted or job.request != wish.request:
        return _going_on(situation, f"waits until the Job {job.name} is gone", delete_jobs((job,)))
    return _at_work(situation, job)


def _is_recorded(situation: Situation, job: Job) -> bool:
    met = situation.record.run.reset
    return met is not None and met.request == job.request


def _writing(situation: Situation) -> list[Job]:
    """The Jobs that made the data: they go with their pods first, as before a next run."""
    return [job for job in situation.run_jobs if job.task != RESET]


def _is_written(situation: Situation) -> bool:
    pods = any(pod.task != RESET for pod in situation.live_pods())
    return pods or bool(_writing(situation))


def _begin(situation: Situation, wish: Wish) -> Step:
    plan = situation.plan
    if plan is not None:
        return _create(situation, plan, wish)
    if situation.refused:
        verdict = situation.verdict
        problems = "" if verdict is None else "; ".join(verdict.problems)
        why = f"the run's ConfigMap is gone, and the spec is refused: {problems}"
        return _stuck(situation, Diagnosis(Reason.INVALID_SPEC, why))
    return _going_on(situation, "its plan is made again", (plan_again(situation),))


def _create(situation: Situation, plan: FrozenPlan, wish: Wish) -> Step:
    manifest = reset_job(
        situation.experiment,
        plan,
        situation.desired,
        situation.settings,
        wish.request,
        written_run(situation.runs),
    )
    diagnosis = refused_child(manifest["metadata"]["name"], situation.observed, situation.now)
    create = (CreateJob(manifest),)
    if diagnosis is not None:
        return _stuck(situation, diagnosis, create)
    return _going_on(situation, "", create)


def _at_work(situation: Situation, job: Job) -> Step:
    """As a purge: what is stuck shows why, and what failed is made again every minute."""
    if job.failed is None:
        queue = situation.desired.queue
        diagnosis = waiting_for(job, queue, situation.observed, situation.now)
        if diagnosis is None:
            return _going_on(situation, "", again_after=_IDLE_SECONDS)
        return _stuck(situation, diagnosis)
    end = end_of(job, situation.observed.pods)
    if not end.heard and not is_late(situation, job):
        return _going_on(situation, "waits for its pod's last word", again_after=1.0)
    return _failed(situation, job, end.diagnosis)


def _failed(situation: Situation, job: Job, diagnosis: Diagnosis) -> Step:
    left = ((job.finished or situation.now) + REMAKE_AFTER - situation.now).total_seconds()
    remake = () if left > 0 else (DeleteJob(job.name, job.uid),)
    step = _stuck(situation, diagnosis, remake, again_after=left if left > 0 else SOON)
    record = situation.record
    run = refused(record.run, diagnosis.reason, diagnosis.message)
    return replace(step, record=replace(record, run=run))


def _reported(situation: Situation, job: Job) -> PodReport | None:
    """What a pod said that removed all, also if it was ended before its Job was told so.

    One that came after it finds nothing: the word of the one that removed something counts.
    """
    ended = [pod.termination for pod in reversed(pods_of(job, situation.observed.pods))]
    said = [each.report for each in ended if each is not None and each.report.purged is not None]
    removed = [each for each in said if each.purged is not None and each.purged.end in _REMOVED]
    return next(iter([*removed, *said]), None)


def _done(situation: Situation, job: Job, report: PodReport) -> Step:
    record, removed = situation.record, report.purged
    at = timestamp(job.finished or situation.now)
    reset = ResetStatus(
        request=job.request,
        finished_at=at,
        tables=None if removed is None else removed.tables,
        rows=None if removed is None else removed.rows,
        objects=None if removed is None else removed.objects,
    )
    run = replace(
        without_way(record.run),
        outcome="Reset",
        finished_at=record.run.finished_at or at,
        reason=Reason.RESET,
        message=report.message or "its data was removed",
        reset=reset,
    )
    if record.run.outcome == "Reset" and record.run.reset is not None:
        run = _reset_again(run, reset, record.run, record.run.reset)
    record = without_data(replace(record, run=run))
    return Step(end_condition(situation, record.run), record, again_after=SOON)


def _reset_again(
    run: RunStatus, reset: ResetStatus, before: RunStatus, met: ResetStatus
) -> RunStatus:
    """As of a run that was reset before: what went is what both have removed."""
    words = f"{before.message}; then, asked again: {run.message}"
    if not (reset.tables or reset.rows or reset.objects):
        words = f"{str(before.message).removesuffix(_NOTHING_LEFT)}{_NOTHING_LEFT}"
    both = replace(
        reset,
        tables=(met.tables or 0) + (reset.tables or 0),
        rows=(met.rows or 0) + (reset.rows or 0),
        objects=(met.objects or 0) + (reset.objects or 0),
    )
    return replace(run, message=shortened(words, _WORDS), reset=both)


def _going_on(
    situation: Situation,
    what: str,
    actions: tuple[Action, ...] = (),
    again_after: float = SOON,
) -> Step:
    known = situation.record.run.refused
    if known is not None:
        # What failed is made again each minute: that is the same trouble, until it is done.
        return _stuck(situation, Diagnosis(known.reason, known.message), actions, again_after)
    message = f"the data of run {situation.number} is being removed"
    words = f"{message}; {what}" if what else message
    run_condition = RunCondition(_phase(situation), Reason.RESETTING, words)
    return Step(run_condition, None, actions, again_after)


def _stuck(
    situation: Situation,
    diagnosis: Diagnosis,
    actions: tuple[Action, ...] = (),
    again_after: float | None = None,
) -> Step:
    phase = _phase(situation)
    run_condition = RunCondition(phase, diagnosis.reason, diagnosis.message, stalled=True)
    return Step(run_condition, None, actions, again_after or _IDLE_SECONDS)


def _phase(situation: Situation) -> Phase:
    """What the run was before it is reset."""
    return _PHASES.get(situation.outcome, FAILED)
