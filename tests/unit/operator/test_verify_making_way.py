"""A verify beside a next run, a reset, a purge: whom it lets by."""

from __future__ import annotations

import pytest

from rowmill_operator.model.actions import CreateJob, DeleteJob
from tests.unit.operator.memory_cluster import MemoryCluster
from tests.unit.operator.pod_reports import pod_progress
from tests.unit.operator.wishes import (
    FINALIZE,
    RUN,
    SAME,
    VERIFY,
    begin_another,
    found,
    made,
    published,
    verified,
)


@pytest.fixture
def cluster() -> MemoryCluster:
    return published()


def test_the_published_run_is_verified_while_the_next_one_loads(cluster: MemoryCluster) -> None:
    begin_another(cluster)
    cluster.wait(5)
    cluster.annotate(verify="1")
    cluster.settle()
    assert sorted(cluster.jobs) == [VERIFY, "shop-run-2"]
    (container,) = cluster.manifests[-1]["spec"]["template"]["spec"]["containers"]
    volumes = cluster.manifests[-1]["spec"]["template"]["spec"]["volumes"]
    assert container["args"] == ["verify"]
    assert {"name": RUN, "items": [{"key": "run.json.gz", "path": "run.json.gz"}]} in [
        one.get("configMap") for one in volumes
    ], "by the plan of its own run"
    found(cluster)
    assert verified(cluster) == ("True", "Identical")
    assert cluster.condition("Verified")["message"].startswith("run 1:")
    cluster.finish_run(2)
    assert list(cluster.plans) == ["shop-run-2"]


def test_a_verify_is_gone_with_its_pods_before_the_next_run_is_finalized(
    asked: MemoryCluster,
) -> None:
    asked.start_pod(VERIFY)
    begin_another(asked)
    assert VERIFY in asked.jobs, "while run 2 loads"
    asked.complete_job("shop-run-2")
    for _ in range(4):
        asked.look()
    assert asked.jobs[VERIFY].deleted
    assert "shop-run-2-finalize" not in asked.jobs, "what is read cannot be dropped"
    assert verified(asked) == ("Unknown", "MakingWay")
    assert asked.condition("Progressing")["reason"] == "Replacing"
    asked.collect()
    asked.settle()
    names = [
        a.name if isinstance(a, DeleteJob) else a.manifest["metadata"]["name"]
        for a in asked.log
        if isinstance(a, DeleteJob | CreateJob)
    ]
    assert names[-2:] == [VERIFY, "shop-run-2-finalize"]
    assert verified(asked) == ("Unknown", "MakingWay"), "and none begins while it is finalized"
    asked.complete_job("shop-run-2-finalize", run="def")
    asked.settle()
    assert asked.phase == "Complete"
    assert VERIFY not in asked.jobs
    assert verified(asked) == ("Unknown", "NotVerified")


def test_a_pod_of_a_verify_whose_job_is_not_seen_keeps_finalize_waiting_too(
    asked: MemoryCluster,
) -> None:
    pod = asked.start_pod(VERIFY)
    job = asked.jobs.pop(VERIFY)
    asked.annotate(verify="")
    begin_another(asked)
    asked.complete_job("shop-run-2")
    asked.settle()
    assert "shop-run-2-finalize" not in asked.jobs
    asked.end_pod(pod, 143)
    asked.settle()
    assert "shop-run-2-finalize" in asked.jobs
    assert job.name not in asked.jobs


@pytest.mark.parametrize("verify", ["Never", "AfterRun"])
def test_an_answer_that_came_by_the_time_the_next_run_is_published_counts(verify: str) -> None:
    """Between two looks the verify ends, and so do the shards of the next run."""
    cluster = published(verify=verify)
    cluster.annotate(verify="1")
    cluster.settle()
    begin_another(cluster)
    cluster.wait(5)
    cluster.complete_job(VERIFY, verified=SAME)
    cluster.complete_job("shop-run-2")
    cluster.settle()
    assert cluster.status["verification"]["identical"] is True
    assert verified(cluster) == ("True", "Identical")
    assert "shop-run-2-finalize" in cluster.jobs, "an ended verify holds nothing up"


def test_an_answer_that_came_as_its_experiment_was_suspended_counts(asked: MemoryCluster) -> None:
    asked.complete_job(VERIFY, verified=SAME)
    asked.change(settings={"suspend": True})
    asked.settle()
    assert verified(asked) == ("True", "Identical")


def test_an_answer_that_came_as_a_reset_was_asked_for_is_kept(asked: MemoryCluster) -> None:
    asked.complete_job(VERIFY, verified=SAME)
    asked.annotate(reset="1")
    asked.settle()
    assert asked.status["verification"]["identical"] is True


def test_the_last_word_of_a_verify_is_waited_for_though_the_next_run_is_published(
    asked: MemoryCluster,
) -> None:
    begin_another(asked)
    asked.wait(5)
    asked.complete_job(VERIFY, verified=SAME)
    (pod,) = (pod.name for pod in asked.pods.values() if pod.task == "verify")
    asked.late[pod] = None
    asked.complete_job("shop-run-2")
    asked.settle()
    assert verified(asked) == ("Unknown", "Verifying")
    del asked.late[pod]
    asked.settle()
    assert verified(asked) == ("True", "Identical")


