"""What an Experiment's settings ask of the operator, with the cluster's defaults filled in."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from rowmill.plan.pod_contract import DEFAULT_PARALLELISM
from rowmill.spec.cluster import is_reserved
from rowmill.spec.cluster_names import QUEUE, RERUN
from rowmill_operator.model.observed import Experiment
from rowmill_operator.model.settings import Settings

DEFAULT_RETRIES = 6
DEFAULT_HISTORY = 10


@dataclass(frozen=True)
class DesiredState:
    """How the run is to be run. `parquet_types` is None without Parquet.

    `pod` is podTemplate without what the chart does not allow: a refused spec has a desired state
    too, and while a run of the spec before it is on its way, pods are made by that.

    `shape` changes with all that shapes pods and that the Experiment's author sets: a Job made for
    another shape is made again. `queue` is Kueue's queue, "" without one.
    """

    suspend: bool
    parallelism: int
    retries: int
    ttl: int | None
    purge: bool
    history: int
    rerun: str
    parquet_types: str | None
    resources: Mapping[str, Any]
    pod: Mapping[str, Any]
    shape: str
    queue: str


def desired_state_of(experiment: Experiment, settings: Settings) -> DesiredState:
    """Read an Experiment's settings, which the API server has checked against the CRD."""
    spec = experiment.settings
    destinations = spec.get("destinations") or {}
    resources = spec.get("resources") or {}
    pod = _allowed(spec.get("podTemplate") or {}, settings)
    postgres, parquet = destinations.get("postgres"), destinations.get("parquet")
    return DesiredState(
        suspend=bool(spec.get("suspend", False)),
        parallelism=int(spec.get("parallelism") or DEFAULT_PARALLELISM),
        retries=int(spec.get("retriesPerShard", DEFAULT_RETRIES)),
        ttl=spec.get("ttlSecondsAfterFinished"),
        purge=spec.get("deletionPolicy") == "Purge",
        history=int(spec.get("runHistoryLimit", DEFAULT_HISTORY)),
        rerun=effective_rerun(experiment),
        parquet_types=None if parquet is None else str(parquet.get("types") or "portable"),
        resources=resources or settings.resources,
        pod=pod,
        shape=_shape(resources, pod, [_named(postgres), _named(parquet)]),
        queue=experiment.labels.get(QUEUE, ""),
    )


def shape_today(desired: DesiredState, settings: Settings) -> str:
    """The shape of a Job whose image is not its run's but the chart's of now."""
    return _shape(desired.shape, settings.worker_image)


def effective_rerun(experiment: Experiment) -> str:
    """The annotation, which does not fight GitOps, else the field."""
    return experiment.annotations.get(RERUN) or str(experiment.settings.get("rerun") or "")


def _allowed(pod: Mapping[str, Any], settings: Settings) -> dict[str, Any]:
    """What of podTemplate may shape a pod, whatever has been judged of the spec."""
    allowed = dict(pod)
    if pod.get("serviceAccountName") not in settings.service_accounts:
        allowed.pop("serviceAccountName", None)
    if pod.get("labels"):
        allowed["labels"] = {k: v for k, v in pod["labels"].items() if not is_reserved(k)}
    return allowed


def _named(destination: Mapping[str, Any] | None) -> list[Any]:
    given = destination or {}
    return [given.get("secretName"), given.get("auth")]


def _shape(*parts: Any) -> str:
    text = json.dumps(parts, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:16]
