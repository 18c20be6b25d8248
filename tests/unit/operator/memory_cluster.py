"""A cluster in memory: carries out decisions as the API server would, and plays Job controller."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

from rowmill.plan.freeze import freeze
from rowmill.plan.layout import Plan
from rowmill.plan.pod_progress import PodProgress
from rowmill.plan.pod_report import PodReport
from rowmill.spec.cluster_names import ASK_RESET, SHARD
from rowmill.spec.dataset import Dataset, ParquetTypes
from rowmill.spec.load import Overrides, load_spec
from rowmill.spec.manifest.status import ExperimentStatus
from rowmill_operator.decide.reconcile import reconcile
from rowmill_operator.memory.stored_status import status_json
from rowmill_operator.model.actions import (
    Action,
    CountPurge,
    CreateJob,
    Decision,
    DeleteJob,
    DeletePlan,
    DeletePod,
    FreezePlan,
    LeaveAlone,
    ReportEvent,
    SetFinalizers,
    SetParallelism,
    Validate,
)
from rowmill_operator.model.names import plan_name
from rowmill_operator.model.observed import (
    Experiment,
    Failure,
    FrozenPlan,
    Job,
    Observed,
    Pod,
    Termination,
    Verdict,
    Warned,
)
from rowmill_operator.model.settings import Settings
from tests.unit.operator.new_objects import new_job, new_pod
from tests.unit.operator.status_schema import kept

START = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
SETTINGS = Settings(engine="here", release="here/rowmill", worker_image="rowmill/worker:1")
_ROOT = Path(__file__).parents[3]


@cache
def _shop() -> Dataset:
    overrides = Overrides(scale="0.01")
    return load_spec(_ROOT / "examples" / "shop.yaml", overrides=overrides).dataset


def small_plan(digest: str, parallelism: int = 2) -> Plan:
    """The plan of a small web shop under a digest of the test's choice."""
    return freeze(
        _shop(),
        digest=digest,
        parallelism=parallelism,
        worker_memory=2**30,
        parquet_types=ParquetTypes.PORTABLE,
        batch_rows=1_000,
    )


def experiment(**changes: Any) -> Experiment:
    """An Experiment `shop` into Postgres."""
    settings = {"destinations": {"postgres": {"secretName": "warehouse"}}}
    known = Experiment(
        namespace="team",
        name="shop",
        uid="uid-1",
        generation=1,
        resource_version="1",
        created=START,
        deleted=None,
        finalizers=(),
        labels={},
        annotations={},
        settings=settings | changes.pop("settings", {}),
        status=ExperimentStatus(),
        bytes=1_000,
    )
    return replace(known, **changes)


