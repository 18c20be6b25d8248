"""An experiment and all that is known about it, as the store keeps it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from rowmill.plan.pod_progress import PodProgress
from rowmill.spec.cluster_names import VERIFY
from rowmill_operator.model.observed import Experiment, FrozenPlan, Job, Pod, Verdict, Warned

View = Experiment | FrozenPlan | Job | Pod


@dataclass
class Family:
    """An experiment, None while only children of it are seen, and its children by their names."""

    experiment: Experiment | None = None
    verdict: Verdict | None = None
    # How often in turn the verdict was a passing one, and until when the last of them holds.
    passing: int = 0
    judge_again: float | None = None
    leaving_since: float | None = None
    # Whether it is another operator's, None until that is decided.
    left: bool | None = None
    plans: dict[str, FrozenPlan] = field(default_factory=dict)
    jobs: dict[str, Job] = field(default_factory=dict)
    pods: dict[str, Pod] = field(default_factory=dict)
    # By the name and the UID of what they are about, and their reason.
    warnings: dict[tuple[str, str, str], Warned] = field(default_factory=dict)
    # By the pod's UID, the newest report last.
    progress: dict[str, PodProgress] = field(default_factory=dict)
    misses: dict[str, int] = field(default_factory=dict)

    def is_empty(self) -> bool:
        """Whether nothing of it is there any more."""
        return self.experiment is None and not (self.plans or self.jobs or self.pods)

    def current_warnings(self) -> Iterator[Warned]:
        """The warnings about what is there, or about what could not be made."""
        uids = {job.uid for job in self.jobs.values()} | {pod.uid for pod in self.pods.values()}
        return (w for (_, uid, _), w in self.warnings.items() if not uid or uid in uids)

    def progress_by_shard(self) -> dict[int, PodProgress]:
        """What was last said of each shard, -1 being finalize, by pods that are still known."""
        latest: dict[int, PodProgress] = {}
        pods = {pod.uid: pod for pod in self.pods.values()}
        for uid, progress in self.progress.items():
            pod = pods.get(uid)
            if pod is not None and pod.task != VERIFY:
                shard = -1 if pod.index is None else pod.index
                latest[shard] = progress if pod.running else replace(progress, rows_per_second=0.0)
        return latest

    def verify_progress(self) -> PodProgress | None:
        """What the pod of a verify said last, which is at work."""
        reading = {pod.uid for pod in self.pods.values() if pod.task == VERIFY and pod.running}
        said = (report for uid, report in reversed(self.progress.items()) if uid in reading)
        return next(said, None)
