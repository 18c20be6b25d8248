"""A run over published data tells what it replaces: in the status, and once in an Event."""

from __future__ import annotations

from rowmill_operator.model.actions import ReportEvent
from tests.unit.operator.memory_cluster import MemoryCluster, experiment

OTHER, THIRD = "sha256:" + "b" * 64, "sha256:" + "c" * 64


def edited(cluster: MemoryCluster, digest: str) -> None:
    """Another seed, and so other data."""
    cluster.digest = digest
    cluster.change(settings={"seed": cluster.experiment.generation})


def starts(cluster: MemoryCluster) -> list[ReportEvent]:
    return [reported for reported in cluster.reported if reported.reason == "Starting"]


def test_a_run_over_published_data_tells_it_from_start_to_end(cluster: MemoryCluster) -> None:
    cluster.finish_run(run="a")
    rows = cluster.run["rows"]
    words = f"replaces run 1 ({rows:,} rows)"
    edited(cluster, OTHER)
    cluster.settle()
    assert cluster.run["replaces"] == {"run": 1, "rows": rows}
    assert words in cluster.condition("Progressing")["message"]
    assert starts(cluster)[1:] == [
        ReportEvent(
            "Starting", f"run 2 begins: {rows:,} rows in 4 shards; it {words} when it is published"
        )
    ]
    cluster.start_pod("shop-run-2", 0)
    cluster.settle()
    assert cluster.phase == "Running"
    assert words in cluster.condition("Progressing")["message"]
    writes = cluster.writes
    cluster.restart_operator()
    cluster.settle()
    assert cluster.writes == writes, "it is told in no write of its own"
    cluster.finish_run(2, run="b")
    assert f"it replaced run 1 ({rows:,} rows)" in cluster.condition("Complete")["message"]
    assert len(starts(cluster)) == 2


def test_a_first_run_replaces_nothing(cluster: MemoryCluster) -> None:
    cluster.finish_run(run="a")
    assert "replaces" not in cluster.run
    assert "replace" not in cluster.condition("Complete")["message"]
    assert [reported for reported in cluster.reported if "replace" in reported.message] == []


def test_what_was_published_is_known_behind_a_run_that_was_given_up(cluster: MemoryCluster) -> None:
    cluster.finish_run(run="a")
    edited(cluster, OTHER)
    cluster.settle()
    edited(cluster, THIRD)
    cluster.settle()
    assert cluster.run["number"] == 3
    assert cluster.run["replaces"]["run"] == 1


def test_what_is_published_is_known_beyond_the_limit_of_the_history() -> None:
    cluster = MemoryCluster(experiment(settings={"runHistoryLimit": 0}))
    cluster.finish_run(run="a")
    edited(cluster, OTHER)
    cluster.settle()
    cluster.annotate(abort="2")
    cluster.settle()
    assert cluster.phase == "Failed"
    assert [entry["number"] for entry in cluster.status["history"]] == [1]
    edited(cluster, THIRD)
    cluster.settle()
    assert cluster.run["number"] == 3
    assert cluster.run["replaces"]["run"] == 1


def test_the_same_data_once_more_replaces_nothing(cluster: MemoryCluster) -> None:
    first = cluster.digest
    cluster.finish_run(run="a")
    edited(cluster, OTHER)
    cluster.settle()
    edited(cluster, first)
    cluster.settle()
    assert cluster.run["number"] == 3
    assert "replaces" not in cluster.run
    cluster.finish_run(3, run="a", repeat=True)
    assert cluster.condition("Complete")["reason"] == "AlreadyComplete"
