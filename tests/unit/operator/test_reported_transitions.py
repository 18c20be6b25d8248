"""Events: one for each transition of a run, and none for its progress."""

from __future__ import annotations

from rowmill_operator.model.actions import ReportEvent
from tests.unit.operator.memory_cluster import MemoryCluster, experiment
from tests.unit.operator.pod_reports import pod_progress

RUN, FINALIZE = "shop-run-1", "shop-run-1-finalize"


def test_a_run_tells_each_of_its_stages_once(cluster: MemoryCluster) -> None:
    cluster.settle()
    total = cluster.run["rowsTotal"]
    first = cluster.start_pod(RUN, 0)
    for rows in (1_000, 2_000):
        cluster.progress[0] = pod_progress(rows, 100.0, "", {"orders": ((0, rows // 1_000),)})
        cluster.settle()
    cluster.restart_operator()
    cluster.end_pod(first, 0)
    # Between two waves of pods it goes on.
    cluster.settle()
    cluster.start_pod(RUN, 1)
    cluster.settle()
    cluster.complete_job(RUN)
    cluster.settle()
    cluster.start_pod(FINALIZE)
    cluster.settle()
    cluster.complete_job(FINALIZE, run="a")
    cluster.settle()
    assert cluster.reported == [
        ReportEvent("Starting", f"run 1 begins: {total:,} rows in 4 shards"),
        ReportEvent("Running", "run 1: its first pods are at work"),
        ReportEvent(
            "Finalizing", "run 1: all its rows are there; keys, indexes and publishing follow"
        ),
        ReportEvent("Complete", f"{total:,} rows"),
    ]


def test_each_run_tells_that_it_begins(cluster: MemoryCluster) -> None:
    cluster.finish_run(run="a")
    cluster.digest = "sha256:" + "b" * 64
    cluster.change(settings={"seed": 2})
    cluster.settle()
    begun = [
        reported.message.partition(":")[0]
        for reported in cluster.reported
        if reported.reason == "Starting"
    ]
    assert begun == ["run 1 begins", "run 2 begins"]


def test_a_run_that_is_stuck_where_it_comes_to_tells_both(cluster: MemoryCluster) -> None:
    cluster.settle()
    cluster.complete_job(RUN)
    cluster.look()
    cluster.warn(FINALIZE, "FailedCreate", "exceeded quota: none")
    cluster.settle()
    reasons = [str(reported.reason) for reported in cluster.reported]
    assert reasons == ["Starting", "Finalizing", "QuotaExceeded"]


def test_a_run_that_is_suspended_and_goes_on_tells_it(cluster: MemoryCluster) -> None:
    cluster.begin_run()
    cluster.change(settings={"suspend": True})
    cluster.settle()
    cluster.change(settings={"suspend": False})
    cluster.settle()
    cluster.start_pod(RUN, 0)
    cluster.settle()
    reasons = [str(reported.reason) for reported in cluster.reported]
    assert reasons == ["Starting", "Running", "Suspended", "Running"]


def test_a_spec_that_is_refused_begins_nothing() -> None:
    cluster = MemoryCluster(experiment(), problems=("spec.seed: is no number",))
    cluster.settle()
    assert [str(reported.reason) for reported in cluster.reported] == ["InvalidSpec"]
