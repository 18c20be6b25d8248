"""Random walks in which people also have runs reset and verified."""

from __future__ import annotations

from typing import Any

import pytest

from rowmill.plan.pod_contract import RUN_RESET
from rowmill.spec.cluster_names import FINALIZE, RESET, SHARD, TASK, VERIFY
from rowmill_operator.model.actions import CreateJob, Decision
from rowmill_operator.model.observed import Job, Pod
from tests.unit.operator.memory_cluster import MemoryCluster, experiment
from tests.unit.operator.test_reconcile_walks import Walk

SAID: dict[str, dict[str, Any]] = {
    VERIFY: {"verified": {"id": "abc", "identical": True}},
    RESET: {"purged": "removed"},
}


class WatchedCluster(MemoryCluster):
    """A cluster that sees, at each look of the operator, that no data goes under who makes it."""

    def look(self) -> Decision:
        decision = super().look()
        if self._at_work(RESET):
            assert not self._at_work(SHARD, FINALIZE), "what is written cannot be removed"
        return decision

    def _at_work(self, *tasks: str) -> list[str]:
        jobs = (job for job in self.jobs.values() if not (job.complete or job.failed))
        pods = (pod for pod in self.pods.values() if pod.live)
        both: tuple[Job | Pod, ...] = (*jobs, *pods)
        return [one.name for one in both if one.task in tasks]


class WalkOfWishes(Walk):
    """A bad day on which people ask for what is done beside runs.

    `was_reset` are the runs of which a status told that, `removed` those of which the ledger does.
    """

    def __init__(self, seed: int) -> None:
        super().__init__(seed)
        self.cluster = WatchedCluster(experiment())
        self.was_reset: set[int] = set()
        self.removed: set[int] = set()
        self.events += [self.ask_reset, *([self.reset_suspended] * 3)]
        self.events += [self.ask_verify] * 4

    def ask_reset(self) -> None:
        self.cluster.annotate(reset=self._wish())

    def reset_suspended(self) -> None:
        """As it stands at the moment: half of them go on while the reset is at work."""
        self.catch_up()
        self.cluster.change(settings={"suspend": True})
        self.rest()
        self.ask_reset()
        self.rest()
        if self.random.random() < 0.5:
            self.start()
            self.suspend()

    def ask_verify(self) -> None:
        self.cluster.annotate(verify=self._wish())

    def _wish(self) -> str:
        newest = max((plan.number for plan in self.cluster.plans.values()), default=1)
        number = self.random.choice((newest, newest, max(1, newest - 1)))
        return self.random.choice((f"{number}", f"{number}.1", f"{number}.2"))

    def lose_status(self) -> None:
        super().lose_status()
        self.was_reset.clear()

    def _complete(self, job: Job) -> None:
        if job.task in (SHARD, FINALIZE) and job.number in self.removed:
            self.cluster.fail_job(job.name, 64, reason=RUN_RESET, message="its data was removed")
        elif job.task in (SHARD, FINALIZE):
            super()._complete(job)
        else:
            if job.task == RESET:
                self.removed.add(job.number)
            for pod in self.at_work():
                if pod.job_uid == job.uid:
                    self.cluster.end_pod(pod, 0)
            self.cluster.complete_job(job.name, **SAID[job.task])

    def look(self) -> None:
        super().look()
        made = [a.manifest for a in self.cluster.last.actions if isinstance(a, CreateJob)]
        for labels in (manifest["metadata"]["labels"] for manifest in made):
            if labels[TASK] in (FINALIZE, RESET):
                assert not self._at_work(VERIFY), "what is read cannot be dropped"
            if labels[TASK] != RESET:
                assert int(labels["rowmill.dev/run"]) not in self.was_reset

    def _at_work(self, *tasks: str) -> list[str]:
        jobs = [job.name for job in self.live() if job.task in tasks]
        return [*jobs, *(pod.name for pod in self.at_work() if pod.task in tasks)]

    def check(self) -> None:
        """A run that was reset leaves what is published; it is never Complete again."""
        run = self.cluster.experiment.status.run
        if run is not None and run.outcome == "Reset" and run.number is not None:
            self.was_reset.add(run.number)
            self.published = {number for number in self.published if number > run.number}
        super().check()
        for entry in self.cluster.experiment.status.history or ():
            assert (entry.phase == "Reset") >= (entry.number in self.was_reset)

    def be_kind(self) -> None:
        self.cluster.annotate(reset="", verify="")
        super().be_kind()

    def take_up(self, request: str) -> None:
        """A run that was reset is followed by another."""
        super().take_up(request)
        if self.cluster.phase == "Reset":
            self.seed += 10
            self._define(settings={"seed": self.seed})
            self.rest()


@pytest.mark.parametrize("seed", range(60))
def test_what_is_asked_between_runs_harms_none(seed: int) -> None:
    walk = WalkOfWishes(seed)
    walk.take()
    cluster = walk.cluster
    assert cluster.run["digest"] == cluster.digest
    cluster.annotate(verify=f"{cluster.run['number']}.9")
    cluster.settle()
    walk.admit()
    name = f"shop-run-{cluster.run['number']}-verify"
    cluster.complete_job(name, **SAID[VERIFY])
    cluster.settle()
    assert cluster.condition("Verified")["status"] == "True"
    writes = cluster.writes
    cluster.restart_operator()
    cluster.settle()
    assert cluster.writes == writes
