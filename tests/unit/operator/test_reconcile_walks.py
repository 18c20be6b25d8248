"""Random walks: whatever happens in whatever order, the run ends well once the world is kind."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from random import Random

import pytest

from rowmill.spec.cluster_names import FINALIZE, QUEUE, SHARD, VERIFY
from rowmill.spec.manifest.status import ExperimentStatus
from rowmill_operator.model.actions import FreezePlan
from rowmill_operator.model.observed import Failure, Job, Pod
from tests.unit.operator.memory_cluster import MemoryCluster, experiment
from tests.unit.operator.pod_reports import pod_progress

STEPS = 80
REFUSED = (
    "Container worker for pod team/x failed with exit code 65 matching FailJob rule at index 1"
)


class Walk:
    """Events of a cluster's bad day, drawn by a seed."""

    def __init__(self, seed: int) -> None:
        self.random = Random(seed)
        self.cluster = MemoryCluster(experiment())
        self.seed, self.rerun_text = 0, ""
        # Runs whose finalize pod has published them, as far as the status can still know.
        self.published: set[int] = set()
        self.events: list[Callable[[], object]] = [
            *([self.look] * 6),
            self.rest,
            self.collect,
            self.collect,
            self.restart,
            self.start,
            self.start,
            self.start_unseen,
            self.end,
            self.catch_up,
            self.complete,
            self.complete,
            self.complete_before_its_pod,
            self.fail,
            self.refuse,
            self.refuse_before_its_pod,
            self.suspend,
            self.abort,
            self.resume,
            self.rerun,
            self.edit,
            self.reshape,
            self.queue,
            self.admit,
            self.ttl,
            self.delete_a_plan,
            self.delete_a_job,
            self.wait,
            self.lose_status,
            self.report,
        ]

    def live(self) -> list[Job]:
        return [j for j in self.cluster.jobs.values() if not j.complete and j.failed is None]

    def writing(self) -> list[Job]:
        """The Jobs of runs, without those that read."""
        return [job for job in self.cluster.jobs.values() if job.task != VERIFY]

    def pick(self) -> Job | None:
        live = [job for job in self.live() if not job.deleted and not job.suspended]
        return self.random.choice(live) if live else None

    def at_work(self) -> list[Pod]:
        """Pods at work in truth, seen or not."""
        return [pod for pod in self.cluster.pods.values() if pod.live]

    # What the operator does, and what always holds of it.

    def look(self) -> None:
        before = {job.number for job in self.writing()}
        self.cluster.look()
        frozen = [a for a in self.cluster.last.actions if isinstance(a, FreezePlan)]
        assert len(frozen) <= 1
        # No run begins while a Job of an earlier one is there.
        assert not frozen or not before or frozen[0].number in before, before
        self.check()

    def rest(self) -> None:
        """With nobody else at work, the operator comes to rest."""
        self.cluster.settle()
        self.check()

    def check(self) -> None:
        cluster = self.cluster
        assert len({job.number for job in self.writing()}) <= 1
        pods = (pod for pod in self.at_work() if pod.task != VERIFY)
        assert len({pod.number for pod in pods}) <= 1, "two runs' pods at once"
        reported = cluster.last.status
        if reported is None:
            return
        if reported.phase == "Suspended":
            assert not self.at_work()
            assert not self.live()
        if reported.run and reported.run.outcome == "Aborted":
            assert not [pod for pod in self.at_work() if pod.task in (SHARD, FINALIZE)]
            assert not [job for job in self.live() if job.task in (SHARD, FINALIZE)]
        for entry in reported.history or ():
            if entry.number in self.published:
                assert entry.phase == "Complete", "what is published is complete"

    def restart(self) -> None:
        self.cluster.restart_operator()

    # What its pods and Jobs do, and when that is seen.

    def collect(self) -> None:
        self.cluster.collect()

    def start(self) -> Pod | None:
        job = self.pick()
        if job is None:
            return None
        return self.cluster.start_pod(job.name, 0 if job.task == SHARD else None)

    def start_unseen(self) -> None:
        pod = self.start()
        if pod is not None:
            self.cluster.late[pod.name] = None

    def catch_up(self) -> None:
        self.cluster.late.clear()

    def end(self) -> None:
        pods = self.at_work()
        if pods:
            self.cluster.end_pod(self.random.choice(pods), self.random.choice((70, 137, 143)))

    def complete(self) -> None:
        job = self.pick()
        if job is not None:
            self._complete(job)

    def _complete(self, job: Job) -> None:
        for pod in self.at_work():
            # A Job is complete when all its pods have ended.
            self.cluster.end_pod(pod, 0)
        self.cluster.complete_job(job.name)
        if job.task == FINALIZE:
            self.published.add(job.number)

    def complete_before_its_pod(self) -> None:
        pod = self.start()
        if pod is not None:
            job = next(job for job in self.live() if job.uid == pod.job_uid)
            self._complete(job)
            ended = [p for p in self.cluster.pods.values() if p.job_uid == job.uid]
            self.cluster.late |= {p.name: pod if p.name == pod.name else None for p in ended}

    def fail(self) -> None:
        job = self.pick()
        if job is not None:
            self.cluster.fail_job(job.name, 70, index=0 if job.task == SHARD else None)

    def refuse(self) -> None:
        job = self.pick()
        if job is not None:
            self.cluster.fail_job(job.name, 65, reason="Refused", message="no")

    def refuse_before_its_pod(self) -> None:
        pod = self.start()
        if pod is not None:
            job = next(job for job in self.live() if job.uid == pod.job_uid)
            self.cluster.end_pod(pod, 65, reason="Refused", message="no")
            self.cluster.late[pod.name] = pod
            failure = Failure("PodFailurePolicy", REFUSED)
            self.cluster.update_job(job.name, failed=failure, finished=self.cluster.now)

    def admit(self) -> None:
        """The queues that the Experiment may be in let its Jobs start."""
        queue = self.cluster.experiment.labels.get(QUEUE)
        for job in self.live():
            if job.queue == queue:
                self.cluster.update_job(job.name, suspended=False)

    # What people do.

    def suspend(self) -> None:
        now = bool(self.cluster.experiment.settings.get("suspend"))
        self.cluster.change(settings={"suspend": not now})

    def abort(self) -> None:
        numbers = [plan.number for plan in self.cluster.plans.values()]
        self.cluster.annotate(abort=str(max(numbers, default=1)))

    def resume(self) -> None:
        self.cluster.annotate(resume=f"r{self.random.randrange(99)}")

    def edit(self) -> None:
        self.seed = self.random.randrange(4)
        self._define(settings={"seed": self.seed})

    def rerun(self) -> None:
        """Also back to what it was before."""
        self.rerun_text = self.random.choice(("", "a", "b"))
        self._define()
        self.cluster.annotate(rerun=self.rerun_text)

    def _define(self, **changes: dict[str, int]) -> None:
        text = f"{self.seed} {self.rerun_text}"
        self.cluster.digest = f"sha256:{hashlib.sha256(text.encode()).hexdigest()}"
        self.cluster.change(**changes)

    def reshape(self) -> None:
        memory = f"{self.random.randrange(1, 9)}Gi"
        self.cluster.change(settings={"resources": {"limits": {"memory": memory}}})

    def queue(self) -> None:
        labels = self.random.choice(({}, {QUEUE: "day"}, {QUEUE: "night"}))
        self.cluster.change(labels=labels)

    def ttl(self) -> None:
        seconds = self.random.choice((None, 0, 60))
        self.cluster.change(settings={"ttlSecondsAfterFinished": seconds})

    def delete_a_plan(self) -> None:
        """By hand; that of a run which is published but not recorded leaves nothing to record."""
        if not any(job.complete for job in self.cluster.jobs.values() if job.task == FINALIZE):
            self.cluster.plans.clear()

    def delete_a_job(self) -> None:
        """By hand, and without its pods, which end later."""
        job = self.pick()
        if job is not None:
            self.catch_up()
            del self.cluster.jobs[job.name]

    def wait(self) -> None:
        self.cluster.wait(self.random.choice((1, 30, 90)))

    def lose_status(self) -> None:
        self.published.clear()
        self.cluster.change(status=ExperimentStatus())

    def report(self) -> None:
        self.cluster.progress[0] = pod_progress(1, 1.0, "", {})

    def take(self) -> None:
        """A bad day, and a good one after it."""
        self._define()
        for _ in range(STEPS):
            self.random.choice(self.events)()
        self.be_kind()

    def be_kind(self) -> None:
        """Everything goes well from now on, and failed runs are resumed as the plugin does it."""
        cluster = self.cluster
        self.catch_up()
        cluster.change(settings={"suspend": False})
        for attempt in range(20):
            for pod in self.at_work():
                cluster.end_pod(pod, 143)
            cluster.wait(61)
            self.rest()
            if cluster.phase == "Complete":
                return
            self.take_up(f"t{attempt}")
            self.admit()
            for job in self.live():
                if not job.suspended:
                    self._complete(job)
        raise AssertionError(f"it does not get on: {cluster.phase}, {cluster.status}")

    def take_up(self, request: str) -> None:
        """Have a run go on that has ended without data."""
        if self.cluster.phase == "Failed":
            self.cluster.change(annotations={"rowmill.dev/rerun": self.rerun_text})
            self.cluster.annotate(resume=request)


@pytest.mark.parametrize("seed", range(200))
def test_the_run_ends_well_after_any_bad_day(seed: int) -> None:
    walk = Walk(seed)
    walk.take()
    cluster = walk.cluster
    assert cluster.run["digest"] == cluster.digest, "it ended with what the spec says now"
    finished = [job for job in cluster.jobs.values() if job.task == FINALIZE]
    assert all(job.number == cluster.run["number"] for job in finished)
    writes = cluster.writes
    cluster.restart_operator()
    cluster.settle()
    assert cluster.writes == writes
