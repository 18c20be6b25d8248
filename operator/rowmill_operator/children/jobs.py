"""The Jobs of a run, its shards and its finalize step; reset, verify and purge of its data."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rowmill.plan.pod_contract import FAIL_THE_JOB
from rowmill.plan.purging import Written
from rowmill.spec.cluster_names import (
    ASKED_QUEUE,
    FINALIZE,
    KUEUE,
    PURGE,
    REQUEST,
    RESET,
    SHAPE,
    SHARD,
    VERIFY,
)
from rowmill_operator.children.ownership import controller_reference
from rowmill_operator.children.pod import CONTAINER, pod_template
from rowmill_operator.model.desired_state import DesiredState, shape_today
from rowmill_operator.model.names import (
    asked_job_name,
    finalize_job_name,
    labels,
    purge_job_name,
    shard_job_name,
)
from rowmill_operator.model.observed import Experiment, FrozenPlan
from rowmill_operator.model.settings import Settings

_RETRIES = 6


def shard_job(
    experiment: Experiment, plan: FrozenPlan, desired: DesiredState, settings: Settings
) -> dict[str, Any]:
    """The Indexed Job of which each index makes one shard."""
    shards = plan.plan.shards
    spec = {
        "completionMode": "Indexed",
        "completions": shards,
        "parallelism": min(desired.parallelism, shards),
        "backoffLimitPerIndex": desired.retries,
        "maxFailedIndexes": 0,
    }
    name = shard_job_name(experiment.name, plan.number)
    return _job(name, SHARD, spec, experiment, plan, desired, settings)


def finalize_job(
    experiment: Experiment, plan: FrozenPlan, desired: DesiredState, settings: Settings
) -> dict[str, Any]:
    """The Job whose one pod compares with the plan, adds keys and indexes, and publishes."""
    name = finalize_job_name(experiment.name, plan.number)
    return _job(name, FINALIZE, {"backoffLimit": _RETRIES}, experiment, plan, desired, settings)


def purge_job(
    experiment: Experiment,
    plan: FrozenPlan,
    desired: DesiredState,
    settings: Settings,
    written: Written | None = None,
) -> dict[str, Any]:
    """The Job whose one pod removes the experiment's data, by the image and plan of a run.

    `written` is the run whose data it must find, None if none is known to have written any.
    """
    name = purge_job_name(experiment.name)
    spec = {"backoffLimit": _RETRIES}
    return _job(name, PURGE, spec, experiment, plan, desired, settings, written)


def reset_job(
    experiment: Experiment,
    plan: FrozenPlan,
    desired: DesiredState,
    settings: Settings,
    request: str,
    written: Written | None = None,
) -> dict[str, Any]:
    """The Job whose one pod removes the experiment's data and keeps its records, as was asked.

    `written` is as of `purge_job`.
    """
    name = asked_job_name(experiment.name, plan.number, RESET)
    spec = {"backoffLimit": _RETRIES}
    job = _job(name, RESET, spec, experiment, plan, desired, settings, written)
    return _for_request(job, request, desired, settings)


def verify_job(
    experiment: Experiment,
    plan: FrozenPlan,
    desired: DesiredState,
    settings: Settings,
    request: str,
) -> dict[str, Any]:
    """The Job whose one pod makes the published rows of a run again and compares, as was asked."""
    name = asked_job_name(experiment.name, plan.number, VERIFY)
    spec = {"backoffLimit": _RETRIES}
    job = _job(name, VERIFY, spec, experiment, plan, desired, settings)
    return _for_request(job, request, desired, settings)


def _for_request(
    job: dict[str, Any], request: str, desired: DesiredState, settings: Settings
) -> dict[str, Any]:
    meta = job["metadata"]
    asked = {REQUEST: request, SHAPE: shape_today(desired, settings)}
    return job | {"metadata": meta | {"annotations": meta["annotations"] | asked}}


def _job(
    name: str,
    task: str,
    spec: Mapping[str, Any],
    experiment: Experiment,
    plan: FrozenPlan,
    desired: DesiredState,
    settings: Settings,
    written: Written | None = None,
) -> dict[str, Any]:
    queue = {key: value for key, value in experiment.labels.items() if key.startswith(KUEUE)}
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {
            "name": name,
            "namespace": experiment.namespace,
            "labels": {**queue, **labels(experiment.name, plan.number, task, plan.plan.digest)},
            "annotations": {SHAPE: desired.shape, ASKED_QUEUE: desired.queue},
            "ownerReferences": [controller_reference(experiment.name, experiment.uid)],
        },
        "spec": {
            **spec,
            # A queued Job starts when Kueue says so, and from then on `suspend` is Kueue's.
            "suspend": bool(desired.queue),
            "podReplacementPolicy": "Failed",
            "podFailurePolicy": {"rules": _failure_rules()},
            "template": pod_template(experiment, plan, task, desired, settings, written),
        },
    }


def _failure_rules() -> list[dict[str, Any]]:
    # In this order: what a disruption ends may exit with anything.
    return [
        {
            "action": "Ignore",
            "onPodConditions": [{"type": "DisruptionTarget", "status": "True"}],
        },
        {
            "action": "FailJob",
            "onExitCodes": {
                "containerName": CONTAINER,
                "operator": "In",
                "values": [int(code) for code in FAIL_THE_JOB],
            },
        },
    ]
