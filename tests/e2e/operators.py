"""The operator's pods: how many are at work, and none for a while."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tests.e2e.cluster.access import Cluster, wait_for
from tests.e2e.installation import RELEASE, RELEASE_NAMESPACE

_OPERATOR = "app.kubernetes.io/component=operator"


@contextmanager
def operators_at_work(cluster: Cluster, replicas: int) -> Iterator[None]:
    """So many operators; afterwards one again."""
    _scale(cluster, replicas)
    try:
        yield
    finally:
        _scale(cluster, 1)


def operators(cluster: Cluster) -> list[dict[str, Any]]:
    """The pods of the operator."""
    return cluster.find_all("pods", RELEASE_NAMESPACE, _OPERATOR)


def _scale(cluster: Cluster, replicas: int) -> None:
    options = ("--namespace", RELEASE_NAMESPACE)
    cluster.kubectl("scale", f"deployment/{RELEASE}", f"--replicas={replicas}", *options)

    def settled() -> bool:
        pods = operators(cluster)
        ready = [pod for pod in pods if _is_ready(pod)]
        return len(pods) == len(ready) == replicas

    wait_for(settled, 180, f"{replicas} operators")


def _is_ready(pod: dict[str, Any]) -> bool:
    conditions = {one["type"]: one["status"] for one in pod["status"].get("conditions", [])}
    return conditions.get("Ready") == "True"
