"""The newest run on its way: Jobs made, watched, made again, until its outcome is recorded."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from rowmill.counting import counted
from rowmill.plan.pod_contract import PORT
from rowmill.spec.cluster_names import FINALIZE, SHARD
from rowmill.spec.manifest.status import Phase, RefusalStatus, RunStatus
from rowmill_operator.children.jobs import finalize_job, shard_job
from rowmill_operator.decide.diagnosis import (
    Diagnosis,
    pods_of,
    refused_child,
    tried_rarely,
    waiting_for,
)
from rowmill_operator.decide.ending import ended, failed
from rowmill_operator.decide.record import caught_up, current_record, progressed
from rowmill_operator.decide.remaking import last_tried, remade_since
from rowmill_operator.decide.resetting import called_off
from rowmill_operator.decide.situation import Situation
from rowmill_operator.decide.step import (
    IDLE_SECONDS,
    SOON,
    Step,
    moment,
    phase_of,
    refused_at_start,
    waiting_condition,
)
from rowmill_operator.model.actions import Action, CreateJob, DeleteJob, SetParallelism, delete_jobs
from rowmill_operator.model.observed import FrozenPlan, Job, Pod
from rowmill_operator.model.reasons import Reason
from rowmill_operator.model.run_condition import (
    FINALIZING,
    PENDING,
    RUNNING,
    SUSPENDED,
    RunCondition,
)
from rowmill_operator.model.run_in_status import (
    RunInStatus,
    refused,
    replaced_in,
    taken_up,
    without_pace,
    without_refusal,
)

# A pod is seen a moment after its Job counts it, on a busy API server some seconds.
_UNSEEN = timedelta(seconds=60)
# A worker answers within a few seconds of its start, later on a busy node.
_START_UP = timedelta(seconds=30)


def drive(situation: Situation) -> Step:
    """Take the newest run one step on."""
    if situation.ended:
        return ended(situation)
    plan = situation.plan
    if plan is None:
        raise AssertionError("a run that has not ended has its plan, or is frozen again")
    if situation.outcome:
        return _resume(situation, plan)
    if situation.desired.suspend:
        return _suspend(situation, plan)
    reset = called_off(situation)
    if reset is not None:
        return reset
    finalize = situation.job(FINALIZE)
    if finalize is not None:
        return _finalizing(situation, plan, finalize)
    return _loading(situation, plan)


def _resume(situation: Situation, plan: FrozenPlan) -> Step:
    run_condition = RunCondition(PENDING, Reason.STARTING, f"run {plan.number} is taken up again")
    if situation.at_work:
        return Step(run_condition, None, delete_jobs(situation.run_jobs), again_after=SOON)
    record = current_record(situation, plan)
    record = replace(record, run=taken_up(record.run, situation.resume))
    return Step(run_condition, record, (), again_after=0.1)


def _suspend(situation: Situation, plan: FrozenPlan) -> Step:
    # Nothing is tried by now; what a reset was refused by is none of the run's besides.
    record = without_refusal(caught_up(situation, plan))
    if situation.at_work or situation.is_read:
        run_condition = RunCondition(
            phase_of(situation), Reason.SUSPENDING, "its pods are being ended"
        )
        return Step(run_condition, record, delete_jobs(situation.run_jobs), again_after=SOON)
    run_condition = RunCondition(
        SUSPENDED, Reason.SUSPENDED, "spec.suspend is true; its work is kept"
    )
    return Step(run_condition, replace(record, run=without_pace(record.run)))


def _loading(situation: Situation, plan: FrozenPlan) -> Step:
    job = situation.job(SHARD)
    if job is None and _older_at_work(situation, plan):
        # Such as another operator's, from which this run has taken over.
        message = "waits for the pods of the run before to end"
        run_condition = RunCondition(PENDING, Reason.REPLACING, message)
        return Step(run_condition, current_record(situation, plan), again_after=SOON)
    if job is None:
        return _create(situation, plan, shard_job, PENDING)
    if job.deleted:
        return _await_gone(situation, plan, job)
    if job.complete and situation.is_read:
        return _await_reader(situation, plan)
    if job.complete:
        step = _create(situation, plan, finalize_job, FINALIZING)
        return Step(
            step.run_condition, progressed(situation, plan, ((0, plan.plan.shards),)), step.actions
        )
    if job.failed is not None:
        return failed(situation, plan, job, phase_of(situation))
    if _is_outdated(situation, job):
        return _reshape(situation, plan, job)
    actions = _parallelism(situation, job)
    record = progressed(situation, plan, job.completed_indexes)
    return _watched(situation, job, record, RUNNING, actions)


def _older_at_work(situation: Situation, plan: FrozenPlan) -> bool:
    """Whether there are Jobs or pods of an earlier run, which are removed beside this."""
    jobs = any(job.number < plan.number for job in situation.run_jobs)
    return jobs or any(pod.number < plan.number for pod in situation.live_pods())


def _finalizing(situation: Situation, plan: FrozenPlan, job: Job) -> Step:
    if job.deleted:
        return _await_gone(situation, plan, job)
    if job.failed is not None:
        return failed(situation, plan, job, FINALIZING)
    if _is_outdated(situation, job):
        return _reshape(situation, plan, job)
    record = progressed(situation, plan, ((0, plan.plan.shards),))
    return _watched(situation, job, record, FINALIZING, ())


def _watched(
    situation: Situation,
    job: Job,
    record: RunInStatus,
    phase: Phase,
    actions: tuple[Action, ...],
) -> Step:
    """A Job that is at work, or waits for something that somebody has to mend."""
    running = [pod for pod in pods_of(job, situation.observed.pods) if pod.running]
    if _is_mended(situation, record.run, running):
        record = replace(record, run=replace(record.run, refused=None))
    diagnosis = waiting_for(job, situation.desired.queue, situation.observed, situation.now)
    diagnosis = diagnosis or _still_refused(record.run, job) or _reported_by_pods(situation)
    shown = phase if phase == FINALIZING or _begun(situation, job, record.run) else PENDING
    if diagnosis is not None:
        run_condition = RunCondition(shown, diagnosis.reason, diagnosis.message, stalled=True)
        if tried_rarely(diagnosis) and not running and not situation.desired.queue:
            return _start_over(situation, job, record, run_condition, actions)
        return Step(run_condition, record, actions, again_after=IDLE_SECONDS)
    at_work = Reason.FINALIZING if phase == FINALIZING else Reason.RUNNING
    # Between two waves of pods a run goes on: to tell of each would be three writes a wave.
    before = situation.condition("Progressing").reason
    starting = at_work if before == at_work else Reason.STARTING
    if not running:
        words = _without_pods(situation, job, record.run, goes_on=before == at_work)
        run_condition = RunCondition(shown, starting, words)
    elif not _out_of_reach(situation):
        run_condition = RunCondition(shown, at_work, record.run.step or _replaces(record.run))
    elif situation.now - min(pod.created for pod in running) < _START_UP:
        run_condition = RunCondition(shown, starting, "its pods have just started")
    else:
        message = f"the operator cannot reach the pods' port {PORT}; a NetworkPolicy may forbid it"
        run_condition = RunCondition(shown, Reason.PROGRESS_UNREACHABLE, message)
    return Step(run_condition, record, actions, again_after=IDLE_SECONDS)


def _without_pods(situation: Situation, job: Job, run: RunStatus, *, goes_on: bool) -> str:
    """What to say while none of its pods runs. A Job may count such as are not seen yet."""
    if not job.active or any(pod.live for pod in pods_of(job, situation.observed.pods)):
        return _starting(run)
    if situation.now - _seen_last(situation, job) > _UNSEEN:
        return (
            f"the Job counts {counted(job.active, 'pod')} at work, and none is seen: somebody took "
            "their labels off; what they do is counted once the Job is complete"
        )
    return run.step or _replaces(run) if goes_on else _starting(run)


def _seen_last(situation: Situation, job: Job) -> datetime:
    """When a pod was seen last; none is at the Job's start, and as its queue lets it go."""
    times = [job.created, moment(situation.condition("Stalled").last_transition_time, job.created)]
    for pod in pods_of(job, situation.observed.pods):
        end = pod.termination
        times.append(pod.created if end is None or end.finished is None else end.finished)
    return max(times)


