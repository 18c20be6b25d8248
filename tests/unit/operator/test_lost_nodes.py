"""Pods whose node does not answer are given up, whatever their experiment waits for."""

from __future__ import annotations

from dataclasses import replace

import pytest

from rowmill_operator.model.actions import DeletePod
from rowmill_operator.model.observed import Pod
from tests.unit.operator.memory_cluster import MemoryCluster, experiment
from tests.unit.operator.wishes import begin_another, published

RUN = "shop-run-1"


@pytest.fixture
def cluster() -> MemoryCluster:
    return MemoryCluster(experiment(settings={"ttlSecondsAfterFinished": 0}))


def _is_given_up_in_time(cluster: MemoryCluster) -> None:
    """The pod is ending, and nobody else tells the operator when its time is over."""
    wait = cluster.last.again_after
    assert wait is not None
    assert not any(isinstance(action, DeletePod) for action in cluster.log)
    while wait is not None:
        cluster.wait(wait)
        cluster.settle(collect=False)
        wait = cluster.last.again_after
    assert sum(isinstance(action, DeletePod) for action in cluster.log) == 1
    assert [reported.reason for reported in cluster.reported].count("NodeLost") == 1


def test_the_pod_of_a_complete_run_is_given_up_after_its_time(cluster: MemoryCluster) -> None:
    cluster.settle()
    cluster.start_pod(RUN, 0)
    cluster.complete_job(RUN)
    cluster.settle()
    cluster.complete_job(f"{RUN}-finalize")
    cluster.settle(collect=False)
    assert cluster.jobs[RUN].deleted
    _is_given_up_in_time(cluster)


def test_the_pod_of_a_retained_experiment_does_not_hold_it(cluster: MemoryCluster) -> None:
    """Deleted in the foreground, it and its Job wait for the pods."""
    cluster.settle()
    pod = cluster.start_pod(RUN, 0)
    cluster.delete()
    cluster.update_job(RUN, deleted=True)
    cluster.pods[pod.name] = type(pod)(**{**vars(pod), "deleted": cluster.now})
    cluster.settle(collect=False)
    _is_given_up_in_time(cluster)


def test_a_run_goes_on_without_the_pods_of_a_lost_node(cluster: MemoryCluster) -> None:
    cluster.settle()
    lost = [cluster.start_pod(RUN, index) for index in (0, 1)]
    first = cluster.jobs[RUN].uid
    cluster.pods |= {pod.name: replace(pod, deleted=cluster.now) for pod in lost}
    cluster.settle()
    assert cluster.jobs[RUN].uid == first
    cluster.wait(119)
    cluster.settle()
    assert cluster.jobs[RUN].uid == first
    cluster.wait(1)
    cluster.settle()
    assert cluster.jobs[RUN].uid != first, "else no pod would follow"
    assert not cluster.pods.keys() & {pod.name for pod in lost}
    assert [reported.reason for reported in cluster.reported].count("NodeLost") == 2
    cluster.complete_job(RUN)
    cluster.settle()
    cluster.complete_job(f"{RUN}-finalize")
    cluster.settle()
    assert (cluster.phase, cluster.run["number"]) == ("Complete", 1)


@pytest.mark.parametrize("task", ["verify", "reset"])
def test_a_pod_whose_job_was_deleted_without_it_is_told_to_go(task: str) -> None:
    """As by `kubectl delete job --cascade=orphan`: it has no owner then, and nobody else ends it.

    Else the next run would wait to be published for as long as it lives.
    """
    cluster = published()
    cluster.annotate(**{task: "1"})
    cluster.settle()
    name = f"{RUN}-{task}"
    pod = cluster.start_pod(name)
    del cluster.jobs[name]
    cluster.pods[pod.name] = replace(pod, job_uid="")
    cluster.annotate(**{task: ""})
    begin_another(cluster)
    cluster.settle(collect=False)
    told = [action for action in cluster.log if isinstance(action, DeletePod)]
    assert told == [DeletePod(pod.name, pod.uid, at_once=False)], "once, with time to end"
    assert "NodeLost" not in cluster.warned()
    del cluster.pods[pod.name]
    cluster.settle()
    cluster.complete_job("shop-run-2")
    cluster.settle()
    assert "shop-run-2-finalize" in cluster.jobs


def test_a_pod_without_its_job_is_given_up_in_time_too() -> None:
    cluster = published()
    cluster.annotate(verify="1")
    cluster.settle()
    pod = cluster.start_pod(f"{RUN}-verify")
    del cluster.jobs[f"{RUN}-verify"]
    cluster.pods[pod.name] = replace(pod, job_uid="")
    cluster.annotate(verify="")
    cluster.settle()
    cluster.wait(120)
    cluster.settle()
    assert pod.name not in cluster.pods
    assert cluster.warned() == ["NodeLost"]


def _loses_the_pod_of_its_reset(*, suspended: bool = False) -> tuple[MemoryCluster, Pod]:
    """Its node has been silent for two minutes."""
    cluster = published()
    if suspended:
        begin_another(cluster)
        cluster.change(settings={"suspend": True})
        cluster.settle()
    number = cluster.run["number"]
    cluster.annotate(reset=str(number))
    cluster.settle()
    pod = cluster.start_pod(f"shop-run-{number}-reset")
    cluster.pods[pod.name] = replace(pod, node="n7", deleted=cluster.now)
    cluster.settle(collect=False)
    cluster.wait(120)
    cluster.settle(collect=False)
    return cluster, pod


@pytest.mark.parametrize("asked", ["2", ""])
def test_no_run_goes_on_beside_a_reset_whose_node_does_not_answer(asked: str) -> None:
    """It may go on removing once the node is back: what the run had made, and what readers see."""
    cluster, pod = _loses_the_pod_of_its_reset(suspended=True)
    cluster.annotate(reset=asked)
    cluster.change(settings={"suspend": False})
    for _ in range(10):
        cluster.wait(60)
        cluster.look()
    assert "shop-run-2" not in cluster.jobs
    assert not [action for action in cluster.log if isinstance(action, DeletePod)]
    stalled = cluster.condition("Stalled")
    assert (stalled["status"], stalled["reason"]) == ("True", "NodeLost")
    assert stalled["message"] == (
        f"pod {pod.name} removes the data of run 2 and does not end: node n7 does not answer; "
        "nothing goes on beside it, so see that this machine is off, and then delete the Node, or: "
        f"kubectl delete pod {pod.name} --namespace team --grace-period=0 --force"
    )
    assert cluster.warned() == ["NodeLost"], "told once"
    del cluster.pods[pod.name]
    cluster.settle()
    cluster.annotate(reset="")
    cluster.settle()
    assert list(cluster.jobs) == ["shop-run-2"]
    assert cluster.condition("Stalled")["status"] == "False"


def test_a_deletion_does_not_wait_for_the_lost_pod_of_a_reset() -> None:
    """Whatever has its name after it is another's, which a reset leaves alone."""
    cluster, pod = _loses_the_pod_of_its_reset()
    assert pod.name in cluster.pods
    cluster.delete()
    cluster.settle()
    assert pod.name not in cluster.pods


def test_a_terminating_namespace_is_not_held_by_a_lost_pod(cluster: MemoryCluster) -> None:
    cluster.settle()
    cluster.start_pod(RUN, 0)
    cluster.namespace_terminating = True
    cluster.settle(collect=False)
    _is_given_up_in_time(cluster)
