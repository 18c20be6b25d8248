"""Slim typed views of what the API server sends: pure functions of the raw JSON."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from rowmill.plan.bundle import FILE, unpack
from rowmill.plan.intervals import parse
from rowmill.plan.pod_report import PodReport
from rowmill.spec.cluster_names import (
    ASK_RESET,
    ASKED_QUEUE,
    DIGEST,
    INDEX,
    QUEUE,
    RELEASE,
    REQUEST,
    RUN,
    SEEN,
    SHAPE,
    TASK,
)
from rowmill_operator.children.pod import CONTAINER
from rowmill_operator.memory.stored_status import read_status
from rowmill_operator.model.observed import (
    Experiment,
    Failure,
    FrozenPlan,
    Job,
    Pod,
    Termination,
    Warned,
)
from rowmill_operator.model.shortening import shortened

Raw = Mapping[str, Any]

_MESSAGE_CHARACTERS = 2_048
_STARTING = {"ContainerCreating", "PodInitializing"}
_LONG_AGO = datetime.fromtimestamp(0, UTC)


def read_experiment(raw: Raw) -> Experiment:
    """The view of an Experiment, without its tables and its DDL."""
    meta, spec = raw["metadata"], raw.get("spec") or {}
    return Experiment(
        namespace=meta["namespace"],
        name=meta["name"],
        uid=meta["uid"],
        generation=meta.get("generation", 1),
        resource_version=meta.get("resourceVersion", ""),
        created=_time(meta.get("creationTimestamp")) or _LONG_AGO,
        deleted=_time(meta.get("deletionTimestamp")),
        finalizers=tuple(meta.get("finalizers") or ()),
        labels=meta.get("labels") or {},
        annotations=_annotations(meta),
        settings={key: value for key, value in spec.items() if key not in ("tables", "schema")},
        status=read_status(raw.get("status") or {}),
        bytes=len(json.dumps(spec, separators=(",", ":"), ensure_ascii=False).encode()),
    )


def read_job(raw: Raw) -> Job:
    """The view of a Job."""
    meta, spec, status = raw["metadata"], raw.get("spec") or {}, raw.get("status") or {}
    conditions = _conditions(status)
    failed = conditions.get("Failed")
    return Job(
        name=meta["name"],
        uid=meta["uid"],
        resource_version=meta.get("resourceVersion", ""),
        owner_uid=_controller(meta),
        deleted=meta.get("deletionTimestamp") is not None,
        task=_label(meta, TASK),
        number=_number(_label(meta, RUN)),
        digest=_label(meta, DIGEST),
        shape=(meta.get("annotations") or {}).get(SHAPE, ""),
        queue=(meta.get("annotations") or {}).get(ASKED_QUEUE, _label(meta, QUEUE)),
        created=_time(meta.get("creationTimestamp")) or _LONG_AGO,
        suspended=bool(spec.get("suspend")),
        parallelism=_count(spec.get("parallelism"), 1),
        completions=_count(spec.get("completions"), 1),
        active=_count(status.get("active")),
        terminating=_count(status.get("terminating")),
        succeeded=_count(status.get("succeeded")),
        completed_indexes=tuple(parse(status.get("completedIndexes", ""))),
        failed_indexes=tuple(parse(status.get("failedIndexes", ""))),
        complete="Complete" in conditions,
        failed=_failure(failed) if failed is not None else None,
        finished=_finished(meta, status, conditions.get("Complete") or failed),
        request=(meta.get("annotations") or {}).get(REQUEST, ""),
    )


def read_pod(raw: Raw) -> Pod:
    """The view of a pod; only the worker counts, whatever a webhook has set beside it."""
    meta, status = raw["metadata"], raw.get("status") or {}
    conditions = _conditions(status)
    containers = status.get("containerStatuses") or ()
    worker: Raw = next((one for one in containers if one["name"] == CONTAINER), {})
    state = worker.get("state") or {}
    index = _label(meta, INDEX) or (meta.get("annotations") or {}).get(INDEX, "")
    return Pod(
        name=meta["name"],
        uid=meta["uid"],
        job_uid=_controller(meta),
        task=_label(meta, TASK),
        number=_number(_label(meta, RUN)),
        index=int(index) if index.isdecimal() else None,
        created=_time(meta.get("creationTimestamp")) or _LONG_AGO,
        deleted=_time(meta.get("deletionTimestamp")),
        phase=status.get("phase", ""),
        ip=status.get("podIP", ""),
        node=(raw.get("spec") or {}).get("nodeName", ""),
        running="running" in state,
        waiting=_waiting(state.get("waiting") or {}),
        unschedulable=_unschedulable(status),
        disrupted=conditions.get("DisruptionTarget", {}).get("reason", ""),
        termination=_termination(state["terminated"]) if "terminated" in state else None,
    )


def read_plan(raw: Raw) -> FrozenPlan:
    """The view of a run's ConfigMap.

    Raises:
        ValueError: it holds no bundle that this operator can read.
    """
    meta = raw["metadata"]
    bundle = unpack(_binary(raw, FILE))
    return FrozenPlan(
        name=meta["name"],
        uid=meta["uid"],
        owner_uid=_controller(meta),
        deleted=meta.get("deletionTimestamp") is not None,
        number=bundle.number,
        created=_time(meta.get("creationTimestamp")) or _LONG_AGO,
        engine=bundle.engine,
        image=bundle.image,
        adopt=bundle.adopt,
        rerun=bundle.rerun,
        defaults=bundle.defaults,
        destinations=_destinations(bundle.manifest["spec"]),
        plan=bundle.plan,
        release=str((meta.get("annotations") or {}).get(RELEASE, "")),
        seen=_number((meta.get("annotations") or {}).get(SEEN, "")),
        asked_reset=str((meta.get("annotations") or {}).get(ASK_RESET, "")),
    )


def read_warning(raw: Raw) -> Warned:
    """The view of an Event.

    Its own times are by the clock of who wrote it, such as a node's.
    """
    series = raw.get("series") or {}
    moments = (
        series.get("lastObservedTime"),
        raw.get("lastTimestamp"),
        raw.get("eventTime"),
        raw.get("firstTimestamp"),
        raw["metadata"].get("creationTimestamp"),
    )
    return Warned(
        about=(raw.get("involvedObject") or {}).get("name", ""),
        reason=raw.get("reason", ""),
        message=shortened(raw.get("message") or "", _MESSAGE_CHARACTERS),
        last=_stamped(raw["metadata"])
        or next((_time(moment) or _LONG_AGO for moment in moments if moment), _LONG_AGO),
    )


def experiments_named(child: str) -> Iterable[str]:
    """The names that an experiment may have whose child, or child's pod, is called `child`."""
    return (child[: at.start()] for at in re.finditer(r"-(?:run-[0-9]+|purge)(?=-|$)", child))


