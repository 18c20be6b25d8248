"""Why a Job does not get on: read from its pods, its conditions and the Events about it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from rowmill.plan.intervals import count, covers, show
from rowmill.plan.pod_contract import FAIL_THE_JOB, ExitCode
from rowmill_operator.model.observed import Job, Observed, Pod, Termination, Warned
from rowmill_operator.model.reasons import Reason

# A controller that still fails says so again within this time: its waits grow to some minutes.
_FRESH = timedelta(minutes=6)
_KUBELETS = {Reason.IMAGE_PULL_FAILED, Reason.SECRET_MISSING, Reason.MOUNT_FAILED}
# Such a pod is no failed try: its work is done, or others ended it.
_NO_FAILURES = {ExitCode.DONE, ExitCode.TERMINATED}
# As the Job controller tells which rule of the podFailurePolicy has ended a Job.
_EXIT_CODE = re.compile(r"exit code (\d{1,3})\b")
# As it tells that pods failed more often than it makes new ones.
_OUT_OF_TRIES = {"FailedIndexes", "MaxFailedIndexesExceeded", "BackoffLimitExceeded"}
# The kubelet of a busy node does not know a new pod's ConfigMap or Secret yet.
_PASSING = "failed to sync"
_PULLING = {"ErrImagePull", "ImagePullBackOff", "InvalidImageName", "ErrImageNeverPull"}


@dataclass(frozen=True)
class Diagnosis:
    """What is wrong, for a condition."""

    reason: str
    message: str


@dataclass(frozen=True)
class End:
    """How a failed Job ended: `code` is the worker's exit code, 0 if nothing tells it.

    `heard` says that a pod told it; else it is the Job's word, and the pod's may yet be seen.
    """

    code: int
    diagnosis: Diagnosis
    heard: bool


def pods_of(job: Job, pods: Sequence[Pod]) -> list[Pod]:
    """The pods of this very Job, oldest first."""
    return sorted(
        (pod for pod in pods if pod.job_uid == job.uid), key=lambda pod: (pod.created, pod.name)
    )


def waiting_for(job: Job, queue: str, observed: Observed, now: datetime) -> Diagnosis | None:
    """What a Job without a running pod waits for, None if nothing is known to be wrong."""
    pods = pods_of(job, observed.pods)
    if queue and job.suspended:
        return Diagnosis(Reason.QUEUED, f"waits for its turn in the queue {queue}")
    killed = _killed_twice(pods)
    if killed is not None:
        return killed
    if any(pod.running for pod in pods):
        return None
    starting = [pod for pod in pods if pod.live]
    for pod in reversed(starting):
        found = _pod_waits(pod, observed, now)
        if found is not None:
            return found
    return None if starting else _job_waits(job, pods, observed.warnings, now)


def tried_rarely(diagnosis: Diagnosis) -> bool:
    """Whether it is the kubelet that tries again: up to five minutes apart, and two for volumes."""
    return diagnosis.reason in _KUBELETS


def refused_child(name: str, observed: Observed, now: datetime) -> Diagnosis | None:
    """Why a child that is to be made was refused when it was asked for last."""
    warned = _about(name, observed.warnings, now)
    return next((_refused(w.message) for w in warned if w.reason == "FailedCreate"), None)


def end_of(job: Job, pods: Sequence[Pod]) -> End:
    """Why a failed Job failed, in the worker's own words where its pod is still there."""
    ended = [(pod, pod.termination) for pod in pods_of(job, pods) if pod.termination is not None]
    for code in FAIL_THE_JOB:
        for pod, termination in reversed(ended):
            if termination.code == code:
                return End(code, _said(pod, termination), heard=True)
    reported = _EXIT_CODE.search(job.failed.message) if job.failed is not None else None
    if job.failed is not None and reported is not None and job.failed.reason == "PodFailurePolicy":
        # Then it was this code that ended it, and no other pod's.
        ended_by = int(reported[1])
        reason = Reason.RETRYING if ended_by == ExitCode.REFUSED else Reason.FAILED
        return End(ended_by, Diagnosis(reason, job.failed.message), heard=False)
    failed = [(p, t) for p, t in ended if t.code not in _NO_FAILURES and _may_fail(job, p)]
    if failed:
        pod, termination = failed[-1]
        return End(termination.code, _said(pod, termination), heard=True)
    return End(0, Diagnosis(Reason.FAILED, _given_up(job)), heard=False)


def _given_up(job: Job) -> str:
    """Why a Job failed of which no pod is left that tells it: those that fail are kept.

    One that is deleted while it works counts as a try and leaves nothing.
    """
    reported = job.failed.message if job.failed is not None else "the Job failed"
    if job.failed is None or job.failed.reason not in _OUT_OF_TRIES:
        return reported
    where, allowed = job.task, "all its tries"
    if job.failed_indexes:
        shards = "shard" if count(job.failed_indexes) == 1 else "shards"
        where, allowed = f"{shards} {show(job.failed_indexes)}", "as many tries as retriesPerShard"
    return (
        f"{where}: given up after {allowed}; no pod of it is left to tell why, so the last ones "
        f"were deleted while they worked: look for who deletes pods here ({reported})"
    )


