"""How soon an experiment starts and ends, against a pod that nobody had to make for it."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Callable
from typing import Any

import psycopg

from tests.bench.figures import Figure, Samples
from tests.e2e.cluster.access import wait_for
from tests.e2e.experiments import Applied, wide
from tests.scale.commits import Commits
from tests.scale.installed_node import NAMESPACE, Ground

MORE_SECONDS, EMPTY_SECONDS = 3.0, 15.0
_ROWS = 20_000
_EXPERIMENTS = f"/apis/rowmill.dev/v1alpha1/namespaces/{NAMESPACE}/experiments"
_PODS = f"/api/v1/namespaces/{NAMESPACE}/pods"
_NOWHERE = {"nodeSelector": {"measured": "nowhere"}}


def measure_start(ground: Ground, rounds: int, say: Callable[[str], None]) -> list[Figure]:
    """Take the rounds, in turn; the empty runs come first, and warm up what the others need."""
    empty = []
    for _ in range(rounds + 1):
        empty.append(_empty_run(ground))
        say(f"empty run, apply to Complete: {empty[-1]:.2f} s")
    applied: list[float] = []
    bare: list[float] = []
    with ground.installation.postgres() as connection:
        for number in range(rounds):
            steps = [
                (_first_row, applied, "Experiment"),
                (_first_row_of_bare_pod, bare, "bare pod"),
            ]
            for step, seconds, what in steps if number % 2 == 0 else reversed(steps):
                seconds.append(step(ground, connection))
                say(f"{what}, apply to first committed row: {seconds[-1]:.2f} s")
    # The first of all runs reads the image from disk, and makes the ledger.
    return [_start(applied, bare), _empty(empty[1:])]


def _start(applied: list[float], bare: list[float]) -> Figure:
    ours, theirs = Samples.of(applied), Samples.of(bare)
    more = ours.median - theirs.median
    return Figure(
        "apply to first committed row, image present, against a bare pod of the same image that is "
        "given the same shard",
        f"at most {MORE_SECONDS:.0f} s more",
        f"{more:.1f} s more: {ours.text()} against {theirs.text()}",
        more <= MORE_SECONDS,
    )


def _empty(seconds: list[float]) -> Figure:
    samples = Samples.of(seconds)
    return Figure(
        "apply to Complete of an empty run",
        f"at most {EMPTY_SECONDS:.0f} s",
        samples.text(),
        samples.median <= EMPTY_SECONDS,
    )


def _empty_run(ground: Ground) -> float:
    began = time.time()
    found = _create(ground, wide(0))
    ground.cluster.kubectl(
        *("wait", "--for=condition=Complete", f"experiment/{found.name}"),
        *("--namespace", NAMESPACE, "--timeout=120s"),
        seconds=130,
    )
    seconds = time.time() - began
    ground.remove(found)
    return seconds


def _first_row(ground: Ground, connection: psycopg.Connection) -> float:
    began = time.time()
    found = _create(ground, wide(_ROWS, parallelism=1))
    first = Commits(connection, found.name).first_seen()
    found.complete()
    ground.remove(found)
    return first - began


def _first_row_of_bare_pod(ground: Ground, connection: psycopg.Connection) -> float:
    """The first shard of an Experiment by a pod as its Job would make it, but without operator."""
    name, config_map, pod = _shard(ground)
    ground.cluster.apply(config_map, namespace=NAMESPACE)
    began = time.time()
    _post(ground, _PODS, pod)
    first = Commits(connection, name).first_seen()
    ground.cluster.kubectl(
        *("wait", "--for=jsonpath={.status.phase}=Succeeded", f"pod/{pod['metadata']['name']}"),
        *("--namespace", NAMESPACE, "--timeout=60s"),
    )
    for kind, one in (("pod", pod), ("configmap", config_map)):
        name = one["metadata"]["name"]
        ground.cluster.kubectl("delete", kind, name, "--namespace", NAMESPACE)
    return first - began


def _shard(ground: Ground) -> tuple[str, dict[str, Any], dict[str, Any]]:
    """Name, plan and first pod of an Experiment that could not run, and is gone."""
    found = _create(ground, wide(_ROWS, parallelism=1, podTemplate=_NOWHERE))
    job = wait_for(lambda: next(iter(found.children("jobs")), None), 60, "a Job")
    plan = next(iter(found.children("configmaps")))
    ground.remove(found)
    name = f"bare-{uuid.uuid4().hex[:8]}"
    config_map = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": name},
        "binaryData": plan["binaryData"],
    }
    pod = job["spec"]["template"]["spec"]
    del pod["nodeSelector"]
    pod["containers"][0]["env"] = [{"name": "JOB_COMPLETION_INDEX", "value": "0"}]
    for volume in pod["volumes"]:
        if "configMap" in volume:
            volume["configMap"]["name"] = name
    return (
        found.name,
        config_map,
        {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name}, "spec": pod},
    )


def _create(ground: Ground, spec: dict[str, Any]) -> Applied:
    found = Applied(ground.installation, NAMESPACE, f"t{uuid.uuid4().hex[:8]}")
    _post(ground, _EXPERIMENTS, found.manifest(spec))
    return found


def _post(ground: Ground, path: str, manifest: dict[str, Any]) -> None:
    """Without what `kubectl apply` does before, which takes it longer for a pod."""
    ground.cluster.kubectl("create", "--raw", path, "-f", "-", input=json.dumps(manifest))
