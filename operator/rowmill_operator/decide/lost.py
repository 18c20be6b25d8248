"""Pods that should have ended long ago, as their node does not answer; pods without their Job."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta

from rowmill_operator.model.actions import Action, Decision, DeleteJob, DeletePod, ReportEvent
from rowmill_operator.model.observed import Job, Observed, Pod
from rowmill_operator.model.reasons import Reason

LOST_AFTER = timedelta(minutes=2)


def release_lost(decision: Decision, observed: Observed, now: datetime) -> Decision:
    """The decision, and the lost force-deleted with an Event each; looked at again for the next.

    A pod that has no Job is told to end: what it does is asked for, and counted, by nobody.

    A twin that still works is harmless. Their Job is made again: it lets go of a pod, and has a
    new one, only once the pod has ended, which nobody tells of a node that is silent.
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


def jobless(observed: Observed) -> list[Pod]:
    """Of each Job that is not seen one pod that is: somebody has taken the Job's labels off."""
    seen = {job.uid for job in observed.jobs}
    lost = {pod.job_uid: pod for pod in observed.pods if pod.live and pod.job_uid not in seen}
    return [pod for uid, pod in lost.items() if uid]


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
