"""An Experiment deleted with its data, or without."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rowmill.cluster.experiment import Experiment
from rowmill.cluster.namespace import Cluster, Raw
from rowmill.cluster.steering import patched_as_read
from rowmill.spec.cluster_names import FINALIZER


def delete_experiment(cluster: Cluster, name: str, *, purge: bool) -> None:
    """Set what becomes of its data, and delete it.

    Raises:
        Conflict: Deleting, it goes without a purge; Changed, it is written so often that nothing
            can be set, or another has its name.
    """
    found = _to_be_purged(cluster, name) if purge else _to_be_kept(cluster, name)
    # One that was made anew under its name is another's.
    cluster.delete(name, str(found["metadata"].get("uid")))


def _to_be_kept(cluster: Cluster, name: str) -> Raw:
    policy = {"spec": {"deletionPolicy": "Retain"}}
    return patched_as_read(cluster, name, lambda found: (policy, found))


def _to_be_purged(cluster: Cluster, name: str) -> Raw:
    """Have the operator's finalizer there before the deletion.

    The operator sets it by itself, a look later: what is deleted by then is gone at once, and its
    data stays.
    """

    def decided(found: Raw) -> tuple[Raw, Raw]:
        if FINALIZER not in (found["metadata"].get("finalizers") or ()):
            # The API server takes no more finalizers of one that is being deleted.
            Experiment(found).refuse_if_leaving()
        return _held(found["metadata"]), found

    return patched_as_read(cluster, name, decided)


def _held(metadata: Mapping[str, Any]) -> dict[str, Any]:
    """The policy and the finalizer; a merge patch replaces all of a list, so none may change it."""
    there = [each for each in metadata.get("finalizers") or () if each != FINALIZER]
    return {
        "metadata": {"finalizers": [*there, FINALIZER]},
        "spec": {"deletionPolicy": "Purge"},
    }
