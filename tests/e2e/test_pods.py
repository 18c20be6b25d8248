"""Pods as the kubelet and Kueue meet them: told to end, kept from writing, held back."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from tests.e2e.cluster.access import Cluster, KubectlError, wait_for
from tests.e2e.experiments import SLOWLY, Applied, named, wide
from tests.e2e.installation import Installation

MANY = 1_500_000
QUEUE = {"kueue.x-k8s.io/queue-name": "batch"}
_SHARD = "batch.kubernetes.io/job-completion-index"
_END = "import os, signal; os.kill(1, signal.SIGTERM)"
# Folders in which a file can be made, but for those where the kernel shows itself.
_WRITABLE = """
import os
for folder, inner, _ in os.walk("/"):
    inner[:] = [name for name in inner if f"{folder}{name}" not in ("/proc", "/sys")]
    try:
        os.close(os.open(f"{folder}/written", os.O_WRONLY | os.O_CREAT))
    except OSError:
        continue
    print(folder)
"""


def test_a_worker_told_to_end_exits_143_and_its_shard_is_not_done(
    cluster: Cluster, installed: Installation, home: str
) -> None:
    found = Applied.of(installed, home, wide(MANY, parallelism=1, resources=SLOWLY))
    found.under_way(1)
    (metadata,) = (pod["metadata"] for pod in found.pods(running=True))
    pod, shard = metadata["name"], int(metadata["labels"][_SHARD])
    # What was run in the container ends with it, and kubectl takes that for a failure.
    with suppress(KubectlError):
        _run_in(cluster, pod, home, _END)
    ended = wait_for(lambda: _end_of(cluster, pod, home), 180, "the end of its container")
    job = cluster.get("job", f"{found.name}-run-1", home)
    assert ended["exitCode"] == 143
    assert shard not in named(job["status"].get("completedIndexes", ""))
    found.delete()


def test_a_worker_can_write_to_its_tmp_alone(
    cluster: Cluster, installed: Installation, home: str
) -> None:
    found = Applied.of(installed, home, wide(MANY))
    pod = wait_for(lambda: next(iter(found.pods(running=True)), None), 180, "a pod at work")
    (container,) = pod["spec"]["containers"]
    assert container["securityContext"]["readOnlyRootFilesystem"] is True
    written = _run_in(cluster, pod["metadata"]["name"], home, _WRITABLE)
    # The container runtime gives every container shared memory of its own.
    assert set(written.split()) - {"/dev/shm", "/dev/mqueue"} == {"/tmp"}
    found.delete()


def test_jobs_with_kueues_label_are_made_suspended_and_are_kueues_from_then_on(
    cluster: Cluster, installed: Installation, home: str
) -> None:
    """The test plays Kueue."""
    found = Applied.of(installed, home, wide(MANY, deletionPolicy="Purge"), labels=QUEUE)
    shards, finalize, purge = (
        f"{found.name}-{job}" for job in ("run-1", "run-1-finalize", "purge")
    )

    def admitted(job: str, **spec: Any) -> None:
        made = wait_for(lambda: cluster.find("job", job, home), 180, f"the Job {job}")
        assert made["spec"]["suspend"] is True
        assert QUEUE.items() <= made["metadata"]["labels"].items()
        found.merge("job", job, {"spec": {"suspend": False, **spec}})

    found.stalled("Queued")
    admitted(shards, parallelism=1)
    found.under_way(5)
    found.merge("job", shards, {"spec": {"suspend": True}})
    found.stalled("Queued")
    wait_for(lambda: not found.pods(running=True), 180, "the end of its pods")
    spec = cluster.get("job", shards, home)["spec"]
    assert (spec["suspend"], spec["parallelism"]) == (True, 1)
    admitted(shards)
    admitted(finalize)
    assert found.complete()["run"]["number"] == 1
    assert found.rows("events") == MANY
    found.delete("--wait=false")
    admitted(purge)
    wait_for(lambda: found.object() is None, 180, "the purge")
    assert found.oid("events") is None


def _run_in(cluster: Cluster, pod: str, namespace: str, script: str) -> str:
    return cluster.kubectl("exec", pod, "--namespace", namespace, "--", "python3", "-c", script)


def _end_of(cluster: Cluster, pod: str, namespace: str) -> dict[str, Any] | None:
    (container,) = cluster.get("pod", pod, namespace)["status"]["containerStatuses"]
    ended: dict[str, Any] | None = container["state"].get("terminated")
    return ended
