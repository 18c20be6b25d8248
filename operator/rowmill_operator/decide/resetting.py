"""The data of the newest run removed as was asked, by a Job."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from rowmill.plan.pod_report import PodReport
from rowmill.plan.purging import PurgeEnd
from rowmill.spec.cluster_names import RESET
from rowmill.spec.manifest.status import Phase, ResetStatus, RunStatus
from rowmill.spec.wishes import Wish
from rowmill_operator.children.jobs import reset_job
from rowmill_operator.decide.diagnosis import (
    Diagnosis,
    end_of,
    refused_child,
    tried_rarely,
    waiting_for,
)
from rowmill_operator.decide.ending import end_condition, is_late, removal_report, report_of
from rowmill_operator.decide.freezing import plan_again, refused_plan
from rowmill_operator.decide.record import current_record
from rowmill_operator.decide.remaking import Remaking, remade_since, remade_wish
from rowmill_operator.decide.situation import Situation
from rowmill_operator.decide.step import IDLE_SECONDS, SOON, Step, phase_of
from rowmill_operator.model.actions import Action, CreateJob, delete_jobs
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
    RunInStatus,
    refused,
    without_data,
    without_refusal,
    without_way,
    written_run,
)
from rowmill_operator.model.shortening import shortened

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
    if job is None or _is_recorded(situation, job):
        return None
    if not (job.complete or job.failed):
        # Where one pod was ended after all was removed, the next finds that out.
        return None
    report = removal_report(situation, job)
    if report is None and job.complete:
        report = report_of(situation, job)
        if report is None:
            return _going_on(situation, "waits for its pod's last word", again_after=1.0)
    if report is None:
        return None
    if report.purged is not None and report.purged.end is PurgeEnd.TAKEN:
        return _in_vain(situation, job, report)
    # What still writes does so in vain: the ledger takes no more of a run that was reset.
    return _ended_writing(situation) or _done(situation, job, report)


def resetting(situation: Situation) -> Step | None:
    """Take a reset that is asked for one step on; None without one, or while the run is live."""
    wish = situation.reset
    is_idle = situation.desired.suspend and not _is_written(situation)
    if wish is None or not (situation.outcome or is_idle):
        return None
    if _is_written(situation) or situation.is_read:
        return _end(situation, (*_writing(situation), *situation.verify_jobs))
    job = situation.job(RESET)
    if job is None:
        return _begin(situation, wish)
    if job.deleted or job.request != wish.request:
        return _going_on(situation, f"waits until the Job {job.name} is gone", delete_jobs((job,)))
    return _at_work(situation, job)


def called_off(situation: Situation) -> Step | None:
    """End a reset of a run that goes on, None once nothing of it is left.

    One that was begun while the run was suspended, and is still asked for, may end if its pod is at
    work: half of the data is gone by then. None ever works beside what writes.
    """
    job = situation.job(RESET)
    pods = [pod for pod in situation.live_pods() if pod.task == RESET]
    if job is None and not pods:
        return None
    if not situation.recorded:
        # Only then is it known what is still asked of it.
        words = f"run {situation.number} was begun before"
        return Step(RunCondition(PENDING, Reason.STARTING, words), _record(situation), (), SOON)
    at_work = job is not None and any(pod.running for pod in pods)
    if situation.reset is not None and at_work and not _is_written(situation):
        return _going_on(situation, "the run waits for that", again_after=IDLE_SECONDS)
    message = "waits for the reset that is called off to end"
    run_condition = RunCondition(phase_of(situation), Reason.REPLACING, message)
    actions = () if job is None else delete_jobs((job,))
    # What has refused the reset is none of the run's.
    record = without_refusal(situation.record)
    return Step(run_condition, record, actions, again_after=SOON)


def _is_recorded(situation: Situation, job: Job) -> bool:
    """Whether the status has its end, or nothing is left by which that could be told."""
    met = situation.record.run.reset
    if not situation.recorded:
        return situation.plan is None
    return met is not None and met.request == job.request


def _record(situation: Situation) -> RunInStatus:
    """The newest run's, of which the plan is there where the status was lost."""
    plan = situation.plan
    return situation.record if plan is None else current_record(situation, plan)


def _writing(situation: Situation) -> list[Job]:
    """The Jobs that made the data: they go with their pods first, as before a next run."""
    return [job for job in situation.run_jobs if job.task != RESET]


def _ended_writing(situation: Situation) -> Step | None:
    return _end(situation, _writing(situation)) if _is_written(situation) else None


def _end(situation: Situation, jobs: Iterable[Job]) -> Step:
    return _going_on(situation, "waits for the pods of before to end", delete_jobs(jobs))


def _is_written(situation: Situation) -> bool:
    pods = any(pod.task != RESET for pod in situation.live_pods())
    return pods or bool(_writing(situation))