def _starting(run: RunStatus) -> str:
    return "; ".join(filter(None, ("its pods are starting", _replaces(run))))


def _replaces(run: RunStatus) -> str:
    """What is told from the start on until a step of finalize is."""
    replaced = replaced_in(run)
    return "" if replaced is None else f"replaces {replaced} when it is published"


def _start_over(
    situation: Situation,
    job: Job,
    record: RunInStatus,
    run_condition: RunCondition,
    actions: tuple[Action, ...],
) -> Step:
    """New pods for those that cannot start: the kubelet waits ever longer with the old ones."""
    record = replace(record, run=refused(record.run, run_condition.reason, run_condition.message))
    remaking = remade_since(job, last_tried(situation, job), situation.now)
    return Step(run_condition, record, remaking.actions, remaking.again_after)


def _begun(situation: Situation, job: Job, run: RunStatus) -> bool:
    """Whether the run has been at work: it then goes on, between two waves of pods as well."""
    if refused_at_start(run, job):
        return False
    before = situation.recorded and phase_of(situation) == RUNNING
    running = any(pod.running for pod in pods_of(job, situation.observed.pods))
    return before or running or job.succeeded > 0 or bool(run.rows)


def _is_mended(situation: Situation, run: RunStatus, running: Sequence[Pod]) -> bool:
    """Whether a Job has come further than the refusal of the one before it."""
    if run.refused is not None and tried_rarely(_refusal(run.refused)):
        return bool(running)
    # A password that is refused is tried again for a while, which is not further.
    reports = situation.observed.progress.values()
    return any(not one.notice and (one.rows_per_second or one.step) for one in reports)


