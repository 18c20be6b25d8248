"""The node itself: that what stands under every other test is a real Kubernetes."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.e2e.cluster.access import Cluster, wait_for
from tests.e2e.cluster.configuration import NODE, PAUSE_IMAGE, PROGRAMS
from tests.e2e.cluster.images import PYTHON, Builder
from tests.e2e.cluster.node import Node
from tests.e2e.cluster.sandbox import shared_settings

_RESTRICTED = {
    "allowPrivilegeEscalation": False,
    "capabilities": {"drop": ["ALL"]},
    "runAsNonRoot": True,
    "runAsUser": 65534,
    "seccompProfile": {"type": "RuntimeDefault"},
}


def test_the_node_is_ready(cluster: Cluster, node: Node) -> None:
    conditions = cluster.get("node", NODE)["status"]["conditions"]
    assert [one["status"] for one in conditions if one["type"] == "Ready"] == ["True"]


def test_an_indexed_job_runs_every_index(cluster: Cluster, node: Node, namespace: str) -> None:
    cluster.apply(_job("counting", ["0"], completions=3), namespace=namespace)
    status = _finished(cluster, "counting", namespace)
    assert status["completedIndexes"] == "0-2"
    assert status["succeeded"] == 3


def test_a_jobs_failure_is_seen(cluster: Cluster, node: Node, namespace: str) -> None:
    cluster.apply(_job("failing", ["65"], completions=1), namespace=namespace)
    assert _finished(cluster, "failing", namespace)["failed"] == 1


def test_a_namespace_admits_restricted_pods_only(
    cluster: Cluster, node: Node, namespace: str
) -> None:
    job = _job("rooted", ["0"], completions=1)
    job["spec"]["template"]["spec"]["containers"][0]["securityContext"] = {"privileged": True}
    cluster.apply(job, namespace=namespace)

    def refusal() -> bool:
        events = cluster.find_all("events", namespace)
        return any("violates PodSecurity" in event["message"] for event in events)

    wait_for(refusal, 180, "an event that tells of the refused pod")


def test_names_of_services_resolve_in_pods_and_in_this_process(
    cluster: Cluster, node: Node, builder: Builder, namespace: str
) -> None:
    base = builder.base_image(PYTHON)
    node.load(base.archive)
    name = "kubernetes.default.svc.cluster.local"
    script = f"import socket; print(socket.gethostbyname('{name}'))"
    job = _job("asking", [], completions=1)
    container = job["spec"]["template"]["spec"]["containers"][0]
    container |= {"image": base.name, "command": ["python3", "-c", script]}
    cluster.apply(job, namespace=namespace)
    assert _finished(cluster, "asking", namespace)["succeeded"] == 1
    service = cluster.get("service", "kubernetes")["spec"]["clusterIP"]
    assert cluster.kubectl("logs", "job/asking", "--namespace", namespace).strip() == service
    assert node.run(["getent", "hosts", name]).split()[0] == service


def test_a_pods_processes_are_killed_and_the_audit_log_tells_of_requests(
    cluster: Cluster, node: Node, namespace: str
) -> None:
    cluster.apply(_job("idle", [], completions=1), namespace=namespace)

    pod = _running_pod(cluster, "idle", namespace)
    assert node.kill_pod(pod["metadata"]["uid"]) == 1
    assert _finished(cluster, "idle", namespace)["failed"] == 1
    created = [
        one["objectRef"]["resource"]
        for one in node.requests()
        if one["verb"] == "create" and one["objectRef"].get("namespace") == namespace
    ]
    assert created == ["jobs"]


def test_an_evicted_pod_ends(cluster: Cluster, node: Node, namespace: str) -> None:
    cluster.apply(_job("idle", [], completions=1), namespace=namespace)
    name = _running_pod(cluster, "idle", namespace)["metadata"]["name"]
    cluster.evict(name, namespace)
    # Its exit code is 0, so whether the Job counts it as done or as failed is a race.
    wait_for(lambda: cluster.find("pod", name, namespace) is None, 180, "the end of the pod")


@pytest.mark.parametrize(
    "program",
    [
        "etcd",
        "kube-apiserver",
        "kube-controller-manager",
        "kube-scheduler",
        "kubelet",
        "containerd",
    ],
)
def test_a_killed_program_comes_back(
    program: str, cluster: Cluster, node: Node, namespace: str
) -> None:
    node.kill(program)
    assert not node.alive(program)
    node.start(program)
    node.wait_ready()
    cluster.apply(_job("after", ["0"], completions=1), namespace=namespace)
    assert _finished(cluster, "after", namespace)["succeeded"] == 1


def test_a_node_that_went_leaves_nothing(node: Node, tmp_path: Path) -> None:
    second = Node(tmp_path / "second")
    before = _traces(second), shared_settings()
    lifeline = tmp_path / "lifeline"
    os.mkfifo(lifeline)
    holder = os.open(lifeline, os.O_RDWR)

    second.up(lifeline)
    orphans = second.sandbox.processes()
    assert len(orphans) > len(PROGRAMS)
    os.close(holder)
    wait_for(lambda: not _alive(orphans), 180, "the end of the node whose session was killed")

    second.up()
    processes = second.sandbox.processes()
    assert _traces(second) != before[0]
    second.down()
    assert not _alive(processes)
    assert (_traces(second), shared_settings()) == before
    assert not second.layout.state.exists()


def _alive(processes: list[psutil.Process]) -> list[psutil.Process]:
    return [process for process in processes if process.is_running()]


def _traces(node: Node) -> dict[str, list[str]]:
    folders = [folder for folder, _, _ in os.walk("/sys/fs/cgroup")]
    # Only the node's own: others, a build of images for one, mount and unmount at the same time.
    mounts = Path("/proc/1/mountinfo").read_text("utf-8").splitlines()
    return {
        "cgroups": [folder for folder in folders if node.layout.cgroup in folder],
        "mounts": [mount for mount in mounts if str(node.layout.state) in mount],
        "networks": os.listdir("/run/netns") if Path("/run/netns").exists() else [],
    }


def _job(name: str, arguments: list[str], completions: int) -> dict[str, Any]:
    container = {
        "name": "work",
        "image": PAUSE_IMAGE,
        "args": arguments,
        "securityContext": _RESTRICTED,
    }
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": name},
        "spec": {
            "completionMode": "Indexed",
            "completions": completions,
            "parallelism": completions,
            "backoffLimit": 0,
            "template": {
                "spec": {
                    "restartPolicy": "Never",
                    "automountServiceAccountToken": False,
                    "containers": [container],
                }
            },
        },
    }


def _running_pod(cluster: Cluster, job: str, namespace: str) -> dict[str, Any]:
    def running() -> dict[str, Any] | None:
        pods = cluster.find_all("pods", namespace, f"job-name={job}")
        return next((pod for pod in pods if pod["status"]["phase"] == "Running"), None)

    return wait_for(running, 180, f"the pod of job {job}")


def _finished(cluster: Cluster, job: str, namespace: str) -> dict[str, Any]:
    def status() -> dict[str, Any] | None:
        found: dict[str, Any] = cluster.get("job", job, namespace)["status"]
        kinds = {one["type"] for one in found.get("conditions", [])}
        return found if kinds & {"Complete", "Failed"} else None

    return wait_for(status, 180, f"the end of job {job}")
