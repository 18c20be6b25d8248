"""An operator that has just started has not heard the pods yet: it leaves the status as it is."""

from __future__ import annotations

import pytest

from tests.unit.operator.memory_cluster import MemoryCluster, experiment
from tests.unit.operator.pod_reports import pod_progress

RUN, FINALIZE = "shop-run-1", "shop-run-1-finalize"


@pytest.fixture
def cluster() -> MemoryCluster:
    found = MemoryCluster(experiment())
    found.settle()
    return found


def _restarted(cluster: MemoryCluster) -> int:
    """How many writes a new operator makes before it has heard anything of the pods."""
    cluster.wait(10)
    before = cluster.writes, len(cluster.reported)
    cluster.restart_operator()
    cluster.settle()
    return cluster.writes - before[0] + len(cluster.reported) - before[1]


def _heard(cluster: MemoryCluster, shard: int, rate: float, step: str, notice: str = "") -> None:
    table = cluster.plans[RUN].plan.tables[0].table
    batches = {table: ((0, 1),)} if shard >= 0 else {}
    cluster.progress[shard] = pod_progress(10, rate, step, batches, notice)
    cluster.settle()


def test_the_rate_of_a_run_stays(cluster: MemoryCluster) -> None:
    cluster.start_pod(RUN, 0)
    cluster.settle()
    cluster.wait(10)
    _heard(cluster, 0, 40.0, "")
    assert cluster.run["rowsPerSecond"] == round(cluster.run["rows"] / 10) > 0
    assert _restarted(cluster) == 0


def test_the_step_of_finalize_stays(cluster: MemoryCluster) -> None:
    cluster.complete_job(RUN)
    cluster.settle()
    cluster.start_pod(FINALIZE)
    _heard(cluster, -1, 0.0, "primary keys")
    assert cluster.condition("Progressing")["message"] == "primary keys"
    assert _restarted(cluster) == 0


def test_a_failure_that_is_met_with_tries_stays_told(cluster: MemoryCluster) -> None:
    cluster.start_pod(RUN, 0)
    _heard(cluster, 0, 0.0, "", "Postgres refuses the login")
    assert cluster.condition("Stalled")["reason"] == "Retrying"
    assert _restarted(cluster) == 0
    _heard(cluster, 0, 5.0, "")
    assert cluster.condition("Stalled")["status"] == "False"


def test_pods_out_of_reach_stay_told(cluster: MemoryCluster) -> None:
    cluster.start_pod(RUN, 0)
    cluster.wait(31)
    cluster.unreachable = 1
    cluster.settle()
    assert cluster.condition("Progressing")["reason"] == "ProgressUnreachable"
    assert _restarted(cluster) == 0


def test_what_was_told_of_other_pods_does_not_stay(cluster: MemoryCluster) -> None:
    pod = cluster.start_pod(RUN, 0)
    _heard(cluster, 0, 40.0, "", "")
    cluster.end_pod(pod, 70)
    cluster.progress.clear()
    cluster.settle()
    assert cluster.condition("Stalled")["reason"] == "Retrying"
    cluster.wait(20)
    cluster.start_pod(RUN, 0)
    cluster.settle()
    assert cluster.condition("Stalled")["status"] == "False"