def _begin(situation: Situation, wish: Wish) -> Step:
    plan = situation.plan
    if plan is not None:
        return _create(situation, plan, wish)
    lost = f"the ConfigMap of run {situation.number} is gone"
    verdict = situation.verdict
    if verdict is not None and verdict.problems:
        why = f"{lost}, and the spec is refused: {'; '.join(verdict.problems)}"
        return _stuck(situation, Diagnosis(Reason.INVALID_SPEC, why))
    if verdict is None or verdict.digest != situation.digest:
        why = f"{lost}, and the spec is another by now: set it back, or have the next run begin"
        return _stuck(situation, Diagnosis(Reason.PLAN_LOST, why))
    refusal = refused_plan(situation)
    if refusal is not None:
        return _stuck(situation, refusal, (plan_again(situation),))
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
    """As a purge: what is stuck shows why; what failed, or cannot start, is made again."""
    if job.failed is None:
        queue = situation.desired.queue
        diagnosis = waiting_for(job, queue, situation.observed, situation.now)
        remaking = remade_wish(situation, job, diagnosis) or Remaking((), IDLE_SECONDS)
        if diagnosis is not None:
            step = _stuck(situation, diagnosis, remaking.actions, remaking.again_after)
            return _recorded(situation, step, diagnosis) if tried_rarely(diagnosis) else step
        before = _still_tried(situation)
        if before is not None:
            return _stuck(situation, before, remaking.actions, remaking.again_after)
        return _going_on(situation, "", remaking.actions, remaking.again_after)
    end = end_of(job, situation.observed.pods)
    if not end.heard and not is_late(situation, job):
        return _going_on(situation, "waits for its pod's last word", again_after=1.0)
    return _failed(situation, job, end.diagnosis)


def _still_tried(situation: Situation) -> Diagnosis | None:
    """What its last pod failed with: one that runs is another try, and has not got on yet."""
    stalled = situation.condition("Stalled")
    if stalled.status != "True" or stalled.reason != Reason.RETRYING:
        return None
    return Diagnosis(stalled.reason, stalled.message)


def _failed(situation: Situation, job: Job, diagnosis: Diagnosis) -> Step:
    remaking = remade_since(job, job.finished or situation.now, situation.now)
    step = _stuck(situation, diagnosis, remaking.actions, remaking.again_after)
    return _recorded(situation, step, diagnosis)


def _recorded(situation: Situation, step: Step, diagnosis: Diagnosis) -> Step:
    """With the trouble in the record, which shows it while its Job is made again."""
    record = situation.record
    run = refused(record.run, diagnosis.reason, diagnosis.message)
    return replace(step, record=replace(record, run=run))


def _done(situation: Situation, job: Job, report: PodReport) -> Step:
    record, removed = _record(situation), report.purged
    at = timestamp(job.finished or situation.now)
    reset = ResetStatus(
        request=job.request,
        finished_at=at,
        tables=None if removed is None else removed.tables,
        rows=None if removed is None else removed.rows,
        objects=None if removed is None else removed.objects,
    )
    partly = removed is not None and removed.end is PurgeEnd.PARTLY
    run = replace(
        without_way(record.run),
        outcome="Reset",
        finished_at=record.run.finished_at or at,
        reason=Reason.RESET_PARTLY if partly else Reason.RESET,
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


def _in_vain(situation: Situation, job: Job, report: PodReport) -> Step:
    """The run stays what it was: its data is another's by now, who keeps it."""
    record = without_refusal(_record(situation))
    reset = ResetStatus(
        request=job.request,
        finished_at=timestamp(job.finished or situation.now),
        reason=Reason.NOT_RESET,
        message=shortened(report.message, _WORDS),
    )
    run = replace(record.run, reset=reset)
    run_condition = RunCondition(_phase(situation), Reason.RESETTING, "all its data stays")
    if run.outcome:
        run_condition = end_condition(situation, run)
    return Step(run_condition, replace(record, run=run), again_after=SOON)


def _going_on(
    situation: Situation,
    what: str,
    actions: tuple[Action, ...] = (),
    again_after: float = SOON,
) -> Step:
    known = situation.record.run.refused
    trouble = None if known is None else Diagnosis(known.reason, known.message)
    if trouble is not None and not _is_mended(situation, trouble):
        # What failed is made again each minute: that is the same trouble, until it is done.
        return _stuck(situation, trouble, actions, again_after)
    message = f"the data of run {situation.number} is being removed"
    words = f"{message}; {what}" if what else message
    run_condition = RunCondition(_phase(situation), Reason.RESETTING, words)
    record = None if known is None else without_refusal(situation.record)
    return Step(run_condition, record, actions, again_after)


def _is_mended(situation: Situation, trouble: Diagnosis) -> bool:
    """Whether it was a trouble of its pod's start, and a pod has started."""
    pods = situation.live_pods()
    return tried_rarely(trouble) and any(pod.running for pod in pods if pod.task == RESET)


def _stuck(
    situation: Situation,
    diagnosis: Diagnosis,
    actions: tuple[Action, ...] = (),
    again_after: float | None = None,
) -> Step:
    phase = _phase(situation)
    run_condition = RunCondition(phase, diagnosis.reason, diagnosis.message, stalled=True)
    return Step(run_condition, None, actions, again_after or IDLE_SECONDS)


def _phase(situation: Situation) -> Phase:
    """What the run was before it is reset."""
    return _PHASES.get(situation.outcome, FAILED)