def test_a_verify_begins_again_once_the_next_run_has_failed(asked: MemoryCluster) -> None:
    begin_another(asked)
    asked.complete_job("shop-run-2")
    asked.settle()
    asked.wait(60)
    asked.fail_job("shop-run-2-finalize", 64, reason="UserConstraint", message="no")
    asked.settle()
    assert asked.phase == "Failed"
    assert made(asked)[-1] == VERIFY, "run 1 is published still"
    asked.wait(5)
    found(asked)
    assert verified(asked) == ("True", "Identical")


def test_a_verify_keeps_no_next_run_waiting(asked: MemoryCluster) -> None:
    asked.start_pod(VERIFY)
    begin_another(asked)
    assert "shop-run-2" in asked.jobs


def test_what_its_pod_says_meanwhile_is_none_of_the_next_runs_progress(
    asked: MemoryCluster,
) -> None:
    asked.start_pod(VERIFY)
    begin_another(asked)
    assert asked.status["workers"] == 0
    asked.start_pod("shop-run-2", 0)
    asked.progress[0] = pod_progress(1_000, 10.0, "", {"orders": ((0, 1),)})
    asked.settle()
    assert asked.status["workers"] == 1
    assert asked.phase == "Running"


def test_a_suspended_experiment_has_no_pod_of_a_verify(asked: MemoryCluster) -> None:
    asked.start_pod(VERIFY)
    asked.change(settings={"suspend": True})
    asked.settle()
    assert not any(pod.live for pod in asked.pods.values())
    assert verified(asked) == ("Unknown", "Suspended")
    asked.change(settings={"suspend": False})
    asked.settle()
    assert VERIFY in asked.jobs


def test_a_run_is_called_suspended_once_the_pods_of_a_verify_have_ended_too(
    asked: MemoryCluster,
) -> None:
    asked.start_pod(VERIFY)
    begin_another(asked)
    asked.change(settings={"suspend": True})
    asked.look()
    del asked.jobs["shop-run-2"]
    for _ in range(3):
        asked.look()
    assert asked.condition("Progressing")["reason"] == "Suspending"
    asked.collect()
    asked.settle()
    assert asked.phase == "Suspended"


def test_a_reset_waits_until_a_verify_is_gone(asked: MemoryCluster) -> None:
    for name in (RUN, FINALIZE):
        del asked.jobs[name]
    asked.start_pod(VERIFY)
    asked.annotate(reset="1")
    for _ in range(4):
        asked.look()
    assert asked.jobs[VERIFY].deleted
    assert "shop-run-1-reset" not in asked.jobs
    asked.collect()
    asked.settle()
    assert "shop-run-1-reset" in asked.jobs
    assert made(asked).count(VERIFY) == 1, "none begins with the reset"
    assert verified(asked) == ("Unknown", "MakingWay")
    asked.complete_job("shop-run-1-reset", purged="removed")
    asked.settle()
    assert verified(asked) == ("Unknown", "NotVerified")
    assert asked.condition("Verified")["message"] == "nothing is published"


def test_a_verify_waits_until_a_reset_that_was_called_off_is_gone(asked: MemoryCluster) -> None:
    found(asked)
    asked.annotate(reset="1")
    asked.settle()
    asked.start_pod("shop-run-1-reset")
    asked.annotate(reset="", verify="1.1")
    asked.settle(collect=False)
    assert made(asked).count(VERIFY) == 1, "what is removed still cannot be compared"
    assert verified(asked) == ("Unknown", "MakingWay")
    asked.collect()
    asked.settle()
    assert made(asked).count(VERIFY) == 2


def test_none_begins_while_a_run_is_finalized_whose_other_job_is_gone(
    cluster: MemoryCluster,
) -> None:
    begin_another(cluster)
    cluster.complete_job("shop-run-2")
    cluster.settle()
    del cluster.jobs["shop-run-2"]
    cluster.annotate(verify="1")
    cluster.settle()
    assert VERIFY not in cluster.jobs
    assert verified(cluster) == ("Unknown", "MakingWay")


def test_what_a_pod_found_counts_once_its_job_has_ended(asked: MemoryCluster) -> None:
    """A pod that was ended at its end may be followed by another, which reads."""
    asked.end_pod(asked.start_pod(VERIFY), 143, verified=SAME)
    asked.settle()
    assert verified(asked) == ("Unknown", "Verifying")


def test_a_purge_waits_until_a_verify_is_gone(asked: MemoryCluster) -> None:
    for name in (RUN, FINALIZE):
        del asked.jobs[name]
    asked.start_pod(VERIFY)
    asked.change(settings={"deletionPolicy": "Purge"})
    asked.settle()
    asked.delete()
    for _ in range(3):
        asked.look()
    assert asked.jobs[VERIFY].deleted
    assert "shop-purge" not in asked.jobs
    asked.collect()
    asked.settle()
    assert list(asked.jobs) == ["shop-purge"]
