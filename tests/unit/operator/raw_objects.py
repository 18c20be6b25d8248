"""Objects as an API server sends them, for the tests of what reads them."""

from __future__ import annotations

import base64
from datetime import datetime
from typing import Any

from rowmill.plan.bundle import Bundle, pack
from rowmill.spec.cluster import Defaults
from rowmill_operator.children.plan import config_map
from rowmill_operator.memory.views import read_experiment
from rowmill_operator.model.observed import FrozenPlan
from tests.unit.operator.memory_cluster import small_plan

UID = "68d370a5-aeff-4978-9859-cd41112fb276"
CREATED = "2026-03-01T12:00:00Z"
DIGEST = "sha256:" + "ab" * 32


def raw_experiment(name: str = "shop", *, version: int = 10, **changes: Any) -> dict[str, Any]:
    """An Experiment `team/NAME`; `meta`, `spec` and `status` add to it."""
    return {
        "apiVersion": "rowmill.dev/v1alpha1",
        "kind": "Experiment",
        "metadata": {
            "name": name,
            "namespace": "team",
            "uid": UID,
            "generation": 1,
            "resourceVersion": str(version),
            "creationTimestamp": CREATED,
            **changes.get("meta", {}),
        },
        "spec": {
            "tables": [
                {
                    "name": "t",
                    "rows": 3_000,
                    "columns": [
                        {"name": "id", "type": "bigint", "generate": {"sequence": {}}},
                    ],
                }
            ],
            "destinations": {"postgres": {"secretName": "warehouse"}},
            **changes.get("spec", {}),
        },
        "status": changes.get("status", {}),
    }


def raw_meta(
    name: str, uid: str, *, task: str, version: int = 20, owner: str = UID, **labels: str
) -> dict[str, Any]:
    """The metadata of a child of `team/shop`'s run 1."""
    return {
        "name": name,
        "namespace": "team",
        "uid": uid,
        "resourceVersion": str(version),
        "creationTimestamp": CREATED,
        "labels": {
            "app.kubernetes.io/managed-by": "rowmill",
            "rowmill.dev/experiment": "shop",
            "rowmill.dev/run": "1",
            "rowmill.dev/task": task,
            "rowmill.dev/digest": "ab" * 16,
            **labels,
        },
        "ownerReferences": [
            {"kind": "ReplicaSet", "uid": "another", "controller": False},
            {"kind": "Experiment", "uid": owner, "controller": True},
        ],
    }


def raw_job(
    name: str = "shop-run-1", uid: str = "job-1", *, version: int = 20, **changes: Any
) -> dict[str, Any]:
    """A shard Job of four indexes."""
    meta = raw_meta(name, uid, task="shard", version=version) | changes.get("meta", {})
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": meta | {"annotations": {"rowmill.dev/shape": "s1"}},
        "spec": {"parallelism": 2, "completions": 4, "suspend": False} | changes.get("spec", {}),
        "status": changes.get("status", {}),
    }


def raw_pod(
    name: str = "shop-run-1-3-abcde",
    uid: str = "pod-1",
    *,
    version: int = 30,
    job: str = "job-1",
    state: dict[str, Any] | None = None,
    **changes: Any,
) -> dict[str, Any]:
    """A pod of shard 3; `state` is its container's."""
    meta = raw_meta(name, uid, task="shard", version=version, owner=job)
    meta["labels"]["batch.kubernetes.io/job-completion-index"] = "3"
    return {
        "metadata": meta | changes.get("meta", {}),
        "spec": {"nodeName": "node1"},
        "status": {
            "phase": "Running",
            "podIP": "10.244.1.7",
            "containerStatuses": [{"name": "worker", "state": state or {}}],
            **changes.get("status", {}),
        },
    }


def frozen(rerun: str = "") -> FrozenPlan:
    """The plan of run 1 of `team/shop`, as it is observed."""
    return FrozenPlan(
        name="shop-run-1",
        uid="plan-1",
        owner_uid=UID,
        deleted=False,
        number=1,
        created=datetime.fromisoformat(CREATED),
        engine="here",
        image="worker:1",
        adopt=None,
        rerun=rerun,
        defaults=Defaults(),
        destinations={"postgres": {"secretName": "warehouse"}},
        plan=small_plan(DIGEST),
        release="here/rowmill",
        seen=10,
    )


def raw_plan(plan: FrozenPlan, *, version: int = 15) -> dict[str, Any]:
    """The ConfigMap of run 1 of `team/shop`, with this plan in it."""
    bundle, found = bundle_of(plan), read_experiment(raw_experiment())
    manifest = config_map(found, 1, DIGEST, bundle, plan.release)
    manifest["metadata"] |= {"uid": "plan-1", "resourceVersion": str(version)}
    return manifest | {"metadata": manifest["metadata"] | {"creationTimestamp": CREATED}}


def bundle_of(plan: FrozenPlan) -> bytes:
    """A bundle as the validator writes it."""
    return pack(
        Bundle(
            engine=plan.engine,
            namespace="team",
            uid=UID,
            number=plan.number,
            adopt=plan.adopt,
            image=plan.image,
            manifest={"spec": {"rerun": plan.rerun, "destinations": plan.destinations}},
            defaults=plan.defaults,
            plan=plan.plan,
        )
    )


def raw_event(about: str, uid: str, reason: str = "FailedMount", **changes: Any) -> dict[str, Any]:
    """A Warning about a pod, or what `kind` says.

    `last` is when it was written by the API server's clock, `reported` by its writer's own.
    """
    last = changes.get("last", CREATED)
    meta = {"name": "e1", "namespace": "team", "creationTimestamp": CREATED}
    return {
        "metadata": meta | {"managedFields": [{"manager": "kubelet", "time": last}]},
        "involvedObject": {
            "kind": changes.get("kind", "Pod"),
            "namespace": "team",
            "name": about,
            "uid": uid,
        },
        "type": "Warning",
        "reason": reason,
        "message": changes.get("message", 'secret "warehouse" not found'),
        "lastTimestamp": changes.get("told", last),
    }


def in_base64(data: bytes) -> str:
    """As `binaryData` holds it."""
    return base64.b64encode(data).decode()
