"""The controller reference that makes a child go with its Experiment."""

from __future__ import annotations

from typing import Any

from rowmill.spec.cluster_names import API_VERSION, KIND


def controller_reference(name: str, uid: str) -> dict[str, Any]:
    """A reference to the Experiment `name`, by which the garbage collector removes the child."""
    return {
        "apiVersion": API_VERSION,
        "kind": KIND,
        "name": name,
        "uid": uid,
        "controller": True,
        "blockOwnerDeletion": True,
    }
