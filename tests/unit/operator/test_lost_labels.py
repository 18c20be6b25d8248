"""Children whose labels somebody takes off get them again: watches and lists go by them."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import pytest
from fake_api import FakeApi
from memory_cluster import MemoryCluster
from operator_bed import JOBS, KEY, PLANS, Operator, status, with_operator
from raw_objects import raw_pod

from rowmill.spec.cluster_names import DIGEST, EXPERIMENT, MANAGED_BY, PURGE, RUN, TASK
from rowmill_operator.children.ownership import lost_labels
from rowmill_operator.store import Kind

PODS = "/api/v1/namespaces/team/pods"
JOB, PLAN = f"{JOBS}/shop-run-1", f"{PLANS}/shop-run-1"


def take_off(operator: Operator, api: FakeApi, kind: Kind, path: str, *labels: str) -> None:
    """Somebody takes labels off; to a watch that selects by them this is a deletion."""
    raw = api.objects[path]
    seen = deepcopy(raw)
    for label in labels:
        del raw["metadata"]["labels"][label]
    api.put(path, raw)
    version = raw["metadata"]["resourceVersion"]
    if MANAGED_BY in labels:
        seen["metadata"]["resourceVersion"] = version
        operator.store.see(kind, seen, gone=True)
    else:
        operator.store.see(kind, deepcopy(raw))


def _labels(api: FakeApi, path: str) -> dict[str, Any]:
    found: dict[str, Any] = api.objects[path]["metadata"]["labels"]
    return found


@pytest.mark.parametrize(
    "lost", [(MANAGED_BY,), (EXPERIMENT,), (TASK, RUN), (MANAGED_BY, EXPERIMENT, DIGEST)]
)
def test_a_job_gets_its_labels_again_and_is_seen(lost: tuple[str, ...]) -> None:
    async def story(operator: Operator, api: FakeApi) -> None:
        await operator.settle()
        uid, before = api.objects[JOB]["metadata"]["uid"], dict(_labels(api, JOB))
        take_off(operator, api, Kind.JOB, JOB, *lost)
        await operator.settle()
        assert api.objects[JOB]["metadata"]["uid"] == uid
        assert _labels(api, JOB) == before
        observed = operator.store.gather(KEY)
        assert observed is not None
        assert [(job.uid, job.task, job.number) for job in observed.jobs] == [(uid, "shard", 1)]
        api.calls.clear()
        await operator.settle()
        assert api.writes() == []
        assert status(api)["phase"] == "Pending"

    with_operator(story)


@pytest.mark.parametrize("lost", [MANAGED_BY, EXPERIMENT])
def test_a_plan_is_put_back_with_its_labels_and_is_the_same_plan(lost: str) -> None:
    async def story(operator: Operator, api: FakeApi) -> None:
        await operator.settle()
        before = deepcopy(api.objects[PLAN])
        take_off(operator, api, Kind.PLAN, PLAN, lost)
        await operator.settle()
        after = api.objects[PLAN]
        assert after["binaryData"] == before["binaryData"]
        for name in ("labels", "annotations", "ownerReferences"):
            assert after["metadata"][name] == before["metadata"][name]
        observed = operator.store.gather(KEY)
        assert observed is not None
        assert [plan.uid for plan in observed.plans] == [after["metadata"]["uid"]]

    with_operator(story)


def test_a_job_of_which_pods_alone_are_seen_is_found_by_comparing() -> None:
    async def story(operator: Operator, api: FakeApi) -> None:
        await operator.settle()
        uid, before = api.objects[JOB]["metadata"]["uid"], dict(_labels(api, JOB))
        pod = raw_pod(job=uid, state={"running": {}})
        api.put(f"{PODS}/{pod['metadata']['name']}", pod)
        operator.store.see(Kind.POD, pod)
        take_off(operator, api, Kind.JOB, JOB, MANAGED_BY, EXPERIMENT)
        await operator.resync.compare()
        assert _labels(api, JOB) == before
        observed = operator.store.gather(KEY)
        assert observed is not None
        assert [job.uid for job in observed.jobs] == [uid]
        api.calls.clear()
        await operator.resync.compare()
        assert api.writes() == []

    with_operator(story)


def test_pods_that_only_the_job_knows_of_are_told(cluster: MemoryCluster) -> None:
    cluster.settle()
    cluster.update_job("shop-run-1", active=2)
    cluster.look()
    assert "took their labels off" in cluster.condition("Progressing")["message"]
    cluster.start_pod("shop-run-1", 0)
    cluster.look()
    assert "labels" not in cluster.condition("Progressing")["message"]


def test_who_puts_the_label_back_himself_is_believed() -> None:
    async def story(operator: Operator, api: FakeApi) -> None:
        await operator.settle()
        raw = deepcopy(api.objects[JOB])
        take_off(operator, api, Kind.JOB, JOB, MANAGED_BY)
        api.put(JOB, raw)
        assert operator.store.see(Kind.JOB, raw) == KEY

    with_operator(story)


def test_what_may_be_meant_is_left_as_it_is() -> None:
    wanted = {MANAGED_BY: "rowmill", TASK: PURGE, RUN: "3", DIGEST: "ab"}
    assert lost_labels(wanted, {**wanted, RUN: "2", DIGEST: "cd", "mine": "x"}) == {}
    assert lost_labels({**wanted, TASK: "shard"}, {**wanted, RUN: "2"}) == {
        TASK: "shard",
        RUN: "3",
    }
