"""How a run ends: published, aborted or failed; and what is left to do once it has."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from rowmill.counting import counted
from rowmill.plan.pod_contract import RUN_RESET, ExitCode
from rowmill.plan.pod_report import PodReport
from rowmill.plan.purging import PurgeEnd
from rowmill.spec.cluster_names import ABORT, ASK_RESET, FINALIZE, RESET
from rowmill.spec.manifest.status import Phase, ResetStatus, RunStatus
from rowmill.spec.wishes import aborts, read_wish
from rowmill_operator.decide.diagnosis import end_of, pods_of
from rowmill_operator.decide.record import (
    caught_up,
    completed_record,
    current_record,
    ended_record,
)
from rowmill_operator.decide.remaking import remade_since
from rowmill_operator.decide.situation import Situation
from rowmill_operator.decide.step import (
    SOON,
    Step,
    moment,
    phase_of,
    refused_at_start,
    waiting_condition,
)
from rowmill_operator.model.actions import Action, delete_jobs
from rowmill_operator.model.observed import FrozenPlan, Job
from rowmill_operator.model.reasons import Reason
from rowmill_operator.model.run_condition import (
    COMPLETE,
    FAILED,
    FINALIZING,
    PENDING,
    RESET_DONE,
    RUNNING,
    RunCondition,
)
from rowmill_operator.model.run_in_status import (
    refused,
    replaced_in,
    without_data,
    without_refusal,
)

# A pod's end may be seen after that of its Job.
_LAST_WORD = timedelta(seconds=10)
_REMOVED = (PurgeEnd.REMOVED, PurgeEnd.PARTLY)
# Until it is, the run shows the reason that it showed before.
_AS_BEFORE = {RUNNING: Reason.RUNNING, FINALIZING: Reason.FINALIZING}


def decided_end(situation: Situation) -> Step | None:
    """The end of a run that is decided already, whatever the spec says by now, or None.

    What is published stays so: that is recorded before anything else is done about the run.
    """
    plan = situation.plan
    if plan is None or situation.outcome:
        return None
    finalize = situation.job(FINALIZE)
    if finalize is not None and finalize.complete:
        return _published(situation, plan, finalize)
    experiment = situation.experiment
    if aborts(experiment.annotations.get(ABORT), plan.number, experiment.generation):
        return _abort(situation, plan)
    return None


def ended(situation: Situation) -> Step:
    """Nothing is left to do but to remove what the run left, once its time is over."""
    run = situation.record.run
    jobs = situation.run_jobs
    actions: tuple[Action, ...] = ()
    again = None
    ttl = situation.desired.ttl
    if ttl is not None and jobs:
        reset_at = None if run.reset is None else run.reset.finished_at
        over = moment(reset_at or run.finished_at, situation.now) + timedelta(seconds=ttl)
        if over <= situation.now:
            actions = delete_jobs(jobs)
        else:
            again = (over - situation.now).total_seconds()
    if not actions:
        # What failed or was aborted must not go on, nor a reset that nobody asks for any more.
        unfinished = (job for job in jobs if not job.complete and job.failed is None)
        published = situation.outcome == "Complete"
        actions = delete_jobs(job for job in unfinished if not published or job.task == RESET)
    # That of a reset which nobody asks for any more.
    record = None if run.refused is None else without_refusal(situation.record)
    return Step(end_condition(situation, run), record, actions, again)


def failed(situation: Situation, plan: FrozenPlan, job: Job, phase: Phase) -> Step:
    """A Job has failed: for good, or by a refusal, for which it is made again."""
    end = end_of(job, situation.observed.pods)
    if not end.heard and not is_late(situation, job):
        message = f"the Job {job.name} has ended; waits for its pod's last word"
        reason = _AS_BEFORE.get(phase, Reason.STARTING)
        run_condition = waiting_condition(situation, phase, reason, message)
        return Step(run_condition, current_record(situation, plan), again_after=1.0)
    diagnosis = end.diagnosis
    if end.code != ExitCode.REFUSED:
        if diagnosis.reason == RUN_RESET:
            return _was_reset(situation, plan)
        message = diagnosis.message
        if end.code != ExitCode.BAD_SPEC:
            name = situation.experiment.name
            message += (
                f". What is durable stays: `kubectl rowmill resume {name}` goes on from there"
            )
        record = ended_record(situation, plan, "Failed", diagnosis.reason, message)
        return Step(RunCondition(FAILED, diagnosis.reason, message), record)
    record = current_record(situation, plan)
    record = replace(record, run=refused(record.run, diagnosis.reason, diagnosis.message))
    if phase == RUNNING and refused_at_start(record.run, job):
        phase = PENDING
    run_condition = RunCondition(phase, diagnosis.reason, diagnosis.message, stalled=True)
    remaking = remade_since(job, job.finished or situation.now, situation.now)
    return Step(run_condition, record, remaking.actions, remaking.again_after)


def _was_reset(situation: Situation, plan: FrozenPlan) -> Step:
    """The end of a run whose reset the status has lost; the ledger has not."""
    record = ended_record(situation, plan, "Reset", Reason.RESET, "its data was removed")
    wish = read_wish(situation.experiment.annotations.get(ASK_RESET))
    if wish is not None and wish.number == plan.number:
        # Whether it was this one that was met or an earlier one: there is nothing to remove.
        reset = ResetStatus(wish.request, record.run.finished_at)
        record = replace(record, run=replace(record.run, reset=reset))
    record = without_data(record)
    return Step(end_condition(situation, record.run), record)


def _published(situation: Situation, plan: FrozenPlan, job: Job) -> Step:
    report = report_of(situation, job)
    if report is None:
        run_condition = RunCondition(FINALIZING, Reason.FINALIZING, "waits for its pod's last word")
        return Step(run_condition, current_record(situation, plan), again_after=1.0)
    record = completed_record(situation, plan, job, report)
    ttl = None if situation.desired.ttl is None else 0.1
    return Step(end_condition(situation, record.run), record, again_after=ttl)


def _abort(situation: Situation, plan: FrozenPlan) -> Step:
    if situation.at_work:
        run_condition = RunCondition(
            phase_of(situation), Reason.ABORTED, "its pods are being ended"
        )
        # Once they are gone, nothing tells what they have made.
        record = caught_up(situation, plan)
        return Step(run_condition, record, delete_jobs(situation.run_jobs), again_after=SOON)
    message = f"run {plan.number} was aborted; what it made stays until a newer run begins"
    record = ended_record(situation, plan, "Aborted", Reason.ABORTED, message)
    return Step(RunCondition(FAILED, Reason.ABORTED, message), record)


def end_condition(situation: Situation, run: RunStatus) -> RunCondition:
    """Where a run stands that has ended, by its record."""
    message = run.message or ""
    if run.outcome == "Reset":
        again = f"`kubectl rowmill rerun {situation.experiment.name}` makes it again"
        return RunCondition(RESET_DONE, run.reason or Reason.RESET, f"{message}; {again}")
    if run.outcome != "Complete":
        return RunCondition(FAILED, run.reason or Reason.FAILED, message)
    kept = _types_kept(situation, run)
    if message:
        return RunCondition(COMPLETE, Reason.REPEAT, f"{message}{kept}")
    replaced = replaced_in(run)
    words = "" if replaced is None else f"; it replaced {replaced}"
    rows = counted(run.rows or 0, "row")
    return RunCondition(COMPLETE, Reason.COMPLETE, f"{rows}{words}{kept}")


def _types_kept(situation: Situation, run: RunStatus) -> str:
    """What to say of data whose Parquet types are not those that the spec asks for by now."""
    kept, asked = run.parquet_types, situation.desired.parquet_types
    # What another version recorded does not say.
    if not kept or asked in (None, kept):
        return ""
    return (
        f"; its Parquet objects keep their types ({kept}), though the spec asks for {asked}: "
        f"`kubectl rowmill rerun {situation.experiment.name}` writes them anew"
    )


def report_of(situation: Situation, job: Job) -> PodReport | None:
    """What the pod that ended well said, or none did; None while its end may yet be seen."""
    for pod in reversed(pods_of(job, situation.observed.pods)):
        if pod.termination is not None and pod.termination.code == ExitCode.DONE:
            return pod.termination.report
    return PodReport() if is_late(situation, job) else None


def removal_report(situation: Situation, job: Job) -> PodReport | None:
    """What a pod said that removed all data, also if it was ended before its Job was told so.

    One that comes after it finds nothing: the word of the one that removed something counts.
    """
    ended = [pod.termination for pod in reversed(pods_of(job, situation.observed.pods))]
    said = [each.report for each in ended if each is not None and each.report.purged is not None]
    removed = [each for each in said if each.purged is not None and each.purged.end in _REMOVED]
    return next(iter([*removed, *said]), None)


def is_late(situation: Situation, job: Job) -> bool:
    """Whether what its pods said would have been seen by now."""
    return job.finished is None or situation.now - job.finished > _LAST_WORD
