"""The pod template of every Job: one restricted container that knows its run and its Secrets."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rowmill.plan.bundle import FILE
from rowmill.plan.pod_contract import (
    GRACE_SECONDS,
    MOUNTED_KEYS,
    PORT,
    PORT_NAME,
    RUN,
    SCRATCH,
    TERMINATION_LOG,
    MountedKeys,
    PodEnvironment,
    mount_path,
)
from rowmill.plan.purging import Written
from rowmill.spec.cluster_names import RESET, VERIFY
from rowmill_operator.children.secrets import Secrets, secrets_of
from rowmill_operator.model.desired_state import DesiredState
from rowmill_operator.model.names import labels, plan_name
from rowmill_operator.model.observed import Experiment, FrozenPlan
from rowmill_operator.model.settings import Settings

CONTAINER = "worker"
_SCRATCH_SIZE = "256Mi"
# A node that is gone is noticed by then; its shard is safe in another pod's hands at once.
_LOST_NODE_SECONDS = 30
# Fields of podTemplate that go into the pod as they are.
_PASSED_ON = (
    "nodeSelector",
    "affinity",
    "topologySpreadConstraints",
    "serviceAccountName",
    "priorityClassName",
    "runtimeClassName",
)


def pod_template(
    experiment: Experiment,
    plan: FrozenPlan,
    task: str,
    desired: DesiredState,
    settings: Settings,
    written: Written | None = None,
) -> dict[str, Any]:
    """The template of the pods that do `task` for the run of `plan`.

    `written` is the run whose data a purge must find.
    """
    wished, secrets = desired.pod, secrets_of(experiment, plan)
    environment = PodEnvironment(secrets, written)
    return {
        "metadata": {
            "labels": {
                **(wished.get("labels") or {}),
                **labels(experiment.name, plan.number, task, plan.plan.digest),
            },
            "annotations": dict(wished.get("annotations") or {}),
        },
        "spec": {
            "restartPolicy": "Never",
            "automountServiceAccountToken": False,
            "enableServiceLinks": False,
            "terminationGracePeriodSeconds": GRACE_SECONDS,
            "securityContext": {
                "runAsNonRoot": True,
                "seccompProfile": {"type": "RuntimeDefault"},
                **(wished.get("securityContext") or {}),
            },
            "tolerations": [*_lost_nodes(), *(wished.get("tolerations") or ())],
            "imagePullSecrets": _pull_secrets(wished, settings),
            "containers": [_container(plan, task, environment, desired, settings)],
            "volumes": _volumes(experiment, plan, secrets),
            **{name: wished[name] for name in _PASSED_ON if wished.get(name)},
        },
    }


def _container(
    plan: FrozenPlan,
    task: str,
    environment: PodEnvironment,
    desired: DesiredState,
    settings: Settings,
) -> dict[str, Any]:
    mounts = [
        {"name": name, "mountPath": mount_path(name), "readOnly": True}
        for name in (RUN, *_mounted(environment.secrets))
    ]
    return {
        "name": CONTAINER,
        "image": _image(plan, task, settings),
        "imagePullPolicy": settings.pull_policy,
        "args": [task],
        # Names, so that what a pod says of a Secret is of the one that it has; never values.
        "env": [{"name": k, "value": value} for k, value in environment.variables().items()],
        "ports": [{"name": PORT_NAME, "containerPort": PORT}],
        "resources": _resources(desired.resources),
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        },
        "terminationMessagePath": TERMINATION_LOG,
        "terminationMessagePolicy": "File",
        "volumeMounts": [*mounts, {"name": "tmp", "mountPath": SCRATCH}],
    }


def _resources(wished: Mapping[str, Any]) -> dict[str, Any]:
    requests = {"ephemeral-storage": _SCRATCH_SIZE, **(wished.get("requests") or {})}
    return {**wished, "requests": requests}


def _image(plan: FrozenPlan, task: str, settings: Settings) -> str:
    """A run keeps its image; what is asked for later of its data takes today's.

    An image of an earlier release may not know the task, and today's reads every earlier plan.
    """
    return settings.worker_image if task in (RESET, VERIFY) else plan.image


def _volumes(experiment: Experiment, plan: FrozenPlan, secrets: Secrets) -> list[dict[str, Any]]:
    bundle = {
        "name": plan_name(experiment.name, plan.number),
        "items": [{"key": FILE, "path": FILE}],
    }
    return [
        {"name": RUN, "configMap": bundle},
        *(
            {"name": name, "projected": {"sources": _sources(secret, MOUNTED_KEYS[name])}}
            for name, secret in _mounted(secrets).items()
        ),
        {"name": "tmp", "emptyDir": {"sizeLimit": _SCRATCH_SIZE}},
    ]


def _mounted(secrets: Secrets) -> Mapping[str, str]:
    """The Secrets by destination, without those for which the pod has its own identity."""
    return {name: secret for name, secret in secrets.items() if secret is not None}


def _sources(secret: str, mounted: MountedKeys) -> list[dict[str, Any]]:
    return [
        {
            "secret": {
                "name": secret,
                "optional": may_miss,
                "items": [{"key": key, "path": key} for key in keys],
            }
        }
        for keys, may_miss in ((mounted.required, False), (mounted.optional, True))
    ]


def _lost_nodes() -> list[dict[str, Any]]:
    return [
        {
            "key": f"node.kubernetes.io/{taint}",
            "operator": "Exists",
            "effect": "NoExecute",
            "tolerationSeconds": _LOST_NODE_SECONDS,
        }
        for taint in ("not-ready", "unreachable")
    ]


def _pull_secrets(wished: Mapping[str, Any], settings: Settings) -> list[dict[str, str]]:
    ours = [{"name": name} for name in settings.pull_secrets]
    return [*ours, *(wished.get("imagePullSecrets") or ())]
