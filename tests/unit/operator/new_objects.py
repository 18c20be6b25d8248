"""Jobs and pods as they are at first, before the cluster in memory does anything to them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from rowmill.spec.cluster_names import ASKED_QUEUE, REQUEST, RUN, SHAPE, TASK
from rowmill_operator.model.observed import Job, Pod


def new_job(manifest: Mapping[str, Any], uid: str, now: datetime) -> Job:
    """A Job of this manifest, of which no pod was started yet."""
    meta, spec = manifest["metadata"], manifest["spec"]
    return Job(
        name=meta["name"],
        uid=uid,
        resource_version="1",
        owner_uid=meta["ownerReferences"][0]["uid"],
        deleted=False,
        task=meta["labels"][TASK],
        number=int(meta["labels"][RUN]),
        digest=meta["labels"]["rowmill.dev/digest"],
        shape=meta["annotations"][SHAPE],
        queue=meta["annotations"][ASKED_QUEUE],
        created=now,
        suspended=spec["suspend"],
        parallelism=spec.get("parallelism", 1),
        completions=spec.get("completions", 1),
        active=0,
        terminating=0,
        succeeded=0,
        completed_indexes=(),
        failed_indexes=(),
        complete=False,
        failed=None,
        finished=None,
        request=meta["annotations"].get(REQUEST, ""),
    )


def new_pod(owner: Job, index: int | None, number: int, now: datetime) -> Pod:
    """A running pod of a Job; `number` tells it from all others."""
    return Pod(
        name=f"{owner.name}-{'x' if index is None else index}-{number}",
        uid=f"pod-{number}",
        job_uid=owner.uid,
        task=owner.task,
        number=owner.number,
        index=index,
        created=now,
        deleted=None,
        phase="Running",
        ip="10.0.0.1",
        node="node1",
        running=True,
        waiting=None,
        unschedulable="",
        disrupted="",
        termination=None,
    )
