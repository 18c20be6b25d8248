"""The facts that every part of a decision asks for, derived once from what was observed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

from rowmill.spec.cluster_names import (
    ASK_RESET,
    FINALIZE,
    PURGE,
    RESET,
    RESUME,
    RESUME_LENGTH,
    SHARD,
    VERIFY,
)
from rowmill.spec.manifest.status import ConditionStatus, PastRunStatus, RunStatus
from rowmill.spec.wishes import Wish, read_wish
from rowmill_operator.model.desired_state import DesiredState, desired_state_of
from rowmill_operator.model.observed import Experiment, FrozenPlan, Job, Observed, Pod, Verdict
from rowmill_operator.model.run_in_status import (
    RunInStatus,
    past_run,
    published_run,
    with_figures,
)
from rowmill_operator.model.settings import Settings


@dataclass(frozen=True)
class Situation:
    """An observed experiment at a moment.

    Children of an earlier Experiment of the same name are not counted as its own: the garbage
    collector is about to take them.
    """

    observed: Observed
    now: datetime
    settings: Settings

    @property
    def experiment(self) -> Experiment:
        return self.observed.experiment

    @cached_property
    def desired(self) -> DesiredState:
        return desired_state_of(self.experiment, self.settings)

    @cached_property
    def verdict(self) -> Verdict | None:
        """What is known of the present spec, also from a status that an earlier operator wrote.

        Only an acceptance is taken from there, and none that the chart has since taken back: what
        was refused may be right by newer settings, and what was accepted wrong.
        """
        known = self.observed.verdict
        if known is not None and (known.generation, known.rerun) == self._spec:
            return known
        status = self.experiment.status
        accepted = self.condition("Accepted")
        reported = (accepted.observed_generation, status.rerun or "")
        asked = self.experiment.settings.get("podTemplate") or {}
        if asked != self.desired.pod or accepted.status != "True":
            return None
        if reported == self._spec and status.digest:
            warnings = tuple(accepted.message.splitlines())
            return Verdict(*self._spec, digest=status.digest, warnings=warnings)
        return None

    @property
    def refused(self) -> bool:
        """Whether the present spec is known to be wrong."""
        return self.verdict is not None and bool(self.verdict.problems)

    @property
    def _spec(self) -> tuple[int, str]:
        """What a verdict is on."""
        return self.experiment.generation, self.desired.rerun

    @cached_property
    def record(self) -> RunInStatus:
        """The newest run as it was written last, with its rows also where the next run hides them.

        Its number is None before the first.
        """
        status = self.experiment.status
        run, tables = status.run or RunStatus(), status.tables or ()
        return RunInStatus(with_figures(run, tables), tables)

    @cached_property
    def runs(self) -> tuple[PastRunStatus, ...]:
        """All runs that the status tells of: the newest one, ended or not, and its history."""
        run, history = self.record.run, self.experiment.status.history or ()
        return history if run.number is None else (past_run(run), *history)

    @cached_property
    def published(self) -> PastRunStatus | None:
        """The run whose data readers see, as far as the status tells."""
        return published_run(self.runs)

    @cached_property
    def plans(self) -> tuple[FrozenPlan, ...]:
        """Our frozen plans, oldest run first."""
        ours = (p for p in self.observed.plans if p.owner_uid == self.experiment.uid)
        return tuple(sorted(ours, key=lambda plan: plan.number))

    @cached_property
    def jobs(self) -> tuple[Job, ...]:
        return tuple(j for j in self.observed.jobs if j.owner_uid == self.experiment.uid)

    @cached_property
    def foreign(self) -> bool:
        """Whether children of a deleted Experiment of this name still hold their names."""
        owners = {job.owner_uid for job in self.observed.jobs}
        owners |= {plan.owner_uid for plan in self.observed.plans}
        return bool(owners - {self.experiment.uid})

    @cached_property
    def ownerless(self) -> tuple[str, ...]:
        """Names of children that were left when an Experiment went with --cascade=orphan."""
        names = {job.name for job in self.observed.jobs if not job.owner_uid}
        names |= {plan.name for plan in self.observed.plans if not plan.owner_uid}
        return tuple(sorted(names))

    @cached_property
    def number(self) -> int:
        """The highest number of a run that anything knows of; 0 before the first."""
        numbers = [plan.number for plan in self.plans]
        numbers += [job.number for job in self.jobs if job.task != PURGE]
        numbers += [run.number for run in self.runs]
        return max(numbers, default=0)

    @cached_property
    def plan(self) -> FrozenPlan | None:
        """The frozen plan of the newest run, if it is there."""
        return next((p for p in reversed(self.plans) if p.number == self.number), None)

    @cached_property
    def lags(self) -> bool:
        """Whether a plan was made by who has seen more of the Experiment than is seen here.

        Who decides by less undoes what another has rightly begun. Resource versions grow.
        """
        seen = int(self.experiment.resource_version or 0)
        return any(plan.seen > seen for plan in self.plans)

    @cached_property
    def digest(self) -> str:
        """The spec digest of the newest run, "" if nothing tells it."""
        if self.plan is not None:
            return self.plan.plan.digest
        return self.record.run.digest or "" if self.recorded else ""

    @cached_property
    def recorded(self) -> bool:
        """Whether `status.run` is of the newest run."""
        return self.number > 0 and self.record.run.number == self.number

    @cached_property
    def outcome(self) -> str | None:
        """How the newest run ended, as the status records it: None while it has not."""
        return self.record.run.outcome if self.recorded else None

    @property
    def resume(self) -> str:
        """What asks to resume a run that failed, as much of it as the status keeps."""
        return self.experiment.annotations.get(RESUME, "")[:RESUME_LENGTH]

    @property
    def ended(self) -> bool:
        """Whether the newest run has ended, and nobody has asked since to take it up again."""
        met = self.record.run.resume or ""
        final = self.outcome in ("Complete", "Reset")
        return bool(self.outcome) and (final or self.resume == met)

    @property
    def reset(self) -> Wish | None:
        """What asks to reset the newest run, unless that was done, or is older than the run."""
        wish = read_wish(self.experiment.annotations.get(ASK_RESET))
        if wish is None or not self.recorded or wish.number != self.number:
            return None
        met = self.record.run.reset
        return None if met is not None and wish.is_met_by(met.request) else wish

    @cached_property
    def unheard(self) -> bool:
        """Whether pods run and none has been asked for its progress: an operator just started."""
        observed = self.observed
        heard = observed.progress or observed.unreachable
        return not heard and any(pod.running for pod in self.live_pods())

    def condition(self, kind: str) -> ConditionStatus:
        """A condition as it was written last, Unknown without a reason if it never was."""
        found = (one for one in self.experiment.status.conditions or () if one.type == kind)
        return next(found, ConditionStatus(kind, "Unknown"))

    def job(self, task: str) -> Job | None:
        """The newest run's Job for `task`, or the purge."""
        found = (
            job
            for job in self.jobs
            if job.task == task and (task == PURGE or job.number == self.number)
        )
        return next(found, None)

    @property
    def run_jobs(self) -> tuple[Job, ...]:
        """The Jobs that make or remove data of runs, without the purge."""
        return tuple(job for job in self.jobs if job.task in (SHARD, FINALIZE, RESET))

    @property
    def verify_jobs(self) -> tuple[Job, ...]:
        """The Jobs that read the data of a run."""
        return tuple(job for job in self.jobs if job.task == VERIFY)

    @property
    def is_read(self) -> bool:
        """Whether a verify may hold a snapshot of published data, which nothing can drop then."""
        jobs = any(not (job.complete or job.failed) for job in self.verify_jobs)
        return jobs or any(pod.task == VERIFY and pod.live for pod in self.observed.pods)

    @property
    def at_work(self) -> bool:
        """Whether pods of a run may be at work: also such as are not seen yet, or not any more.

        A Job that is deleted stays until its pods are gone.
        """
        return bool(self.run_jobs or self.live_pods())

    def live_pods(self) -> list[Pod]:
        """Pods of this experiment that may still write or remove data of its runs."""
        return [p for p in self.observed.pods if p.task not in (PURGE, VERIFY) and p.live]