def _destinations(spec: Raw) -> Mapping[str, Mapping[str, Any]]:
    """Where a frozen manifest sends rows, by the name of the destination."""
    found = spec.get("destinations")
    named = found.items() if isinstance(found, Mapping) else ()
    return {str(name): value for name, value in named if isinstance(value, Mapping)}


def _binary(config_map: Raw, key: str) -> bytes:
    return base64.b64decode((config_map.get("binaryData") or {}).get(key, ""), validate=True)


def _time(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


def _stamped(meta: Raw, subresource: str | None = None) -> datetime | None:
    """When it was written last by the API server's own clock, or a subresource of it was.

    None where something has taken the record of who wrote what away.
    """
    writes = (
        _time(one.get("time"))
        for one in meta.get("managedFields") or ()
        if subresource in (None, one.get("subresource"))
    )
    return max(filter(None, writes), default=None)


def _controller(meta: Raw) -> str:
    owners = meta.get("ownerReferences") or ()
    return next((str(owner["uid"]) for owner in owners if owner.get("controller")), "")


def _label(meta: Raw, name: str) -> str:
    return str((meta.get("labels") or {}).get(name, ""))


def _annotations(meta: Raw) -> dict[str, str]:
    # kubectl keeps a whole copy of the manifest in one.
    noise = "kubectl.kubernetes.io/last-applied-configuration"
    return {key: value for key, value in (meta.get("annotations") or {}).items() if key != noise}


def _number(text: str) -> int:
    return int(text) if text.isdecimal() else 0


def _count(value: int | None, default: int = 0) -> int:
    return default if value is None else value


def _conditions(status: Raw) -> dict[str, Raw]:
    """The conditions that hold, by type."""
    return {c["type"]: c for c in status.get("conditions") or () if c.get("status") == "True"}


def _unschedulable(status: Raw) -> str:
    for condition in status.get("conditions") or ():
        if condition.get("type") == "PodScheduled" and condition.get("status") == "False":
            return shortened(condition.get("message", ""), _MESSAGE_CHARACTERS)
    return ""


def _finished(meta: Raw, status: Raw, ended: Raw | None) -> datetime | None:
    """When the condition `ended` was written; its own times are by the Job controller's clock."""
    if ended is None:
        return None
    reported = status.get("completionTime") or ended.get("lastTransitionTime")
    return _stamped(meta, "status") or _time(reported)


def _failure(condition: Raw) -> Failure:
    return Failure(
        condition.get("reason", ""), shortened(condition.get("message", ""), _MESSAGE_CHARACTERS)
    )


def _waiting(waiting: Raw) -> Failure | None:
    if not waiting or waiting.get("reason", "") in _STARTING:
        return None
    return _failure(waiting)


def _termination(terminated: Raw) -> Termination:
    return Termination(
        code=terminated.get("exitCode", 0),
        reason=terminated.get("reason", ""),
        finished=_time(terminated.get("finishedAt")),
        report=PodReport.parse(terminated.get("message") or ""),
    )
