"""What a decision asks for; apiserver/cluster.py carries it out. Every action can be repeated."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from rowmill.spec.cluster import Defaults
from rowmill.spec.manifest.status import ExperimentStatus
from rowmill_operator.model.observed import Job


@dataclass(frozen=True)
class Validate:
    """Judge the spec as it is now, with this effective `rerun`; the verdict is observed next.

    `defaults` are what a next run would be planned by. A spec of the digest `planned`, that of the
    newest run, begins none: it is judged by what that run was planned by, `planned_by`. And by the
    data version of the last run, if the manifest names none; None: there was no run.
    """

    generation: int
    rerun: str
    defaults: Defaults
    data_version: int | None = None
    planned: str = ""
    planned_by: Defaults | None = None


@dataclass(frozen=True)
class FreezePlan:
    """Make the ConfigMap of run `number` for the spec that was judged, by POST.

    `data_version` is that of the last run, None for the first. `engine` is to own the data,
    `image` is what its pods run, `defaults` is where rows go that name no server. Too large a plan
    becomes the verdict TooLarge.
    """

    number: int
    rerun: str
    adopt: str | None
    data_version: int | None
    engine: str
    image: str
    defaults: Defaults


@dataclass(frozen=True)
class CreateJob:
    """POST this Job. 409 is success if the one that is there has our controller and digest."""

    manifest: Mapping[str, Any]


@dataclass(frozen=True)
class DeleteJob:
    """Delete with propagationPolicy Foreground and the UID as precondition; 404 is success."""

    name: str
    uid: str


@dataclass(frozen=True)
class DeletePlan:
    """Delete a ConfigMap of an earlier run, with the UID as precondition."""

    name: str
    uid: str


@dataclass(frozen=True)
class DeletePod:
    """Delete a pod with the UID as precondition, `at_once` without grace if it does not end."""

    name: str
    uid: str
    at_once: bool = True


@dataclass(frozen=True)
class SetParallelism:
    """A merge patch of one field with the resourceVersion that was seen."""

    job: str
    resource_version: str
    parallelism: int


@dataclass(frozen=True)
class SetFinalizers:
    """Replace the Experiment's finalizers, with the resourceVersion that was seen."""

    finalizers: tuple[str, ...]


@dataclass(frozen=True)
class ReportEvent:
    """An Event on the Experiment: one a transition. `warning` makes it a Warning."""

    reason: str
    message: str
    warning: bool = False


@dataclass(frozen=True)
class LeaveAlone:
    """Leave the Experiment to another operator, whose owner key for it is `owner`; told once."""

    owner: str
    message: str


@dataclass(frozen=True)
class CountPurge:
    """Log and count how a purge ended, by one of the outcomes in metrics.py."""

    outcome: str
    message: str


Action = (
    Validate
    | FreezePlan
    | CreateJob
    | DeleteJob
    | DeletePlan
    | DeletePod
    | SetParallelism
    | SetFinalizers
    | ReportEvent
    | LeaveAlone
    | CountPurge
)


@dataclass(frozen=True)
class Decision:
    """What to do now, what the status is to be, and when to look again if nothing happens.

    `status` is the whole status to apply, None to leave it. `urgent` says that it holds more than
    progress; a status of mere progress is written at most every few seconds.
    """

    actions: tuple[Action, ...] = ()
    status: ExperimentStatus | None = None
    urgent: bool = False
    again_after: float | None = None


def delete_jobs(jobs: Iterable[Job]) -> tuple[Action, ...]:
    """Delete these Jobs, but for those that are being deleted."""
    return tuple(DeleteJob(job.name, job.uid) for job in jobs if not job.deleted)