def _still_refused(run: RunStatus, job: Job) -> Diagnosis | None:
    """A refusal is shown until the Job made after it has come further than it."""
    return None if run.refused is None or job.succeeded else _refusal(run.refused)


def _refusal(reported: RefusalStatus) -> Diagnosis:
    return Diagnosis(reported.reason, reported.message)


def _out_of_reach(situation: Situation) -> bool:
    """Whether no pod answers, by what was told before if none has been asked yet."""
    if situation.unheard:
        return situation.condition("Progressing").reason == Reason.PROGRESS_UNREACHABLE
    return bool(situation.observed.unreachable) and not situation.observed.progress


def _reported_by_pods(situation: Situation) -> Diagnosis | None:
    """A failure that a pod meets with tries, once nothing gets on any more."""
    if situation.unheard:
        return _reported_before(situation)
    reports = situation.observed.progress
    if any(report.rows_per_second for report in reports.values()):
        return None
    for shard, report in sorted(reports.items()):
        if report.notice:
            where = f"shard {shard}" if shard >= 0 else FINALIZE
            return Diagnosis(Reason.RETRYING, f"{where}: {report.notice}")
    return None


def _reported_before(situation: Situation) -> Diagnosis | None:
    """What these very pods told an operator before this one."""
    stalled = situation.condition("Stalled")
    if stalled.status != "True" or stalled.reason != Reason.RETRYING:
        return None
    since = moment(stalled.last_transition_time, situation.now)
    if any(pod.running and pod.created > since for pod in situation.live_pods()):
        return None
    return Diagnosis(Reason.RETRYING, stalled.message)


def _create(situation: Situation, plan: FrozenPlan, build: Any, phase: Phase) -> Step:
    record = current_record(situation, plan)
    record = replace(record, run=without_pace(record.run))
    manifest = build(situation.experiment, plan, situation.desired, situation.settings)
    run_condition = waiting_condition(situation, phase, Reason.STARTING, _starting(record.run))
    diagnosis = refused_child(manifest["metadata"]["name"], situation.observed, situation.now)
    if diagnosis is not None:
        run_condition = RunCondition(phase, diagnosis.reason, diagnosis.message, stalled=True)
    return Step(run_condition, record, (CreateJob(manifest),))


def _await_gone(situation: Situation, plan: FrozenPlan, job: Job) -> Step:
    message = f"waits until the Job {job.name} is gone"
    run_condition = waiting_condition(situation, phase_of(situation), Reason.REPLACING, message)
    return Step(run_condition, current_record(situation, plan), (), again_after=SOON)


def _await_reader(situation: Situation, plan: FrozenPlan) -> Step:
    """What a verify reads cannot be dropped; it is told to go in verifying.py, or in lost.py."""
    message = "waits for the verify of the run before to end"
    run_condition = RunCondition(RUNNING, Reason.REPLACING, message)
    record = progressed(situation, plan, ((0, plan.plan.shards),))
    return Step(run_condition, record, (), again_after=SOON)


def _is_outdated(situation: Situation, job: Job) -> bool:
    """Whether it was made for another spec than the present one, if that is a right one.

    A Job that waits in a queue which the Experiment has left would wait for good.
    """
    left = job.suspended and job.queue != situation.desired.queue
    return left or (job.shape != situation.desired.shape and not situation.refused)


def _reshape(situation: Situation, plan: FrozenPlan, job: Job) -> Step:
    """What it was made for has changed: made again, the ledger keeps what landed."""
    step = _await_gone(situation, plan, job)
    return Step(step.run_condition, step.record, (DeleteJob(job.name, job.uid),), again_after=SOON)


def _parallelism(situation: Situation, job: Job) -> tuple[Action, ...]:
    if situation.desired.queue:
        return ()
    wanted = min(situation.desired.parallelism, job.completions)
    if wanted == job.parallelism:
        return ()
    return (SetParallelism(job.name, job.resource_version, wanted),)