@dataclass
class MemoryCluster:
    """One experiment and its children; `settle` lets the operator work until nothing is to do."""

    experiment: Experiment
    digest: str = "sha256:" + "a" * 64
    problems: tuple[str, ...] = ()
    now: datetime = START
    settings: Settings = SETTINGS
    verdict: Verdict | None = None
    plans: dict[str, FrozenPlan] = field(default_factory=dict)
    jobs: dict[str, Job] = field(default_factory=dict)
    pods: dict[str, Pod] = field(default_factory=dict)
    # By pod, what the operator sees of it where that is late: an earlier state, or nothing.
    late: dict[str, Pod | None] = field(default_factory=dict)
    warnings: list[Warned] = field(default_factory=list)
    progress: dict[int, PodProgress] = field(default_factory=dict)
    verifying: PodProgress | None = None
    unreachable: int = 0
    namespace_terminating: bool = False
    # Words that the CRD of a later release takes.
    later_words: tuple[str, ...] = ()
    leaving_since: datetime | None = None
    manifests: list[Mapping[str, Any]] = field(default_factory=list)
    reported: list[ReportEvent] = field(default_factory=list)
    left: list[LeaveAlone] = field(default_factory=list)
    purges: list[CountPurge] = field(default_factory=list)
    log: list[Action] = field(default_factory=list)
    # Before the next action of this kind the operator is cut off, once.
    cut_before: type[Action] | None = None
    writes: int = 0
    last: Decision = field(default_factory=Decision)
    _uids: Any = field(default_factory=lambda: itertools.count(1))

    # What a user or the world does.

    def change(self, *, settings: Mapping[str, Any] | None = None, **changes: Any) -> None:
        """Edit the Experiment: a new generation if its settings change."""
        if settings is not None:
            merged = {**self.experiment.settings, **settings}
            generation = self.experiment.generation + 1
            changes |= {"settings": merged, "generation": generation}
        version = str(int(self.experiment.resource_version) + 1)
        self.experiment = replace(self.experiment, **{"resource_version": version} | changes)

    def annotate(self, **annotations: str) -> None:
        found = {**self.experiment.annotations}
        found |= {f"rowmill.dev/{name}": value for name, value in annotations.items()}
        self.change(annotations=found)

    def delete(self) -> None:
        """Ask for the end; then a moment passes, in which the operator has seen it."""
        self.change(deleted=self.now)
        self.observed()
        self.wait(1)

    def wait(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)

    def observed(self) -> Observed:
        if self.experiment.deleted is not None:
            self.leaving_since = self.leaving_since or self.now
        seen = (self.late.get(name, pod) for name, pod in self.pods.items())
        return Observed(
            experiment=self.experiment,
            verdict=self.verdict,
            plans=tuple(self.plans.values()),
            jobs=tuple(self.jobs.values()),
            pods=tuple(pod for pod in seen if pod is not None),
            warnings=tuple(self.warnings),
            progress=dict(self.progress),
            verifying=self.verifying,
            unreachable=self.unreachable,
            namespace_terminating=self.namespace_terminating,
            leaving_for=self._leaving_for(),
        )

    def _leaving_for(self) -> float:
        since = self.leaving_since
        return 0.0 if since is None else (self.now - since).total_seconds()

    # The operator.

    def look(self) -> Decision:
        """One decision, carried out."""
        decision = reconcile(self.observed(), self.now, self.settings)
        self.last = decision
        for action in decision.actions:
            if self.cut_before is not None and isinstance(action, self.cut_before):
                self.cut_before = None
                return decision
            self.log.append(action)
            self._carry_out(action)
        if decision.status is not None:
            self.writes += 1
            self.change(status=kept(decision.status, self.later_words))
        return decision

    def settle(self, *, collect: bool = True) -> None:
        """Decide until nothing changes; deleted Jobs go with their pods unless `collect` is off."""
        for _ in range(60):
            decision = self.look()
            gone = self.collect() if collect else False
            busy = [a for a in decision.actions if not isinstance(a, LeaveAlone)]
            if not busy and decision.status is None and not gone:
                return
        raise AssertionError(f"it never settles: {decision}")

    def restart_operator(self) -> None:
        """What an operator keeps in memory is lost; what the API server keeps is not."""
        self.verdict = None
        self.late.clear()
        self.progress.clear()
        self.verifying = None
        self.unreachable = 0
        self.leaving_since = None

    # The Job controller, the kubelet and the garbage collector.

    def collect(self) -> bool:
        """Take away deleted Jobs and their pods."""
        gone = [job for job in self.jobs.values() if job.deleted]
        for job in gone:
            del self.jobs[job.name]
            owned = [name for name, pod in self.pods.items() if pod.job_uid == job.uid]
            for name in owned:
                del self.pods[name]
        return bool(gone)

    def job(self, name: str) -> Job:
        return self.jobs[name]

    def update_job(self, name: str, **changes: Any) -> None:
        self.jobs[name] = replace(self.jobs[name], **changes)

    def start_pod(self, job: str, index: int | None = None, **changes: Any) -> Pod:
        """A pod of a Job, running unless `changes` say otherwise."""
        pod = new_pod(self.jobs[job], index, next(self._uids), self.now)
        self.pods[pod.name] = replace(pod, **changes)
        return self.pods[pod.name]

    def end_pod(self, pod: Pod, code: int, *, kubelet: str = "Error", **report: Any) -> None:
        termination = Termination(code, kubelet, self.now, PodReport.from_json(report))
        phase = "Succeeded" if code == 0 else "Failed"
        self.pods[pod.name] = replace(pod, running=False, phase=phase, termination=termination)

    def complete_job(self, name: str, **report: Any) -> None:
        """All pods of a Job end well."""
        job = self.jobs[name]
        pod = self.start_pod(name, 0 if job.task == SHARD else None)
        self.end_pod(pod, 0, **report)
        self.update_job(
            name,
            complete=True,
            finished=self.now,
            succeeded=job.completions,
            completed_indexes=((0, job.completions),),
        )

    def fail_job(self, name: str, code: int, *, index: int | None = None, **report: Any) -> None:
        """A pod ends with `code`, and the Job with it."""
        self.end_pod(self.start_pod(name, index), code, **report)
        failed = ((index, index + 1),) if index is not None else ()
        failure = Failure("PodFailurePolicy", "a pod failed")
        self.update_job(name, failed=failure, finished=self.now, failed_indexes=failed)

    def warn(self, about: str, reason: str, message: str) -> None:
        self.warnings.append(Warned(about, reason, message, self.now))

    def begin_run(self) -> None:
        """Take run 1 to where its first pod is at work."""
        self.settle()
        self.start_pod("shop-run-1", 0)
        self.settle()

    def finish_run(self, number: int = 1, **report: Any) -> None:
        """Take a run that is being started to its end."""
        self.settle()
        self.complete_job(f"shop-run-{number}")
        self.settle()
        self.complete_job(f"shop-run-{number}-finalize", **report)
        self.settle()

    # What the tests ask.

    def condition(self, kind: str) -> Mapping[str, Any]:
        found: Mapping[str, Any] = next(c for c in self.status["conditions"] if c["type"] == kind)
        return found

    def warned(self) -> list[str]:
        """The reasons of all Warnings that the operator told."""
        return [str(reported.reason) for reported in self.reported if reported.warning]

    @property
    def status(self) -> dict[str, Any]:
        """The status as the API server has it."""
        return status_json(self.experiment.status)

    @property
    def phase(self) -> str:
        return str(self.status["phase"])

    @property
    def run(self) -> Mapping[str, Any]:
        found: Mapping[str, Any] = self.status["run"]
        return found

    def _carry_out(self, action: Action) -> None:
        handlers: dict[type, Callable[[Any], None]] = {
            Validate: self._validate,
            FreezePlan: self._freeze,
            CreateJob: self._create_job,
            DeleteJob: self._delete_job,
            DeletePlan: lambda a: self._drop(self.plans, a.name, a.uid),
            DeletePod: self._delete_pod,
            SetParallelism: lambda a: self.update_job(a.job, parallelism=a.parallelism),
            SetFinalizers: lambda a: self.change(finalizers=a.finalizers),
            ReportEvent: self.reported.append,
            LeaveAlone: self.left.append,
            CountPurge: self.purges.append,
        }
        handlers[type(action)](action)

    def _validate(self, action: Validate) -> None:
        reason = "InvalidSpec" if self.problems else ""
        digest = "" if self.problems else self.digest
        self.verdict = Verdict(action.generation, action.rerun, self.problems, reason, digest)

    def _freeze(self, action: FreezePlan) -> None:
        name = plan_name(self.experiment.name, action.number)
        assert name not in self.plans, "children are created once"
        wished = self.experiment.settings.get("parallelism", 2)
        self.plans[name] = FrozenPlan(
            name=name,
            uid=f"plan-{next(self._uids)}",
            owner_uid=self.experiment.uid,
            deleted=False,
            number=action.number,
            created=self.now,
            engine=action.engine,
            release=self.settings.release,
            image=action.image,
            adopt=action.adopt,
            rerun=action.rerun,
            defaults=action.defaults,
            destinations=self.experiment.settings["destinations"],
            plan=small_plan(self.digest, wished),
            seen=int(self.experiment.resource_version),
            asked_reset=self.experiment.annotations.get(ASK_RESET, ""),
        )

    def _create_job(self, action: CreateJob) -> None:
        self.manifests.append(action.manifest)
        assert action.manifest["metadata"]["name"] not in self.jobs, "children are created once"
        job = new_job(action.manifest, f"job-{next(self._uids)}", self.now)
        self.jobs[job.name] = job

    def _delete_pod(self, action: DeletePod) -> None:
        """A Job that goes on does not let go of a pod that has not ended."""
        pod = self.pods.get(action.name)
        if pod is None or pod.uid != action.uid:
            return
        job = next((job for job in self.jobs.values() if job.uid == pod.job_uid), None)
        if action.at_once and (job is None or job.deleted or job.complete or job.failed):
            self._drop(self.pods, action.name, action.uid)
        else:
            self.pods[pod.name] = replace(pod, deleted=self.now)

    def _delete_job(self, action: DeleteJob) -> None:
        job = self.jobs.get(action.name)
        if job is not None and job.uid == action.uid:
            self.jobs[action.name] = replace(job, deleted=True)
            for name, pod in self.pods.items():
                if pod.job_uid == job.uid and pod.deleted is None:
                    self.pods[name] = replace(pod, deleted=self.now)

    @staticmethod
    def _drop(found: dict[str, Any], name: str, uid: str) -> None:
        if name in found and found[name].uid == uid:
            del found[name]
