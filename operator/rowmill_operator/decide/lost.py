"""Pods that should have ended long ago, as their node does not answer; pods without their Job."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta

from rowmill.spec.cluster_names import RESET
from rowmill_operator.decide.situation import Situation
from rowmill_operator.decide.step import Step
from rowmill_operator.model.actions import Action, Decision, DeleteJob, DeletePod, ReportEvent
from rowmill_operator.model.observed import Job, Observed, Pod
from rowmill_operator.model.reasons import Reason

LOST_AFTER = timedelta(minutes=2)


def release_lost(decision: Decision, observed: Observed, now: datetime) -> Decision:
    """The decision, and the lost force-deleted with an Event each; looked at again for the next.

    A pod that has no Job is told to end: what it does is asked for, and counted, by nobody.

    A twin that still works is harmless, but for one that removes data, which is not given up. Their
    Job is made again: it lets go of a pod, and has a new one, only once the pod has ended, which
    nobody tells of a node that is silent.
    """
    actions: list[Action] = [
        DeletePod(pod.name, pod.uid, at_once=False) for pod in _ownerless(observed)
    ]
    waits = [] if decision.again_after is None else [decision.again_after]
    holding = {job.uid: job for job in observed.jobs if _holds_its_pods(job, observed)}
    for pod, left in _ending(observed, now):
        if left > 0:
            waits.append(left)
            continue
        if _is_waited_for(pod, observed):
            continue
        message = f"pod {pod.name} does not end: node {pod.node} does not answer"
        actions += [
            DeletePod(pod.name, pod.uid),
            ReportEvent(Reason.NODE_LOST, message, warning=True),
        ]
        job = holding.pop(pod.job_uid, None)
        if job is not None:
            actions.append(DeleteJob(job.name, job.uid))
    return replace(
        decision, actions=(*actions, *decision.actions), again_after=min(waits, default=None)
    )


def with_words_on_lost(situation: Situation, step: Step) -> Step:
    """What waits for the pod of a reset that its node may never end: say so, and what to do."""
    observed = situation.observed
    lost = [pod for pod, left in _ending(observed, situation.now) if left <= 0]
    pod = next((pod for pod in lost if _is_waited_for(pod, observed)), None)
    if pod is None:
        return step
    namespace = situation.experiment.namespace
    message = (
        f"pod {pod.name} removes the data of run {pod.number} and does not end: node {pod.node} "
        "does not answer; nothing goes on beside it, so see that this machine is off, and then "
        f"delete the Node, or: kubectl delete pod {pod.name} --namespace {namespace} "
        "--grace-period=0 --force"
    )
    told = replace(step.run_condition, reason=Reason.NODE_LOST, message=message, stalled=True)
    return replace(step, run_condition=told)


def jobless(observed: Observed) -> list[Pod]:
    """Of each Job that is not seen one pod that is: somebody has taken the Job's labels off."""
    seen = {job.uid for job in observed.jobs}
    lost = {pod.job_uid: pod for pod in observed.pods if pod.live and pod.job_uid not in seen}
    return [pod for uid, pod in lost.items() if uid]


def _is_waited_for(pod: Pod, observed: Observed) -> bool:
    """Whether it may remove what is made beside it, by a run of its own number that goes on.

    Beside what is deleted none goes on, and a later Experiment's data is none of it.
    """
    leaves = observed.namespace_terminating or observed.experiment.deleted is not None
    return pod.task == RESET and not leaves


def _ownerless(observed: Observed) -> list[Pod]:
    """As `kubectl delete job --cascade=orphan` leaves them."""
    return [p for p in observed.pods if p.live and not p.job_uid and p.deleted is None]


def _holds_its_pods(job: Job, observed: Observed) -> bool:
    """Whether a Job is ours and neither at its end nor being deleted, when it lets go of all."""
    ended = job.deleted or job.complete or job.failed is not None
    return job.owner_uid == observed.experiment.uid and not ended


def _ending(observed: Observed, now: datetime) -> Iterator[tuple[Pod, float]]:
    """Pods that are being deleted and may still be at work, with the seconds that are left them."""
    for pod in observed.pods:
        if pod.deleted is not None and pod.live:
            yield pod, (pod.deleted + LOST_AFTER - now).total_seconds()
