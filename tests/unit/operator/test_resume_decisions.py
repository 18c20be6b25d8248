"""A failed run that is resumed, and what an old wish to resume is worth."""

from __future__ import annotations

import pytest

from tests.unit.operator.memory_cluster import MemoryCluster, experiment

RUN = "shop-run-1"


@pytest.fixture
def cluster() -> MemoryCluster:
    cluster = MemoryCluster(experiment())
    cluster.settle()
    return cluster


def _fail(cluster: MemoryCluster, number: int = 1) -> None:
    cluster.fail_job(f"shop-run-{number}", 64, reason="InvalidSpec", message="no")
    cluster.settle()


def test_a_wish_to_resume_one_run_resumes_no_later_one(cluster: MemoryCluster) -> None:
    _fail(cluster)
    cluster.annotate(resume="t1")
    cluster.finish_run()
    cluster.digest = "sha256:" + "b" * 64
    cluster.annotate(rerun="2")
    cluster.settle()
    _fail(cluster, 2)
    assert cluster.phase == "Failed"
    assert cluster.run["number"] == 2
    cluster.annotate(resume="t2")
    cluster.finish_run(2)
    assert cluster.phase == "Complete"


def test_a_failed_run_whose_plan_is_gone_is_resumed_by_a_new_one(cluster: MemoryCluster) -> None:
    _fail(cluster)
    cluster.plans.clear()
    cluster.settle()
    assert not cluster.plans, "a run that has ended needs none"
    cluster.annotate(resume="t1")
    cluster.finish_run()
    assert (cluster.phase, cluster.run["number"]) == ("Complete", 1)


def test_a_refused_spec_leaves_a_finished_run_what_it_is_also_without_its_plan(
    cluster: MemoryCluster,
) -> None:
    cluster.finish_run()
    cluster.plans.clear()
    cluster.problems = ("wrong",)
    cluster.change(settings={"seed": 2})
    cluster.settle()
    assert cluster.phase == "Complete"
    assert cluster.condition("Accepted")["status"] == "False"


def test_a_resumed_run_without_a_plan_waits_for_a_right_spec(cluster: MemoryCluster) -> None:
    _fail(cluster)
    cluster.plans.clear()
    cluster.problems = ("wrong",)
    cluster.change(settings={"seed": 2})
    cluster.annotate(resume="t1")
    cluster.settle()
    assert cluster.condition("Stalled")["reason"] == "InvalidSpec"
    cluster.problems = ()
    cluster.change(settings={"seed": 3})
    cluster.finish_run()
    assert (cluster.phase, cluster.run["number"]) == ("Complete", 1)
