"""Many Experiments at once: made, counted and removed at little cost to the API server."""

from __future__ import annotations

import asyncio
import json
import time
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from kubernetes.aio.client import ApiClient, Configuration
from kubernetes.aio.config import load_kube_config

from tests.e2e.cluster.access import Cluster
from tests.scale.simulation import ENDS, STAYS, pod_template

NAMESPACE = "scale"
TABLE = "events"
_FOLDER = f"/apis/rowmill.dev/v1alpha1/namespaces/{NAMESPACE}/experiments"
_AT_ONCE = 32
# One table, in a few batches or in more than a pod can make while it is watched.
_FEW, _MANY = 100_000, 10**10


def create_all(kubeconfig: Path, wanted: int, stay: int) -> float:
    """Create so many Experiments, of which the first `stay` go on running; seconds it took."""
    bodies = [_experiment(number, stays=number < stay) for number in range(wanted)]
    return asyncio.run(_call_each(kubeconfig, "POST", [("", body) for body in bodies]))


def remove_all(kubeconfig: Path, wanted: int) -> float:
    """Ask for the removal of so many Experiments; seconds it took to ask."""
    names = [f"/{name_of(number)}" for number in range(wanted)]
    return asyncio.run(_call_each(kubeconfig, "DELETE", [(name, None) for name in names]))


def name_of(number: int) -> str:
    """What the Experiment of this number is called."""
    return f"e{number}"


def count(kubeconfig: Path, kind: str) -> int:
    """How many objects of a kind are in the namespace, all of them ours."""
    folders = {"jobs": "/apis/batch/v1", "experiments": "/apis/rowmill.dev/v1alpha1"}
    path = f"{folders.get(kind, '/api/v1')}/namespaces/{NAMESPACE}/{kind}?limit=1"
    page = asyncio.run(_get(kubeconfig, path))
    found = len(page["items"]) + int(page["metadata"].get("remainingItemCount") or 0)
    # Every namespace has a ConfigMap of its own, with the cluster's root certificates.
    return found - 1 if kind == "configmaps" else found


def phases(cluster: Cluster) -> Counter[str]:
    """How many Experiments are in which phase."""
    words = cluster.kubectl(
        *("get", "experiments", "--namespace", NAMESPACE),
        *("--output", "jsonpath={.items[*].status.phase}"),
    )
    return Counter(words.split())


async def _call_each(
    kubeconfig: Path, method: str, calls: Sequence[tuple[str, dict[str, Any] | None]]
) -> float:
    """Make calls, each below the folder of Experiments, some at a time; seconds it took."""
    limit = asyncio.Semaphore(_AT_ONCE)
    async with _client(kubeconfig) as client:

        async def call(path: str, body: dict[str, Any] | None) -> None:
            async with limit:
                await _answer(client, method, _FOLDER + path, body)

        began = time.monotonic()
        await asyncio.gather(*(call(path, body) for path, body in calls))
        return time.monotonic() - began


async def _get(kubeconfig: Path, path: str) -> dict[str, Any]:
    """What kubectl would get, at less than a tenth of its CPU: the machine is shared."""
    async with _client(kubeconfig) as client:
        return await _answer(client, "GET", path, None)


@asynccontextmanager
async def _client(kubeconfig: Path) -> AsyncIterator[ApiClient]:
    configuration = Configuration()
    await load_kube_config(str(kubeconfig), client_configuration=configuration)
    async with ApiClient(configuration) as client:
        yield client


async def _answer(
    client: ApiClient, method: str, path: str, body: dict[str, Any] | None
) -> dict[str, Any]:
    url, headers = client.configuration.host + path, {"Content-Type": "application/json"}
    response = await client.call_api(method, url, headers, body)
    content = await response.read()
    if response.status not in (200, 201):
        raise RuntimeError(f"{method} {path}: {content!r}")
    document: dict[str, Any] = json.loads(content)
    return document


def _experiment(number: int, *, stays: bool) -> dict[str, Any]:
    columns = [
        {"name": "id", "type": "bigint", "generate": {"sequence": {}}},
        {"name": "name", "type": "text", "generate": {"faker": {"provider": "name"}}},
        {"name": "n", "type": "integer", "generate": {"integer": {"min": 1, "max": 9}}},
    ]
    table = {
        "name": TABLE,
        "rows": _MANY if stays else _FEW,
        "primaryKey": ["id"],
        "columns": columns,
    }
    return {
        "apiVersion": "rowmill.dev/v1alpha1",
        "kind": "Experiment",
        "metadata": {"name": name_of(number)},
        "spec": {
            "seed": number,
            "tables": [table],
            "destinations": {"postgres": {"secretName": "warehouse"}},
            "podTemplate": pod_template(STAYS if stays else ENDS),
        },
    }
