"""A run goes on of which a reset was begun while it was suspended: never both at once."""

from __future__ import annotations

import pytest

from tests.unit.operator.memory_cluster import MemoryCluster, experiment
from tests.unit.operator.wishes import (
    REMOVED,
    RESET,
    RUN,
    begin_another,
    published,
    removed,
    suspended_and_to_be_reset,
)


@pytest.fixture
def cluster() -> MemoryCluster:
    return suspended_and_to_be_reset()


def go_on(cluster: MemoryCluster, **annotations: str) -> None:
    """By one apply, as a reverted commit does it."""
    named = {f"rowmill.dev/{name}": value for name, value in annotations.items()}
    annotated = {**cluster.experiment.annotations, **named}
    cluster.change(settings={"suspend": False}, annotations=annotated)


def test_a_run_that_goes_on_loses_nothing_to_a_reset_that_nobody_asks_for() -> None:
    """What readers see stays as well."""
    cluster = published()
    begin_another(cluster)
    cluster.start_pod("shop-run-2", 0)
    cluster.change(settings={"suspend": True})
    cluster.settle()
    cluster.annotate(reset="2")
    cluster.settle()
    pod = cluster.start_pod("shop-run-2-reset")
    cluster.end_pod(pod, 70, reason="DestinationUnavailable", message="away")
    cluster.settle()
    go_on(cluster, reset="")
    cluster.settle()
    assert list(cluster.jobs) == ["shop-run-2"]
    cluster.start_pod("shop-run-2", 0)
    cluster.settle()
    assert cluster.phase == "Running"
    assert [(e["number"], e["phase"]) for e in cluster.status["history"]] == [(1, "Complete")]


def test_the_run_begins_once_the_reset_and_its_pod_are_gone(cluster: MemoryCluster) -> None:
    cluster.start_pod(RESET)
    go_on(cluster, reset="")
    for _ in range(4):
        cluster.look()
    assert cluster.jobs[RESET].deleted
    assert RUN not in cluster.jobs, "its pod may still remove"
    cluster.collect()
    cluster.settle()
    assert list(cluster.jobs) == [RUN]


def test_the_run_waits_for_a_pod_of_the_reset_whose_job_is_gone(cluster: MemoryCluster) -> None:
    pod = cluster.start_pod(RESET)
    del cluster.jobs[RESET]
    go_on(cluster, reset="")
    cluster.settle()
    assert not cluster.jobs
    cluster.end_pod(pod, 143)
    cluster.settle()
    assert list(cluster.jobs) == [RUN]


def test_a_reset_that_is_at_work_and_still_asked_for_may_end(cluster: MemoryCluster) -> None:
    cluster.start_pod(RESET)
    go_on(cluster)
    cluster.settle()
    assert list(cluster.jobs) == [RESET]
    assert not cluster.jobs[RESET].deleted
    assert cluster.condition("Progressing")["reason"] == "Resetting"
    removed(cluster)
    assert (cluster.phase, list(cluster.jobs)) == ("Reset", [RESET])


def test_a_reset_that_is_asked_for_and_not_at_work_makes_way(cluster: MemoryCluster) -> None:
    """It is done once the run has ended, as is that of any live run."""
    go_on(cluster)
    cluster.settle()
    assert list(cluster.jobs) == [RUN]
    cluster.finish_run()
    assert list(cluster.jobs) == [RESET]


def test_a_reset_beside_a_job_of_its_run_is_ended_though_it_is_asked_for(
    cluster: MemoryCluster,
) -> None:
    """An operator that lagged, or is of an earlier release, has made the one beside the other."""
    reset = cluster.jobs[RESET]
    cluster.annotate(reset="")
    go_on(cluster)
    cluster.settle()
    cluster.jobs[RESET] = reset
    cluster.start_pod(RESET)
    cluster.annotate(reset="1")
    cluster.look()
    assert cluster.jobs[RESET].deleted
    assert not cluster.jobs[RUN].deleted


def test_a_run_is_not_reset_before_what_writes_it_is_gone(cluster: MemoryCluster) -> None:
    """The data is gone, whoever began the run beside that."""
    reset = cluster.jobs[RESET]
    go_on(cluster, reset="")
    cluster.settle()
    cluster.jobs[RESET] = reset
    cluster.start_pod(RUN, 0)
    cluster.complete_job(RESET, **REMOVED)
    for _ in range(4):
        cluster.look()
    assert cluster.jobs[RUN].deleted
    assert "outcome" not in cluster.run
    cluster.collect()
    cluster.settle()
    assert (cluster.phase, list(cluster.jobs)) == ("Reset", [RESET])


@pytest.mark.parametrize("goes_on", [True, False])
def test_what_refused_a_reset_is_not_told_of_the_run_that_goes_on(
    cluster: MemoryCluster, goes_on: bool
) -> None:
    cluster.fail_job(RESET, 65, reason="DependantsInTheWay", message="a view")
    cluster.settle()
    assert cluster.condition("Stalled")["reason"] == "DependantsInTheWay"
    if not goes_on:
        cluster.annotate(reset="")
        cluster.settle()
        assert (cluster.phase, cluster.condition("Stalled")["status"]) == ("Suspended", "False")
    go_on(cluster, reset="")
    cluster.settle()
    assert list(cluster.jobs) == [RUN]
    assert cluster.condition("Stalled")["status"] == "False"


def test_what_refused_a_reset_is_not_told_of_a_failed_run_that_is_resumed() -> None:
    cluster = MemoryCluster(experiment())
    cluster.begin_run()
    cluster.fail_job(RUN, 64, reason="InvalidSpec", message="no")
    cluster.settle()
    cluster.annotate(reset="1")
    cluster.settle()
    cluster.fail_job(RESET, 65, reason="DependantsInTheWay", message="a view")
    cluster.settle()
    cluster.annotate(reset="", resume="now")
    cluster.settle()
    assert list(cluster.jobs) == [RUN]
    assert cluster.condition("Stalled")["status"] == "False"
