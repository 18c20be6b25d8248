"""Jobs that wait in a queue of Kueue's which the Experiment has left."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from rowmill_operator.memory.views import read_job
from tests.unit.operator.memory_cluster import MemoryCluster, experiment
from tests.unit.operator.raw_objects import raw_job

RUN = "shop-run-1"
BATCH = {"kueue.x-k8s.io/queue-name": "batch"}
NIGHT = {"kueue.x-k8s.io/queue-name": "night"}


def _queued(labels: Mapping[str, str]) -> MemoryCluster:
    cluster = MemoryCluster(experiment(labels=labels))
    cluster.settle()
    return cluster


@pytest.mark.parametrize("labels", [{}, NIGHT])
def test_a_job_that_waits_in_a_queue_left_since_is_made_again(labels: dict[str, str]) -> None:
    cluster = _queued(BATCH)
    uid = cluster.job(RUN).uid
    cluster.change(labels=labels)
    cluster.settle()
    assert cluster.job(RUN).uid != uid
    assert cluster.job(RUN).suspended is bool(labels)
    cluster.finish_run()
    assert cluster.phase == "Complete"


@pytest.mark.parametrize("labels", [{}, NIGHT])
def test_a_job_that_a_queue_has_let_start_is_left_alone(labels: dict[str, str]) -> None:
    cluster = _queued(BATCH)
    cluster.update_job(RUN, suspended=False)
    uid = cluster.job(RUN).uid
    cluster.change(labels=labels)
    cluster.settle()
    assert cluster.job(RUN).uid == uid


def test_a_queue_that_the_cluster_chose_is_left_to_the_cluster() -> None:
    """Kueue may suspend every Job, and give those without a queue its default."""
    cluster = _queued({})
    uid = cluster.job(RUN).uid
    cluster.update_job(RUN, suspended=True)
    cluster.settle()
    assert cluster.job(RUN).uid == uid
    raw = raw_job(meta={"labels": NIGHT})
    raw["metadata"]["annotations"] = {"rowmill.dev/queue": ""}
    assert read_job(raw).queue == ""


def test_a_job_of_an_earlier_operator_tells_its_queue_by_its_label() -> None:
    assert read_job(raw_job(meta={"labels": BATCH})).queue == "batch"
