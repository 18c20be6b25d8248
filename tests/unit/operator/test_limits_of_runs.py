"""Names, counts and settings of runs at their limits."""

from __future__ import annotations

from dataclasses import replace

import pytest

from rowmill_operator.children.jobs import finalize_job, purge_job, shard_job
from rowmill_operator.children.plan import config_map
from rowmill_operator.memory.views import experiments_named
from rowmill_operator.model.desired_state import desired_state_of
from tests.unit.operator.memory_cluster import SETTINGS, MemoryCluster, experiment, small_plan
from tests.unit.operator.raw_objects import DIGEST, frozen

RUN = "shop-run-1"
LONGEST = "e" + "x" * 37
MOST_SHARDS = 10_000
# What fits into a label or a host name, and what the Job controller keeps of a Job's name and index
# before the random end of a pod's name.
_LABEL, _KEPT = 63, 58


@pytest.mark.parametrize("number", [1, 999_999, 10**9])
def test_the_longest_name_fits_with_any_index_and_number(number: int) -> None:
    found = experiment(name=LONGEST)
    plan = replace(frozen(), number=number, plan=small_plan(DIGEST))
    desired = desired_state_of(found, SETTINGS)
    made = {
        build: build(found, plan, desired, SETTINGS)["metadata"]["name"]
        for build in (shard_job, finalize_job, purge_job)
    }
    host = f"{made[shard_job]}-{MOST_SHARDS - 1}"
    assert len(host) <= _LABEL, "its Job's name and index are the host name of a shard's pod"
    assert all(len(name) <= _LABEL for name in made.values()), "a Job's name is a label of its pods"
    assert len(set(made.values())) == 3
    for before in (host, made[finalize_job], made[purge_job]):
        pod = f"{before[: _KEPT - 1]}-abcde"
        assert LONGEST in experiments_named(pod), "Events about it are known to be ours"
    planned = config_map(found, number, DIGEST, b"", "here/rowmill")
    assert len(planned["metadata"]["name"]) <= _LABEL


def test_a_history_of_none_keeps_none_and_numbers_go_on() -> None:
    cluster = MemoryCluster(experiment(settings={"runHistoryLimit": 0}))
    for number in (1, 2):
        cluster.digest = f"sha256:{number:064x}"
        cluster.annotate(rerun=str(number))
        cluster.finish_run(number)
        assert cluster.phase == "Complete"
        assert cluster.run["number"] == number
        assert cluster.status["history"] == []


def test_retries_changed_in_mid_run_are_those_of_the_next_job() -> None:
    cluster = MemoryCluster(experiment())
    cluster.settle()
    uid = cluster.job(RUN).uid
    cluster.change(settings={"retriesPerShard": 2})
    cluster.settle()
    assert cluster.job(RUN).uid == uid
    assert cluster.manifests[-1]["spec"]["backoffLimitPerIndex"] == 6
    cluster.digest = "sha256:" + "b" * 64
    cluster.annotate(rerun="2")
    cluster.settle()
    assert cluster.manifests[-1]["spec"]["backoffLimitPerIndex"] == 2


def test_a_missing_secret_is_told_with_its_namespace() -> None:
    cluster = MemoryCluster(experiment())
    cluster.settle()
    pod = cluster.start_pod(RUN, 0, running=False, phase="Pending")
    cluster.warn(pod.name, "FailedMount", 'secret "warehouse" not found')
    cluster.settle()
    stalled = cluster.condition("Stalled")
    assert stalled["reason"] == "SecretMissing"
    assert '"warehouse"' in stalled["message"]
    assert "in the namespace team:" in stalled["message"]
