"""A status that is lost: what was reset stays reset, and what is asked for is not forgotten."""

from __future__ import annotations

import pytest

from rowmill.plan.pod_contract import RUN_RESET
from rowmill.spec.manifest.status import ExperimentStatus
from tests.unit.operator.memory_cluster import MemoryCluster, experiment
from tests.unit.operator.wishes import (
    FINALIZE,
    REMOVED,
    RESET,
    RUN,
    made,
    published,
    removed,
)


@pytest.fixture
def cluster() -> MemoryCluster:
    """Run 1 is to be reset, and its Job is there."""
    cluster = published()
    cluster.annotate(reset="1")
    cluster.settle()
    return cluster


def lose_status(cluster: MemoryCluster) -> None:
    cluster.change(status=ExperimentStatus())
    cluster.settle()


def test_a_reset_of_which_the_job_is_left_is_recorded_again(cluster: MemoryCluster) -> None:
    removed(cluster)
    lose_status(cluster)
    assert (cluster.phase, list(cluster.jobs)) == ("Reset", [RESET])
    assert cluster.run["reset"]["tables"] == 5
    assert [(e["number"], e["phase"]) for e in cluster.status["history"]] == [(1, "Reset")]
    assert made(cluster) == [RUN, FINALIZE, RESET]


def test_a_reset_that_ended_beside_the_loss_is_recorded(cluster: MemoryCluster) -> None:
    cluster.complete_job(RESET, **REMOVED)
    lose_status(cluster)
    assert (cluster.phase, made(cluster)) == ("Reset", [RUN, FINALIZE, RESET])


def test_a_reset_that_is_at_work_goes_on(cluster: MemoryCluster) -> None:
    cluster.start_pod(RESET)
    lose_status(cluster)
    assert list(cluster.jobs) == [RESET]
    assert not cluster.jobs[RESET].deleted
    removed(cluster)
    assert (cluster.phase, made(cluster)) == ("Reset", [RUN, FINALIZE, RESET])


@pytest.mark.parametrize(("asked", "met"), [("1", "1"), ("1.4", "1.4"), ("2", ""), ("", "")])
def test_without_the_job_the_ledger_tells_that_it_was_reset(
    cluster: MemoryCluster, asked: str, met: str
) -> None:
    removed(cluster)
    cluster.annotate(reset=asked)
    cluster.jobs.clear()
    cluster.pods.clear()
    lose_status(cluster)
    assert list(cluster.jobs) == [RUN], "nobody else knows"
    message = "run 1 of here/team/shop is not to go on: its data was removed"
    cluster.fail_job(RUN, 64, index=0, reason=RUN_RESET, message=message)
    cluster.settle()
    assert (cluster.phase, cluster.run["outcome"]) == ("Reset", "Reset")
    assert cluster.condition("Failed")["status"] == "False"
    assert cluster.run["message"] == "its data was removed"
    assert cluster.run.get("reset", {}).get("request", "") == met
    assert made(cluster).count(RESET) == 1, "nothing is removed twice"
    assert cluster.warned() == []


def test_a_wish_that_was_not_met_stands_also_if_the_status_is_lost() -> None:
    cluster = MemoryCluster(experiment())
    cluster.begin_run()
    cluster.annotate(reset="1")
    cluster.settle()
    lose_status(cluster)
    assert list(cluster.jobs) == [RUN]
    cluster.finish_run()
    assert list(cluster.jobs) == [RESET]


def test_a_wish_from_before_the_run_is_none_of_it_also_if_the_status_is_lost() -> None:
    asked = {"rowmill.dev/reset": "1"}
    cluster = MemoryCluster(experiment(uid="uid-2", annotations=asked))
    cluster.finish_run(run="abc")
    lose_status(cluster)
    assert (cluster.phase, cluster.run["number"]) == ("Complete", 1)
    assert RESET not in made(cluster)
