"""Runs that are reset and verified, for the tests of when and how often that is done."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rowmill_operator.model.actions import CreateJob
from tests.unit.operator.memory_cluster import MemoryCluster, experiment

RUN, FINALIZE = "shop-run-1", "shop-run-1-finalize"
RESET, VERIFY = "shop-run-1-reset", "shop-run-1-verify"
# What the pod of a reset tells.
REMOVED: dict[str, Any] = {
    "message": "removed 5 tables with 10 rows",
    "purged": "removed",
    "removed": {"tables": 5, "rows": 10, "objects": 2},
}
# What the pod of a verify tells.
SAME = {"id": "abc", "identical": True, "rows": 2_500, "checksum": "sha256:ab"}
OTHER = SAME | {"identical": False, "differences": 3, "where": "people in postgres"}


def published(**settings: Any) -> MemoryCluster:
    """Run 1 is published."""
    cluster = MemoryCluster(experiment(settings=settings))
    cluster.finish_run(run="abc")
    return cluster


def suspended_and_to_be_reset() -> MemoryCluster:
    """Run 1 is suspended, and the Job of its reset is there."""
    cluster = MemoryCluster(experiment())
    cluster.begin_run()
    cluster.change(settings={"suspend": True})
    cluster.settle()
    cluster.annotate(reset="1")
    cluster.settle()
    assert list(cluster.jobs) == [RESET]
    return cluster


def made(cluster: MemoryCluster) -> list[str]:
    """The names of the Jobs that were made, in that order."""
    return [a.manifest["metadata"]["name"] for a in cluster.log if isinstance(a, CreateJob)]


def removed(cluster: MemoryCluster, number: int = 1) -> None:
    """The pod of a reset removes the data of the run."""
    cluster.complete_job(f"shop-run-{number}-reset", **REMOVED)
    cluster.settle()


def verified(cluster: MemoryCluster) -> tuple[str, str]:
    """What the condition Verified says."""
    condition = cluster.condition("Verified")
    return condition["status"], condition["reason"]


def found(cluster: MemoryCluster, number: int = 1, what: Mapping[str, Any] = SAME) -> None:
    """The pod of a verify tells what it found."""
    cluster.complete_job(f"shop-run-{number}-verify", verified=what)
    cluster.settle()


def begin_another(cluster: MemoryCluster) -> None:
    """Begin run 2."""
    cluster.digest = "sha256:" + "b" * 64
    cluster.change(settings={"seed": 2})
    cluster.settle()
