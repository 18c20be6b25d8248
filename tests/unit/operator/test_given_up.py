"""A run that fails says which shard, why, and how it goes on."""

from __future__ import annotations

import pytest

from rowmill.plan.intervals import Interval
from rowmill_operator.model.observed import Failure
from tests.unit.operator.memory_cluster import MemoryCluster

RUN, FINALIZE = "shop-run-1", "shop-run-1-finalize"
KUBERNETES = "Job has exceeded the specified maximal number of failed indexes"


def give_up(cluster: MemoryCluster, name: str, reason: str, *indexes: Interval) -> str:
    """A Job has no tries left, and none of its pods is there; what the status says."""
    failure = Failure(reason, KUBERNETES)
    cluster.update_job(name, failed=failure, finished=cluster.now, failed_indexes=indexes)
    cluster.pods.clear()
    cluster.wait(11)
    cluster.settle()
    assert cluster.phase == "Failed"
    return str(cluster.condition("Failed")["message"])


@pytest.mark.parametrize(
    ("indexes", "named"),
    [(((3, 4),), "shard 3: given up"), (((1, 2), (5, 8)), "shards 1,5-7: given up")],
)
def test_shards_whose_pods_were_deleted_once_too_often_are_named(
    cluster: MemoryCluster, indexes: tuple[Interval, ...], named: str
) -> None:
    cluster.begin_run()
    message = give_up(cluster, RUN, "MaxFailedIndexesExceeded", *indexes)
    assert message.startswith(named)
    assert "retriesPerShard" in message
    assert "were deleted" in message
    assert KUBERNETES in message
    assert "kubectl rowmill resume shop" in message
    assert cluster.run["message"] == message


def test_a_finalize_whose_pods_were_deleted_is_named_too(cluster: MemoryCluster) -> None:
    cluster.begin_run()
    cluster.complete_job(RUN)
    cluster.settle()
    message = give_up(cluster, FINALIZE, "BackoffLimitExceeded")
    assert message.startswith("finalize: given up")
    assert "kubectl rowmill resume shop" in message


def test_what_the_last_pod_said_comes_before_all_guesses(cluster: MemoryCluster) -> None:
    cluster.begin_run()
    pod = cluster.start_pod(RUN, 3)
    cluster.end_pod(pod, 137, kubelet="OOMKilled")
    failure = Failure("MaxFailedIndexesExceeded", KUBERNETES)
    cluster.update_job(RUN, failed=failure, finished=cluster.now, failed_indexes=((3, 4),))
    cluster.settle()
    message = str(cluster.condition("Failed")["message"])
    assert message.startswith("shard 3 was killed for using more memory")
    assert "kubectl rowmill resume shop" in message


def test_a_bad_spec_is_not_resumed(cluster: MemoryCluster) -> None:
    cluster.settle()
    cluster.fail_job(RUN, 64, index=0, reason="InvalidSpec", message="no such kind")
    cluster.settle()
    assert "resume" not in cluster.condition("Failed")["message"]
