"""Nodes of simulated pods, by kwok: they run at once, and end if their label says so."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml

from tests.e2e.cluster import binaries
from tests.e2e.cluster.access import Cluster

ENDS, STAYS = "ends", "stays"
# Of the networks for benchmarks (RFC 2544): no cluster's own, no route of anybody's.
POD_ADDRESS = "198.18.0.1"
_MARK = "kwok.x-k8s.io/node"
_NODES = 4
_PODS = 1_000


def pod_template(fate: str) -> dict[str, Any]:
    """What an Experiment's `podTemplate` must say for its pods to be simulated."""
    return {
        "labels": {"simulated": fate},
        "nodeSelector": {"type": "simulated"},
        "tolerations": [{"key": _MARK, "operator": "Exists", "effect": "NoSchedule"}],
    }


@contextmanager
def simulated_nodes(cluster: Cluster, folder: Path) -> Iterator[None]:
    """Nodes without a kubelet whose pods kwok plays, as long as the block lasts."""
    for number in range(_NODES):
        cluster.apply(_node(f"simulated-{number}"))
    config = folder / "kwok.yaml"
    config.write_text(yaml.safe_dump_all(_stages()), encoding="utf-8")
    command = [
        str(binaries.go_program("kwok")),
        f"--kubeconfig={cluster.kubeconfig}",
        f"--config={config}",
        "--manage-all-nodes=false",
        f"--manage-nodes-with-annotation-selector={_MARK}=fake",
        "--node-lease-duration-seconds=40",
    ]
    with (folder / "kwok.log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log)
        try:
            yield
        finally:
            process.terminate()
            process.wait()


def _node(name: str) -> dict[str, Any]:
    room = {"cpu": "1000", "memory": "4000Gi", "pods": str(_PODS), "ephemeral-storage": "1000Gi"}
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {
            "name": name,
            "annotations": {_MARK: "fake"},
            "labels": {"type": "simulated", "kubernetes.io/hostname": name},
        },
        "spec": {"taints": [{"key": _MARK, "value": "fake", "effect": "NoSchedule"}]},
        "status": {"allocatable": room, "capacity": room, "phase": "Running"},
    }


def _stages() -> list[dict[str, Any]]:
    return [
        _stage(
            "node-ready",
            {"apiGroup": "v1", "kind": "Node"},
            [
                _expression(
                    '.status.conditions.[] | select( .type == "Ready" ) | .status',
                    "NotIn",
                    ["True"],
                )
            ],
            {
                "statusTemplate": (
                    "conditions:\n"
                    "- {type: Ready, status: 'True', reason: Simulated, message: simulated,\n"
                    "   lastHeartbeatTime: {{ Now | Quote }},\n"
                    "   lastTransitionTime: {{ Now | Quote }}}\n"
                )
            },
        ),
        _stage(
            "pod-runs",
            {"apiGroup": "v1", "kind": "Pod"},
            [
                _expression(".metadata.deletionTimestamp", "DoesNotExist"),
                _expression(".status.phase", "In", ["Pending"]),
            ],
            {"statusTemplate": _RUNS},
        ),
        _stage(
            "pod-ends",
            {"apiGroup": "v1", "kind": "Pod"},
            [
                _expression(".metadata.deletionTimestamp", "DoesNotExist"),
                _expression(".status.phase", "In", ["Running"]),
                _expression(".metadata.labels.simulated", "In", [ENDS]),
            ],
            {"statusTemplate": _ENDS},
            delay=1_000,
        ),
        _stage(
            "pod-goes",
            {"apiGroup": "v1", "kind": "Pod"},
            [_expression(".metadata.deletionTimestamp", "Exists")],
            {"delete": True},
        ),
    ]


_RUNS = (
    f"podIP: {POD_ADDRESS}\npodIPs: [{{ip: {POD_ADDRESS}}}]"
    + """
{{ $now := Now }}
phase: Running
startTime: {{ $now | Quote }}
conditions:
- {type: Ready, status: "True", lastTransitionTime: {{ $now | Quote }}}
containerStatuses:
{{ range .spec.containers }}
- image: {{ .image | Quote }}
  imageID: ""
  name: {{ .name | Quote }}
  ready: true
  restartCount: 0
  started: true
  state: {running: {startedAt: {{ $now | Quote }}}}
{{ end }}
"""
)
_ENDS = """
{{ $now := Now }}
{{ $root := . }}
phase: Succeeded
containerStatuses:
{{ range .spec.containers }}
- image: {{ .image | Quote }}
  imageID: ""
  name: {{ .name | Quote }}
  ready: false
  restartCount: 0
  started: false
  state:
    terminated: {exitCode: 0, finishedAt: {{ $now | Quote }}, reason: Completed,
                 startedAt: {{ $root.status.startTime | Quote }}, message: '{"code": 0}'}
{{ end }}
"""


def _expression(key: str, operator: str, values: list[str] | None = None) -> dict[str, Any]:
    found: dict[str, Any] = {"key": key, "operator": operator}
    return found | ({"values": values} if values is not None else {})


def _stage(
    name: str,
    resource: dict[str, str],
    expressions: list[dict[str, Any]],
    following: dict[str, Any],
    *,
    delay: int = 0,
) -> dict[str, Any]:
    return {
        "apiVersion": "kwok.x-k8s.io/v1alpha1",
        "kind": "Stage",
        "metadata": {"name": name},
        "spec": {
            "resourceRef": resource,
            "selector": {"matchExpressions": expressions},
            "next": following,
            "delay": {"durationMilliseconds": delay},
        },
    }
