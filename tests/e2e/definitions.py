"""Custom resources of the tests' own, there for as long as a test needs them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from tests.e2e.cluster.access import Cluster, KubectlError, wait_for


@contextmanager
def defined(cluster: Cluster, definition: Mapping[str, Any]) -> Iterator[None]:
    """Have the API server serve what a CustomResourceDefinition says; afterwards it is gone."""
    name = definition["metadata"]["name"]
    cluster.apply(definition)
    try:
        # Not `kubectl wait`: it fails on a definition that has no condition yet.
        wait_for(lambda: _serves(cluster, name), 180, f"{name} to be served")
        yield
    finally:
        cluster.kubectl("delete", "crd", name)
        # Else `experiments` goes on to mean the one that is gone.
        wait_for(lambda: not _serves(cluster, name), 180, f"{name} to be gone")
        cluster.forget_resources()


def _serves(cluster: Cluster, resource: str) -> bool:
    try:
        cluster.kubectl("get", resource, "--all-namespaces")
    except KubectlError:
        return False
    return True
