"""Jobs that do not get on as they are: when each is deleted, to be made again as of now."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from rowmill_operator.decide.diagnosis import Diagnosis, pods_of, tried_rarely
from rowmill_operator.decide.situation import Situation
from rowmill_operator.decide.step import REMAKE_AFTER, SOON
from rowmill_operator.model.actions import Action, DeleteJob
from rowmill_operator.model.desired_state import shape_today
from rowmill_operator.model.observed import Job


@dataclass(frozen=True)
class Remaking:
    """Deletes a Job, or waits until that is due: `again_after` so many seconds."""

    actions: tuple[Action, ...]
    again_after: float


def remade_since(job: Job, since: datetime, now: datetime) -> Remaking:
    """A Job that has been stuck since then, and is made again REMAKE_AFTER that."""
    left = (since + REMAKE_AFTER - now).total_seconds()
    return Remaking((), left) if left > 0 else _remade(job)


def stuck_since(situation: Situation, job: Job, diagnosis: Diagnosis | None) -> datetime | None:
    """Since when only a new Job, or new pods, get on: this one has failed, or cannot start."""
    if job.failed is not None:
        return job.finished or situation.now
    if diagnosis is None or not tried_rarely(diagnosis) or situation.desired.queue:
        return None
    return last_tried(situation, job)


def last_tried(situation: Situation, job: Job) -> datetime:
    """When its newest pod was made."""
    pods = pods_of(job, situation.observed.pods)
    return max((pod.created for pod in pods), default=job.created)


def remade_wish(situation: Situation, job: Job, diagnosis: Diagnosis | None) -> Remaking | None:
    """What becomes of a reset's or a verify's Job that does not get on; None if it is to go on.

    A pod at work is let finish, whatever has changed since it began: it keeps nothing of its work
    for the next one. What else there is follows the spec and the chart's worker image of now.
    """
    if any(pod.running for pod in pods_of(job, situation.observed.pods)):
        return None
    if _is_outdated(situation, job):
        return _remade(job)
    since = stuck_since(situation, job, diagnosis)
    return None if since is None else remade_since(job, since, situation.now)


def _is_outdated(situation: Situation, job: Job) -> bool:
    """As of a run's Job, but that its image is the chart's too."""
    left = job.suspended and job.queue != situation.desired.queue
    shape = shape_today(situation.desired, situation.settings)
    return left or (job.shape != shape and not situation.refused)


def _remade(job: Job) -> Remaking:
    return Remaking((DeleteJob(job.name, job.uid),), SOON)
