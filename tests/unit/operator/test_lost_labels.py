"""Children whose labels somebody takes off get them again: watches and lists go by them."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import replace
from typing import Any

import pytest
from aiohttp.web import Response

from rowmill.spec.cluster_names import DIGEST, EXPERIMENT, MANAGED_BY, PURGE, QUEUE, RUN, TASK
from rowmill_operator.children.ownership import lost_labels
from rowmill_operator.memory import resources
from rowmill_operator.memory.resources import Resource
from tests.unit.operator.fake_api import FakeApi, failure
from tests.unit.operator.memory_cluster import SETTINGS, MemoryCluster, experiment
from tests.unit.operator.operator_env import (
    JOBS,
    KEY,
    PLANS,
    PODS,
    Operator,
    QuickValidator,
    status,
    with_operator,
)
from tests.unit.operator.raw_objects import raw_experiment, raw_pod

EXPERIMENTS = "/apis/rowmill.dev/v1alpha1/namespaces/team/experiments"
JOB, PLAN = f"{JOBS}/shop-run-1", f"{PLANS}/shop-run-1"
WEB, WEB_JOB = ("team", "web"), f"{JOBS}/web-run-1"


def take_off(operator: Operator, api: FakeApi, kind: Resource, path: str, *labels: str) -> None:
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
        take_off(operator, api, resources.JOBS, JOB, *lost)
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
def test_a_plan_gets_its_labels_again_and_is_the_same_plan(lost: str) -> None:
    async def story(operator: Operator, api: FakeApi) -> None:
        await operator.settle()
        before = deepcopy(api.objects[PLAN])
        # An annotation may be taken off as well as a label.
        api.objects[PLAN]["metadata"].pop("annotations")
        take_off(operator, api, resources.PLANS, PLAN, lost)
        await operator.settle()
        after = api.objects[PLAN]
        assert after["binaryData"] == before["binaryData"]
        for name in ("uid", "labels", "ownerReferences"):
            assert after["metadata"][name] == before["metadata"][name]
        observed = operator.store.gather(KEY)
        assert observed is not None
        assert [plan.uid for plan in observed.plans] == [before["metadata"]["uid"]]

    with_operator(story)


def test_a_plan_that_cannot_be_labelled_stays_for_the_pods_that_mount_it() -> None:
    async def story(operator: Operator, api: FakeApi) -> None:
        await operator.settle()
        take_off(operator, api, resources.PLANS, PLAN, MANAGED_BY)
        lost = deepcopy(api.objects[PLAN])
        taken = failure(409, "AlreadyExists", "it exists")

        def refuse() -> Response:
            return failure(403, "Forbidden", "a webhook says no")

        api.answers["POST", PLANS] = lambda: taken if PLAN in api.objects else refuse()
        api.answers["PATCH", PLAN] = refuse
        await operator.settle()
        assert api.objects.get(PLAN) == lost
        assert ("PATCH", PLAN) in api.calls

    with_operator(story)


def test_a_job_of_which_pods_alone_are_seen_is_found_by_comparing() -> None:
    async def story(operator: Operator, api: FakeApi) -> None:
        await operator.settle()
        uid, before = api.objects[JOB]["metadata"]["uid"], dict(_labels(api, JOB))
        pod = raw_pod(job=uid, state={"running": {}})
        api.put(f"{PODS}/{pod['metadata']['name']}", pod)
        operator.store.see(resources.PODS, pod)
        take_off(operator, api, resources.JOBS, JOB, MANAGED_BY, EXPERIMENT)
        await operator.resync.compare()
        assert _labels(api, JOB) == before
        observed = operator.store.gather(KEY)
        assert observed is not None
        assert [job.uid for job in observed.jobs] == [uid]
        api.calls.clear()
        await operator.resync.compare()
        assert api.writes() == []

    with_operator(story)


def _unseen_job(operator: Operator, api: FakeApi, job: str, experiment: str = "shop") -> None:
    """A Job without labels, and a pod of it that is seen."""
    uid = api.objects[job]["metadata"]["uid"]
    pod = raw_pod(f"{job.rpartition('/')[2]}-3-x", f"pod-of-{uid}", job=uid, state={"running": {}})
    pod["metadata"]["labels"][EXPERIMENT] = experiment
    api.put(f"{PODS}/{pod['metadata']['name']}", pod)
    operator.store.see(resources.PODS, pod)
    take_off(operator, api, resources.JOBS, job, MANAGED_BY, EXPERIMENT)


def _second_experiment(operator: Operator, api: FakeApi) -> None:
    raw = raw_experiment("web", meta={"uid": "uid-web"})
    api.put(f"{EXPERIMENTS}/web", raw)
    operator.store.see(resources.EXPERIMENTS, raw)


@pytest.mark.parametrize("status_code", [403, 500])
def test_a_job_that_cannot_be_labelled_keeps_nothing_else_from_being_compared(
    status_code: int,
) -> None:
    async def story(operator: Operator, api: FakeApi) -> None:
        await operator.settle()
        _second_experiment(operator, api)
        await operator.settle(WEB)
        before = dict(_labels(api, WEB_JOB))
        _unseen_job(operator, api, JOB)
        _unseen_job(operator, api, WEB_JOB, "web")
        api.answers["PATCH", JOB] = lambda: failure(status_code, "Refused", "a webhook says no")
        await operator.resync.compare()
        assert EXPERIMENT not in _labels(api, JOB)
        assert _labels(api, WEB_JOB) == before

    with_operator(story)


def test_another_job_by_the_name_of_one_that_is_gone_is_left_as_it_is() -> None:
    async def story(operator: Operator, api: FakeApi) -> None:
        await operator.settle()
        _unseen_job(operator, api, JOB)
        api.objects[JOB]["metadata"]["uid"] = "another"
        api.calls.clear()
        await operator.resync.compare()
        assert ("GET", JOB) in api.calls
        assert api.writes() == []

    with_operator(story)


@pytest.mark.parametrize("decided", [True, False])
def test_jobs_of_an_experiment_that_may_be_anothers_are_left_as_they_are(decided: bool) -> None:
    """At its start an operator has not decided yet whose each Experiment is."""

    async def story(keeper: Operator, api: FakeApi) -> None:
        await keeper.settle()
        settings = replace(SETTINGS, engine="there", release="there/rowmill")
        other = Operator(keeper.controller._cluster, QuickValidator(), settings)
        await other.start()
        if decided:
            await other.settle()
            assert other.store.left_alone() == 1
        _unseen_job(other, api, JOB)
        api.calls.clear()
        await other.resync.compare()
        assert api.writes() == []

    with_operator(story)


def test_pods_that_only_the_job_knows_of_are_told_once_that_lasts(cluster: MemoryCluster) -> None:
    cluster.settle()
    cluster.wait(30)
    cluster.update_job("shop-run-1", active=2)
    cluster.look()
    assert cluster.condition("Progressing")["message"] == "its pods are starting"
    cluster.wait(31)
    cluster.look()
    assert "took their labels off" in cluster.condition("Progressing")["message"]
    cluster.start_pod("shop-run-1", 0)
    cluster.look()
    assert "labels" not in cluster.condition("Progressing")["message"]


def test_between_two_shards_a_run_has_the_words_of_a_run(cluster: MemoryCluster) -> None:
    cluster.settle()
    pod = cluster.start_pod("shop-run-1", 0)
    cluster.update_job("shop-run-1", active=1)
    cluster.wait(600)
    cluster.settle()
    before = cluster.condition("Progressing")
    assert before["reason"] == "Running"
    cluster.end_pod(pod, 0)
    cluster.update_job("shop-run-1", completed_indexes=((0, 1),), succeeded=1)
    cluster.settle()
    assert cluster.condition("Progressing") == before
    cluster.wait(61)
    cluster.settle()
    assert "took their labels off" in cluster.condition("Progressing")["message"]


def test_pods_that_a_queue_let_go_this_moment_are_not_missed() -> None:
    cluster = MemoryCluster(experiment(labels={QUEUE: "day"}))
    cluster.settle()
    cluster.wait(600)
    cluster.settle()
    assert cluster.condition("Progressing")["reason"] == "Queued"
    cluster.update_job("shop-run-1", suspended=False)
    cluster.settle()
    cluster.update_job("shop-run-1", active=2)
    cluster.settle()
    assert cluster.condition("Progressing")["message"] == "its pods are starting"


def test_who_puts_the_label_back_himself_is_believed() -> None:
    async def story(operator: Operator, api: FakeApi) -> None:
        await operator.settle()
        raw = deepcopy(api.objects[JOB])
        take_off(operator, api, resources.JOBS, JOB, MANAGED_BY)
        api.put(JOB, raw)
        assert operator.store.see(resources.JOBS, raw) == KEY

    with_operator(story)


def test_what_may_be_meant_is_left_as_it_is() -> None:
    wanted = {MANAGED_BY: "rowmill", TASK: PURGE, RUN: "3", DIGEST: "ab"}
    assert lost_labels(wanted, {**wanted, RUN: "2", DIGEST: "cd", "mine": "x"}) == {}
    assert lost_labels({**wanted, TASK: "shard"}, {**wanted, RUN: "2"}) == {
        TASK: "shard",
        RUN: "3",
    }
