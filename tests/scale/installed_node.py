"""A node of its own with the project installed, for measurements that need real pods."""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TypeVar

import psycopg

from tests.e2e.cluster.access import Cluster
from tests.e2e.cluster.images import Image
from tests.e2e.cluster.node import Node
from tests.e2e.experiments import Applied
from tests.e2e.installation import Images, Installation, restricted_labels

NAMESPACE = "measured"
_STACK_NAMESPACE = "measured-stack"
_POSTGRES = "statefulset/postgres"
# When each transaction was committed, by Postgres's own clock.
_TRACKED = "track_commit_timestamp=on"

_Found = TypeVar("_Found")


@dataclass(frozen=True)
class Ground:
    """Where experiments are measured: Experiments of NAMESPACE reach the servers."""

    node: Node
    installation: Installation

    @property
    def cluster(self) -> Cluster:
        return self.installation.cluster

    def settle(self, connection: psycopg.Connection) -> None:
        """Have everything dirty written, so that no measurement pays for the one before."""
        connection.execute("CHECKPOINT")
        os.sync()

    def remove(self, applied: Applied) -> None:
        """Delete an Experiment and wait until nothing of it is there."""
        applied.delete("--cascade=foreground", "--timeout=300s")


def on(node: Node, images: list[Image], work: Callable[[Ground], _Found]) -> _Found:
    """Install the project on a node and do the work in the node's network.

    A thread lives there, so that this one may go on where it is, or join another node.
    """
    for image in images:
        node.load(image.archive)
    names = Images(*(image.name for image in images))

    def installed() -> _Found:
        node.join()
        return work(_install(node, names))

    executor = ThreadPoolExecutor(1)
    try:
        return executor.submit(installed).result()
    finally:
        executor.shutdown(wait=False, cancel_futures=True)


def _install(node: Node, images: Images) -> Ground:
    cluster = Cluster(node.kubeconfig, node)
    installation = Installation(cluster, images, _STACK_NAMESPACE)
    installation.install()
    _track_commits(cluster)
    namespace = {"name": NAMESPACE, "labels": restricted_labels()}
    cluster.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": namespace})
    installation.give_secrets(NAMESPACE)
    return Ground(node, installation)


def _track_commits(cluster: Cluster) -> None:
    """Start Postgres anew with commit timestamps; it holds nothing yet."""
    where = ("--namespace", _STACK_NAMESPACE)
    added = '[{"op": "add", "path": "/spec/template/spec/containers/0/args/-", "value": "%s"}]'
    for argument in ("-c", _TRACKED):
        cluster.kubectl("patch", _POSTGRES, "--type=json", "-p", added % argument, *where)
    cluster.kubectl("rollout", "status", _POSTGRES, "--timeout=180s", *where, seconds=200)