def _may_fail(job: Job, pod: Pod) -> bool:
    if pod.index is None or not job.failed_indexes:
        return True
    return any(first <= pod.index < stop for first, stop in job.failed_indexes)


def _said(pod: Pod, termination: Termination) -> Diagnosis:
    where = f"shard {pod.index}" if pod.index is not None else pod.task
    if termination.reason == "OOMKilled":
        return _out_of_memory(where)
    reason, message = termination.report.reason, termination.report.message
    if reason and message:
        return Diagnosis(reason, f"{where}: {message}")
    message = message or f"its pod {pod.name} ended without a word"
    return Diagnosis(reason or Reason.FAILED, f"{where}: {message} (exit code {termination.code})")


def _killed_twice(pods: Sequence[Pod]) -> Diagnosis | None:
    killed: dict[int | None, int] = {}
    for pod in pods:
        if pod.termination is not None and pod.termination.reason == "OOMKilled":
            killed[pod.index] = killed.get(pod.index, 0) + 1
        elif pod.termination is not None and pod.termination.code == ExitCode.DONE:
            killed.pop(pod.index, None)
    for index, times in killed.items():
        if times > 1:
            return _out_of_memory(f"shard {index}" if index is not None else "the last step")
    return None


def _out_of_memory(where: str) -> Diagnosis:
    return Diagnosis(
        Reason.OOM_KILLED,
        f"{where} was killed for using more memory than spec.resources.limits.memory allows; "
        "raise that limit",
    )


def _pod_waits(pod: Pod, observed: Observed, now: datetime) -> Diagnosis | None:
    if pod.waiting is not None and pod.waiting.reason in _PULLING:
        return Diagnosis(Reason.IMAGE_PULL_FAILED, f"pod {pod.name}: {pod.waiting.message}")
    if pod.unschedulable:
        return Diagnosis(Reason.UNSCHEDULABLE, f"pod {pod.name}: {pod.unschedulable}")
    for warning in _about(pod.name, observed.warnings, now):
        if warning.reason == "FailedMount" and _PASSING not in warning.message:
            return _mount(warning.message, observed.experiment.namespace)
        if warning.reason == "FailedCreatePodSandBox":
            return Diagnosis(Reason.CONTAINER_FAILED, f"pod {pod.name}: {warning.message}")
    if pod.waiting is not None and pod.waiting.reason not in (
        "ContainerCreating",
        "PodInitializing",
    ):
        reason = f"{pod.waiting.reason}: {pod.waiting.message}"
        return Diagnosis(Reason.CONTAINER_FAILED, f"pod {pod.name}: {reason}")
    return None


def _mount(message: str, namespace: str) -> Diagnosis:
    """A Secret that is missing, or lacks a key, shows as a volume that cannot be mounted."""
    if "secret" in message.lower() and ("not found" in message or "non-existent" in message):
        return Diagnosis(Reason.SECRET_MISSING, f"in the namespace {namespace}: {message}")
    return Diagnosis(Reason.MOUNT_FAILED, message)


def _job_waits(
    job: Job, pods: Sequence[Pod], warnings: Sequence[Warned], now: datetime
) -> Diagnosis | None:
    newest = max((pod.created for pod in pods), default=None)
    for warning in _about(job.name, warnings, now):
        if warning.reason == "FailedCreate" and (newest is None or warning.last >= newest):
            return _refused(warning.message)
    return _between_tries(job, pods)


def _refused(message: str) -> Diagnosis:
    """Why the API server takes no such object."""
    if "exceeded quota" in message:
        return Diagnosis(Reason.QUOTA_EXCEEDED, message)
    if "violates PodSecurity" in message:
        return Diagnosis(Reason.POD_SECURITY, message)
    return Diagnosis(Reason.PODS_REFUSED, message)


def _between_tries(job: Job, pods: Sequence[Pod]) -> Diagnosis | None:
    """After a failure Kubernetes waits, longer each time: say for what.

    A failure counts while no newer pod of its index has come, and the index is not complete.
    """
    newest: dict[int | None, Pod] = {pod.index: pod for pod in pods}
    for index, pod in newest.items():
        end = pod.termination
        done = index is not None and covers(job.completed_indexes, index)
        if end is None or end.code in _NO_FAILURES or done:
            continue
        if end.code in FAIL_THE_JOB:
            # The Job is about to fail with it.
            return _said(pod, end)
        message = f"{_said(pod, end).message}; Kubernetes tries again soon"
        return Diagnosis(Reason.RETRYING, message)
    return None


def _about(name: str, warnings: Sequence[Warned], now: datetime) -> list[Warned]:
    fresh = [w for w in warnings if w.about == name and now - w.last <= _FRESH]
    return sorted(fresh, key=lambda warning: warning.last, reverse=True)
