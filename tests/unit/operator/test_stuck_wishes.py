"""The Job of a reset or a verify that cannot start, and what has since been mended for it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from rowmill_operator.model.observed import Failure
from tests.unit.operator.memory_cluster import MemoryCluster
from tests.unit.operator.wishes import RESET, VERIFY, published, removed, verified

BOTH = pytest.mark.parametrize(("task", "job"), [("reset", RESET), ("verify", VERIFY)])
PENDING: dict[str, Any] = {"running": False, "phase": "Pending"}
NO_ROOM: dict[str, Any] = PENDING | {"unschedulable": "0/3 nodes: insufficient memory"}
NO_IMAGE: dict[str, Any] = PENDING | {"waiting": Failure("ImagePullBackOff", "no such image")}
MENDED: list[Mapping[str, Any]] = [
    {"resources": {"requests": {"memory": "1Gi"}}},
    {"destinations": {"postgres": {"secretName": "mended"}}},
    {"podTemplate": {"nodeSelector": {"disk": "ssd"}}},
]


def _asked(task: str, **labels: str) -> MemoryCluster:
    cluster = published()
    cluster.change(labels={name.replace("_", "/"): value for name, value in labels.items()})
    cluster.annotate(**{task: "1"})
    cluster.settle()
    return cluster


def _is_remade(cluster: MemoryCluster, job: str, uid: str) -> bool:
    return cluster.jobs[job].uid != uid


@BOTH
@pytest.mark.parametrize("settings", MENDED)
def test_one_that_cannot_start_is_made_anew_by_the_mended_spec(
    task: str, job: str, settings: Mapping[str, Any]
) -> None:
    cluster = _asked(task)
    cluster.start_pod(job, **NO_ROOM)
    cluster.settle()
    uid = cluster.jobs[job].uid
    cluster.change(settings=settings)
    cluster.settle()
    assert _is_remade(cluster, job, uid)


@BOTH
def test_one_that_cannot_start_is_made_anew_by_the_charts_mended_image(task: str, job: str) -> None:
    cluster = _asked(task)
    cluster.start_pod(job, **NO_IMAGE)
    cluster.settle()
    cluster.settings = replace(cluster.settings, worker_image="rowmill/worker:2")
    cluster.restart_operator()
    cluster.settle()
    (container,) = cluster.manifests[-1]["spec"]["template"]["spec"]["containers"]
    assert cluster.manifests[-1]["metadata"]["name"] == job
    assert container["image"] == "rowmill/worker:2"


@BOTH
def test_a_pod_that_is_at_work_is_let_finish_whatever_has_changed(task: str, job: str) -> None:
    """What it has done by then would be done once more."""
    cluster = _asked(task)
    cluster.start_pod(job)
    uid = cluster.jobs[job].uid
    cluster.settings = replace(cluster.settings, worker_image="rowmill/worker:2")
    cluster.change(settings={"resources": {"requests": {"memory": "1Gi"}}})
    cluster.settle()
    assert not _is_remade(cluster, job, uid)


@BOTH
def test_a_refused_spec_makes_none_anew(task: str, job: str) -> None:
    cluster = _asked(task)
    cluster.start_pod(job, **NO_ROOM)
    uid = cluster.jobs[job].uid
    cluster.problems = ("wrong",)
    cluster.change(settings={"resources": {"requests": {"memory": "-1"}}})
    cluster.settle()
    assert not _is_remade(cluster, job, uid)


@BOTH
def test_what_the_kubelet_tries_ever_more_rarely_is_made_anew_each_minute(
    task: str, job: str
) -> None:
    cluster = _asked(task)
    cluster.start_pod(job, **NO_IMAGE)
    cluster.settle()
    uid = cluster.jobs[job].uid
    wait = cluster.last.again_after
    assert wait == 60
    cluster.wait(59)
    cluster.settle()
    assert not _is_remade(cluster, job, uid)
    cluster.wait(1)
    cluster.settle()
    assert _is_remade(cluster, job, uid)


def test_a_reset_that_cannot_start_says_so_until_it_does() -> None:
    """It is one trouble, however often its Job is made anew meanwhile."""
    cluster = _asked("reset")
    for _ in range(3):
        cluster.start_pod(RESET, **NO_IMAGE)
        cluster.settle()
        cluster.wait(60)
        cluster.settle()
        assert cluster.condition("Stalled")["reason"] == "ImagePullFailed"
    assert cluster.warned() == ["ImagePullFailed"]
    cluster.start_pod(RESET)
    cluster.settle()
    assert cluster.condition("Stalled")["status"] == "False"
    removed(cluster)
    assert cluster.phase == "Reset"


def test_what_a_destination_refuses_is_said_until_the_reset_is_done() -> None:
    """That its pod has started again says nothing of what the destination will say."""
    cluster = _asked("reset")
    cluster.fail_job(RESET, 65, reason="CredentialsRefused", message="no such role")
    cluster.settle()
    cluster.wait(61)
    cluster.settle()
    cluster.start_pod(RESET)
    cluster.settle()
    assert cluster.condition("Stalled")["reason"] == "CredentialsRefused"


def test_a_verify_that_cannot_start_says_so_until_it_does() -> None:
    cluster = _asked("verify")
    cluster.start_pod(VERIFY, **NO_IMAGE)
    cluster.settle()
    cluster.wait(60)
    cluster.look()
    assert cluster.jobs[VERIFY].deleted
    assert verified(cluster) == ("Unknown", "ImagePullFailed")


@BOTH
def test_one_whose_experiment_has_left_its_queue_is_made_anew_outside_of_it(
    task: str, job: str
) -> None:
    cluster = _asked(task, **{"kueue.x-k8s.io_queue-name": "team"})
    assert cluster.jobs[job].suspended
    uid = cluster.jobs[job].uid
    cluster.change(labels={})
    cluster.settle()
    assert _is_remade(cluster, job, uid)
    assert not cluster.jobs[job].suspended


@BOTH
def test_in_a_queue_none_is_made_anew_each_minute(task: str, job: str) -> None:
    """It would lose its place."""
    cluster = _asked(task, **{"kueue.x-k8s.io_queue-name": "team"})
    cluster.update_job(job, suspended=False)
    cluster.start_pod(job, **NO_IMAGE)
    uid = cluster.jobs[job].uid
    cluster.wait(600)
    cluster.settle()
    assert not _is_remade(cluster, job, uid)
