"""By what a child is known for its Experiment's: the controller reference and the labels."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rowmill.spec.cluster_names import (
    API_VERSION,
    APP,
    DIGEST,
    EXPERIMENT,
    KIND,
    MANAGED_BY,
    PURGE,
    RUN,
    TASK,
)


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


def lost_labels(wanted: Mapping[str, str], found: Mapping[str, str]) -> dict[str, str]:
    """The labels that somebody took off a child of ours, or changed; those of queues aside.

    Watches and lists go by them, so a child without them is seen no more. A digest that is there
    stays: it may be that of another spec. So does the run of a purge, which may be any.
    """
    ours = {APP, MANAGED_BY, EXPERIMENT, TASK, DIGEST, RUN}
    kept = {DIGEST, RUN} if wanted.get(TASK) == PURGE else {DIGEST}
    return {
        name: wanted[name]
        for name in ours & set(wanted)
        if found.get(name) != wanted[name] and not (name in kept and name in found)
    }
