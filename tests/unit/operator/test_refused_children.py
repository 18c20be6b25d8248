"""A ConfigMap or a Job that a quota refuses: whoever needs it says so until it is made."""

from __future__ import annotations

import pytest

from tests.unit.operator.memory_cluster import MemoryCluster
from tests.unit.operator.wishes import RUN, VERIFY, published, verified

QUOTA = "exceeded quota: configmaps"


@pytest.fixture
def planless() -> MemoryCluster:
    """Run 1 is published, somebody has deleted its ConfigMap, and no other can be made."""
    cluster = published(deletionPolicy="Purge")
    cluster.settle()
    cluster.plans.clear()
    cluster.warn(RUN, "FailedCreate", QUOTA)
    return cluster


def _look_until(cluster: MemoryCluster, child: str) -> None:
    """Until the look that makes this plan or Job, which the API server takes at last."""
    for _ in range(8):
        if child in (*cluster.plans, *cluster.jobs.keys() - {RUN}):
            return
        cluster.look()
        cluster.collect()
    raise AssertionError(f"{child} is never made")


def test_a_reset_tells_why_its_plan_is_not_made_again(planless: MemoryCluster) -> None:
    planless.annotate(reset="1")
    _look_until(planless, RUN)
    stalled = planless.condition("Stalled")
    assert (stalled["reason"], stalled["message"]) == ("QuotaExceeded", QUOTA)
    planless.settle()
    assert planless.condition("Stalled")["status"] == "False"
    assert f"{RUN}-reset" in planless.jobs


def test_a_verify_tells_why_its_plan_is_not_made_again(planless: MemoryCluster) -> None:
    planless.annotate(verify="1")
    planless.look()
    assert verified(planless) == ("Unknown", "QuotaExceeded")
    assert planless.condition("Verified")["message"] == QUOTA
    planless.settle()
    assert VERIFY in planless.jobs


def test_a_verify_tells_why_its_job_is_not_made() -> None:
    cluster = published()
    cluster.annotate(verify="1")
    cluster.warn(VERIFY, "FailedCreate", "exceeded quota: jobs")
    cluster.look()
    assert verified(cluster) == ("Unknown", "QuotaExceeded")
    assert VERIFY in cluster.jobs, "it is asked for all the same"


def test_a_purge_tells_why_its_plan_is_not_made_again(planless: MemoryCluster) -> None:
    planless.delete()
    _look_until(planless, RUN)
    assert planless.condition("Stalled")["message"] == QUOTA
    assert planless.warned() == ["QuotaExceeded"]
    planless.plans.clear()
    planless.wait(planless.settings.purge_deadline)
    planless.warn(RUN, "FailedCreate", QUOTA)
    planless.look()
    (given_up,) = planless.purges
    assert given_up.message.endswith(f"within its deadline; {QUOTA}")


def test_a_purge_tells_why_its_job_is_not_made_at_its_deadline_too() -> None:
    cluster = published(deletionPolicy="Purge")
    cluster.delete()
    cluster.warn("shop-purge", "FailedCreate", "exceeded quota: jobs")
    _look_until(cluster, "shop-purge")
    assert cluster.condition("Stalled")["message"] == "exceeded quota: jobs"
    assert cluster.warned() == ["QuotaExceeded"]
    del cluster.jobs["shop-purge"]
    cluster.wait(cluster.settings.purge_deadline)
    cluster.warn("shop-purge", "FailedCreate", "exceeded quota: jobs")
    cluster.look()
    (given_up,) = cluster.purges
    assert given_up.message.endswith("within its deadline; exceeded quota: jobs")
