"""What the operator saw of one experiment: plain data, all that a decision rests on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from rowmill.plan.intervals import Interval
from rowmill.plan.layout import Plan
from rowmill.plan.pod_progress import PodProgress
from rowmill.plan.pod_report import PodReport
from rowmill.spec.cluster import Defaults
from rowmill.spec.manifest.status import ExperimentStatus


@dataclass(frozen=True)
class Experiment:
    """The custom resource without its tables, which only the validator reads.

    `settings` is `spec` as written, without `tables` and `schema`; `bytes` the length of the whole
    spec as JSON.
    """

    namespace: str
    name: str
    uid: str
    generation: int
    resource_version: str
    created: datetime
    deleted: datetime | None
    finalizers: tuple[str, ...]
    labels: Mapping[str, str]
    annotations: Mapping[str, str]
    settings: Mapping[str, Any]
    status: ExperimentStatus
    bytes: int


@dataclass(frozen=True)
class Verdict:
    """What validation says of a generation of the spec: `problems`, or the digest of its data.

    `reason` of a refusal is InvalidSpec or TooLarge. `generation` and `rerun` tell what was judged.
    A `passing` refusal may be the node's fault: the same spec is judged again later. `warnings` are
    what an accepted spec says that will probably surprise.
    """

    generation: int
    rerun: str
    problems: tuple[str, ...] = ()
    reason: str = ""
    digest: str = ""
    passing: bool = False
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True)
class FrozenPlan:
    """The immutable ConfigMap of a run: its number, plan and all that was chosen for it.

    `engine` owns its data; `release` is the installation that planned it, "" if nothing tells it.
    `defaults` are the chart's of then, `destinations` those of the manifest of then. `seen` is the
    resource version of the Experiment by which it was planned, 0 if nothing tells it. `asked_reset`
    is what asked for a reset then, of a run before this one; "" for nothing.
    """

    name: str
    uid: str
    owner_uid: str
    deleted: bool
    number: int
    created: datetime
    engine: str
    image: str
    adopt: str | None
    rerun: str
    defaults: Defaults
    destinations: Mapping[str, Mapping[str, Any]]
    plan: Plan
    release: str = ""
    seen: int = 0
    asked_reset: str = ""


@dataclass(frozen=True)
class Job:
    """A Job of ours. `failed` is the condition Failed: its reason and message.

    `queue` is the queue that it was made for, whatever one it was given since; "" for none.
    `request` is what a person asked for that it is to meet, "" of a Job that nobody asked for.
    """

    name: str
    uid: str
    resource_version: str
    owner_uid: str
    deleted: bool
    task: str
    number: int
    digest: str
    shape: str
    queue: str
    created: datetime
    suspended: bool
    parallelism: int
    completions: int
    active: int
    terminating: int
    succeeded: int
    completed_indexes: tuple[Interval, ...]
    failed_indexes: tuple[Interval, ...]
    complete: bool
    failed: Failure | None
    finished: datetime | None
    request: str = ""


@dataclass(frozen=True)
class Failure:
    """Why the API server or the kubelet says that something failed."""

    reason: str
    message: str


@dataclass(frozen=True)
class Termination:
    """How a pod's container ended. `report` is its termination message, empty if it left none."""

    code: int
    reason: str
    finished: datetime | None
    report: PodReport = field(default_factory=PodReport)


@dataclass(frozen=True)
class Pod:
    """A pod of one of our Jobs. `index` is its shard, None of any other task.

    `waiting` is why its container has not started (ErrImagePull, CreateContainerConfigError ...),
    `unschedulable` what the scheduler says, `disrupted` the reason of DisruptionTarget.
    """

    name: str
    uid: str
    job_uid: str
    task: str
    number: int
    index: int | None
    created: datetime
    deleted: datetime | None
    phase: str
    ip: str
    node: str
    running: bool
    waiting: Failure | None
    unschedulable: str
    disrupted: str
    termination: Termination | None

    @property
    def live(self) -> bool:
        """Whether it may still be at work."""
        return self.termination is None and self.phase not in ("Succeeded", "Failed")


@dataclass(frozen=True)
class Warned:
    """A Warning event about one of our Jobs or pods, `about` being its name.

    `last` is by the API server's clock, as are all times here.
    """

    about: str
    reason: str
    message: str
    last: datetime


@dataclass(frozen=True)
class Observed:
    """All that is known of one experiment at one moment.

    `progress` is by shard number, -1 being finalize; `unreachable` counts running pods of a run
    whose last poll failed. `verifying` is what the pod of a verify said last. `verdict` is None
    until the spec has been judged. `leaving_for` is for how many seconds this operator has seen
    that the experiment is being deleted, by its steady clock.
    """

    experiment: Experiment
    verdict: Verdict | None
    plans: tuple[FrozenPlan, ...] = ()
    jobs: tuple[Job, ...] = ()
    pods: tuple[Pod, ...] = ()
    warnings: tuple[Warned, ...] = ()
    progress: Mapping[int, PodProgress] = field(default_factory=dict)
    verifying: PodProgress | None = None
    unreachable: int = 0
    namespace_terminating: bool = False
    leaving_for: float = 0.0
