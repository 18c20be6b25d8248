"""Random walks: whatever happens in whatever order, the run ends well once the world is kind."""

from __future__ import annotations

from collections.abc import Callable
from random import Random

import pytest
from memory_cluster import MemoryCluster, experiment

from rowmill.spec.cluster_names import FINALIZE, SHARD
from rowmill_operator.actions import FreezePlan
from rowmill_operator.observed import Job, ShardProgress

STEPS = 60


class Walk:
    """Events of a cluster's bad day, drawn by a seed."""

    def __init__(self, seed: int) -> None:
        self.random = Random(seed)
        self.cluster = MemoryCluster(experiment())
        self.events: list[Callable[[], None]] = [
            self.look,
            self.look,
            self.collect,
            self.restart,
            self.start,
            self.end,
            self.complete,
            self.fail,
            self.refuse,
            self.suspend,
            self.edit,
            self.reshape,
            self.wait,
            self.lose_status,
            self.report,
        ]

    def live(self) -> list[Job]:
        return [j for j in self.cluster.jobs.values() if not j.complete and j.failed is None]

    def pick(self) -> Job | None:
        live = [job for job in self.live() if not job.deleted]
        return self.random.choice(live) if live else None

    def look(self) -> None:
        before = {job.number for job in self.cluster.jobs.values()}
        pods = bool(self.cluster.pods and before)
        self.cluster.look()
        frozen = [a for a in self.cluster.last.actions if isinstance(a, FreezePlan)]
        assert len(frozen) <= 1
        # No run begins while a Job of an earlier one is there.
        assert not frozen or not before or frozen[0].number in before, (before, pods)
        assert len({job.number for job in self.cluster.jobs.values()}) <= 1

    def collect(self) -> None:
        self.cluster.collect()

    def restart(self) -> None:
        self.cluster.restart_operator()

    def start(self) -> None:
        job = self.pick()
        if job is not None:
            self.cluster.start_pod(job.name, 0 if job.task == SHARD else None)

    def end(self) -> None:
        pods = [p for p in self.cluster.pods.values() if p.termination is None]
        if pods:
            self.cluster.end_pod(self.random.choice(pods), self.random.choice((70, 137, 143)))

    def complete(self) -> None:
        job = self.pick()
        if job is not None:
            self.cluster.complete_job(job.name)

    def fail(self) -> None:
        job = self.pick()
        if job is not None:
            self.cluster.fail_job(job.name, 70, index=0 if job.task == SHARD else None)

    def refuse(self) -> None:
        job = self.pick()
        if job is not None:
            self.cluster.fail_job(job.name, 65, reason="Refused", message="no")

    def suspend(self) -> None:
        now = bool(self.cluster.experiment.settings.get("suspend"))
        self.cluster.change(settings={"suspend": not now})

    def edit(self) -> None:
        self.cluster.digest = f"sha256:{self.random.randrange(16**64):064x}"
        self.cluster.change(settings={"seed": self.random.randrange(99)})

    def reshape(self) -> None:
        memory = f"{self.random.randrange(1, 9)}Gi"
        self.cluster.change(settings={"resources": {"limits": {"memory": memory}}})

    def wait(self) -> None:
        self.cluster.wait(self.random.choice((1, 30, 90)))

    def lose_status(self) -> None:
        self.cluster.change(status={})

    def report(self) -> None:
        self.cluster.progress[0] = ShardProgress(self.cluster.now, 1, 1.0, "", {})

    def be_kind(self) -> None:
        """Everything goes well from now on, and failed runs are resumed."""
        cluster = self.cluster
        cluster.change(settings={"suspend": False})
        for attempt in range(20):
            cluster.wait(61)
            cluster.settle()
            if cluster.phase == "Complete":
                return
            if cluster.phase == "Failed":
                cluster.annotate(resume=f"t{attempt}")
            for job in self.live():
                cluster.complete_job(job.name)
        raise AssertionError(f"it does not get on: {cluster.phase}, {cluster.experiment.status}")


@pytest.mark.parametrize("seed", range(150))
def test_the_run_ends_well_after_any_bad_day(seed: int) -> None:
    walk = Walk(seed)
    for _ in range(STEPS):
        walk.random.choice(walk.events)()
    walk.be_kind()
    cluster = walk.cluster
    assert cluster.run["digest"] == cluster.digest, "it ended with what the spec says now"
    finished = [job for job in cluster.jobs.values() if job.task == FINALIZE]
    assert all(job.number == cluster.run["number"] for job in finished)
    writes = cluster.writes
    cluster.restart_operator()
    cluster.settle()
    assert cluster.writes == writes
