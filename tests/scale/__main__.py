"""Measure what the operator bears: `python -m tests.scale [--experiments 1000]`.

The control plane is real and shares the machine with the operator; pods are simulated by kwok.
Exit code 1 if a target is missed.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from kubernetes.aio.client import ApiClient, Configuration
from kubernetes.aio.config import load_kube_config

from tests.bench.figures import Figure
from tests.e2e.cluster.access import Cluster, KubectlError, wait_for
from tests.e2e.cluster.node import Node
from tests.scale.operator_process import OperatorProcess, operator
from tests.scale.simulation import ENDS, STAYS, pod_template, simulated_nodes

ROOT = Path(__file__).parents[2]
MIB = 2**20
NAMESPACE = "scale"
RUNNING = 100
AT_ONCE = 32
CREATED_SECONDS, RESTART_SECONDS, MEMORY_MIB = 30, 30, 200


def main() -> int:
    """Measure, print, and say whether all targets are met."""
    parser = argparse.ArgumentParser(prog="python -m tests.scale", description=__doc__)
    parser.add_argument("--experiments", type=int, default=1_000)
    wanted = parser.parse_args().experiments
    with tempfile.TemporaryDirectory(prefix="rowmill-scale-") as name:
        folder = Path(name)
        lifeline = folder / "lifeline"
        os.mkfifo(lifeline)
        held = os.open(lifeline, os.O_RDWR)
        node = Node(folder / "node")
        try:
            node.up(lifeline)
            node.join()
            figures = _measure(Cluster(node.kubeconfig, node), folder, wanted)
        finally:
            node.down()
            os.close(held)
    for figure in figures:
        mark = {True: "yes", False: "NO", None: "-"}[figure.met]
        print(f"{mark:4} {figure.what}: {figure.measured} ({figure.reach})")
    return 1 if any(figure.met is False for figure in figures) else 0


def _measure(cluster: Cluster, folder: Path, wanted: int) -> list[Figure]:
    cluster.apply((ROOT / "crds" / "rowmill.dev_experiments.yaml").read_text("utf-8"))
    wait_for(lambda: _served(cluster), 30, "Experiments are served")
    cluster.kubectl("create", "namespace", NAMESPACE)
    figures: list[Figure] = []
    stay = min(RUNNING, wanted // 10)
    log = folder / "operator.log"
    with simulated_nodes(cluster, folder):
        try:
            with operator(cluster.kubeconfig, log) as running:
                wait_for(
                    lambda: running.metric("rowmill_operator_api_calls_total") > 0,
                    60,
                    "the operator answers",
                )
                figures.append(_creation(cluster, wanted, stay))
                _say(figures[-1].measured)
                _say("waits until all but the running ones are complete")
                wait_for(lambda: _complete(cluster) >= wanted - stay, 900, "the others complete")
                time.sleep(30)
                figures.append(_memory(running, wanted, stay))
            with operator(cluster.kubeconfig, log) as again:
                figures.append(_restart(again, wanted))
                figures.append(_removal(cluster, wanted))
        except BaseException:
            print(log.read_text("utf-8")[-4_000:], file=sys.stderr)
            raise
    return figures


def _creation(cluster: Cluster, wanted: int, stay: int) -> Figure:
    began = time.monotonic()
    created = asyncio.run(_create_all(cluster.kubeconfig, wanted, stay))
    _say(f"{wanted} Experiments created in {created:.1f} s")
    wait_for(lambda: _count(cluster, "jobs") >= wanted, 300, "a Job for each")
    seconds = time.monotonic() - began
    return Figure(
        f"{wanted} Experiments applied at once: all Jobs created",
        f"within {CREATED_SECONDS} s",
        f"{seconds:.1f} s ({wanted / seconds:.0f}/s; creating them took {created:.1f} s)",
        seconds <= CREATED_SECONDS,
    )


def _memory(running: OperatorProcess, wanted: int, stay: int) -> Figure:
    used = running.memory() / MIB
    return Figure(
        f"operator memory with {wanted} experiments, {stay} of them running, validator included",
        f"under {MEMORY_MIB} MiB",
        f"{used:.0f} MiB",
        used < MEMORY_MIB,
    )


def _restart(again: OperatorProcess, wanted: int) -> Figure:
    began = time.monotonic()

    def settled() -> bool:
        looked = again.metric("rowmill_operator_reconcile_seconds_count")
        return looked >= wanted and again.metric("rowmill_operator_queue_depth") == 0

    wait_for(settled, 300, "every experiment was looked at")
    seconds = time.monotonic() - began
    time.sleep(20)
    writes = again.writes()
    return Figure(
        f"operator restart with {wanted} experiments",
        f"settled within {RESTART_SECONDS} s, no write where nothing changed",
        f"{seconds:.1f} s, {writes:.0f} writes in it and the 20 s after",
        seconds <= RESTART_SECONDS and writes == 0,
    )


def _removal(cluster: Cluster, wanted: int) -> Figure:
    began = time.monotonic()
    cluster.kubectl("delete", "experiments", "--all", "-n", NAMESPACE, "--wait=false", seconds=600)

    def gone() -> bool:
        return not any(_count(cluster, kind) for kind in ("jobs", "pods", "configmaps"))

    wait_for(gone, 600, "no child remains")
    seconds = time.monotonic() - began
    return Figure(
        f"{wanted} Experiments deleted", "no child remains", f"after {seconds:.0f} s", True
    )


async def _create_all(kubeconfig: Path, wanted: int, stay: int) -> float:
    configuration = Configuration()
    await load_kube_config(str(kubeconfig), client_configuration=configuration)
    limit = asyncio.Semaphore(AT_ONCE)
    async with ApiClient(configuration) as client:

        async def create(number: int) -> None:
            async with limit:
                await client.call_api(
                    "POST",
                    f"{configuration.host}/apis/rowmill.dev/v1alpha1/namespaces/{NAMESPACE}"
                    "/experiments",
                    {"Content-Type": "application/json"},
                    _experiment(number, STAYS if number < stay else ENDS),
                )

        began = time.monotonic()
        await asyncio.gather(*(create(number) for number in range(wanted)))
        return time.monotonic() - began


def _experiment(number: int, fate: str) -> dict[str, Any]:
    return {
        "apiVersion": "rowmill.dev/v1alpha1",
        "kind": "Experiment",
        "metadata": {"name": f"e{number}"},
        "spec": {
            "seed": number,
            "tables": [
                {
                    "name": "events",
                    "rows": 100_000,
                    "primaryKey": ["id"],
                    "columns": [
                        {"name": "id", "type": "bigint", "generate": {"sequence": {}}},
                        {
                            "name": "name",
                            "type": "text",
                            "generate": {"faker": {"provider": "name"}},
                        },
                        {
                            "name": "n",
                            "type": "integer",
                            "generate": {"integer": {"min": 1, "max": 9}},
                        },
                    ],
                }
            ],
            "destinations": {"postgres": {"secretName": "warehouse"}},
            "podTemplate": pod_template(fate),
        },
    }


def _count(cluster: Cluster, kind: str) -> int:
    """How many of a kind are in the namespace, all of them ours, at little cost to the server."""
    folder = "/apis/batch/v1" if kind == "jobs" else "/api/v1"
    text = cluster.kubectl("get", "--raw", f"{folder}/namespaces/{NAMESPACE}/{kind}?limit=1")
    page = json.loads(text)
    found = len(page["items"]) + int(page["metadata"].get("remainingItemCount") or 0)
    # Every namespace has a ConfigMap of its own, with the cluster's root certificates.
    return found - 1 if kind == "configmaps" else found


def _served(cluster: Cluster) -> bool:
    try:
        cluster.kubectl("get", "experiments")
    except KubectlError:
        return False
    return True


def _complete(cluster: Cluster) -> int:
    words = cluster.kubectl(
        "get", "experiments", "-n", NAMESPACE, "-o", "jsonpath={.items[*].status.phase}"
    )
    return words.split().count("Complete")


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
