"""An operator that has seen less of an Experiment than the one beside it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from rowmill.spec.cluster_names import ASK_RESET
from rowmill_operator.children.plan import config_map
from rowmill_operator.decide.reconcile import reconcile
from rowmill_operator.memory.views import read_plan
from rowmill_operator.model.actions import DeleteJob
from tests.unit.operator.memory_cluster import SETTINGS, MemoryCluster, experiment
from tests.unit.operator.raw_objects import DIGEST, frozen, raw_plan

OTHER = "sha256:" + "b" * 64


@pytest.mark.parametrize("change", ["spec", "rerun"])
def test_who_has_not_seen_the_newest_spec_waits_for_it(change: str) -> None:
    cluster = MemoryCluster(experiment())
    cluster.settle()
    behind = cluster.observed()
    cluster.digest = OTHER
    if change == "spec":
        cluster.change(settings={"seed": 2})
    else:
        cluster.annotate(rerun="2")
    cluster.settle()
    assert list(cluster.plans) == ["shop-run-2"]
    now = cluster.observed()
    lagging = replace(now, experiment=behind.experiment, verdict=behind.verdict)
    decision = reconcile(lagging, cluster.now, SETTINGS)
    assert decision.actions == ()
    assert decision.status is None
    assert decision.again_after is not None


def test_a_job_of_an_older_run_made_by_one_who_lags_is_removed() -> None:
    cluster = MemoryCluster(experiment())
    cluster.settle()
    old = cluster.job("shop-run-1")
    cluster.digest = OTHER
    cluster.change(settings={"seed": 2})
    cluster.settle()
    cluster.jobs[old.name] = replace(old, uid="again")
    decision = cluster.look()
    assert [a for a in decision.actions if isinstance(a, DeleteJob)] == [
        DeleteJob("shop-run-1", "again")
    ]
    cluster.settle()
    assert list(cluster.jobs) == ["shop-run-2"]


def test_a_plan_tells_how_much_of_its_experiment_was_seen() -> None:
    made = config_map(experiment(resource_version="77"), 1, DIGEST, b"", "here/rowmill")
    raw = raw_plan(frozen())
    raw["metadata"] |= {"annotations": made["metadata"]["annotations"]}
    assert read_plan(raw).seen == 77
    del raw["metadata"]["annotations"]
    assert read_plan(raw).seen == 0, "an earlier operator made it"


def test_a_plan_tells_what_had_been_asked_before_it() -> None:
    asked = experiment(annotations={ASK_RESET: "1.2"})
    made = config_map(asked, 1, DIGEST, b"", "here/rowmill")
    raw = raw_plan(frozen())
    assert read_plan(raw).asked_reset == ""
    raw["metadata"] |= {"annotations": made["metadata"]["annotations"]}
    assert read_plan(raw).asked_reset == "1.2"
    del raw["metadata"]["annotations"]
    assert read_plan(raw).asked_reset == "", "an earlier operator made it"
