"""The pod template of every Job: one restricted container that knows its run and its Secrets."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rowmill.plan.bundle import FILE
from rowmill.spec.cluster_names import PARQUET_SECRET, POSTGRES_SECRET
from rowmill_operator.children.secrets import Secrets, secrets_of
from rowmill_operator.names import labels, plan_name
from rowmill_operator.observed import Experiment, FrozenPlan
from rowmill_operator.settings import Settings
from rowmill_operator.wishes import Wishes

CONTAINER = "worker"
PORT = 8080
_ROOT = "/etc/rowmill"
_POSTGRES_REQUIRED = ("PGHOST", "PGUSER", "PGDATABASE")
_POSTGRES_OPTIONAL = (
    "PGPORT",
    "PGPASSWORD",
    "PGSSLMODE",
    "PGSSLROOTCERT",
    "PGSSLCERT",
    "PGSSLKEY",
    "PGOPTIONS",
    "ca.crt",
    "tls.crt",
    "tls.key",
)
_PARQUET_REQUIRED = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")
_PARQUET_OPTIONAL = ("AWS_ENDPOINT_URL", "AWS_REGION", "AWS_SESSION_TOKEN", "ca.crt")
_TOLD_BY = {"postgres": POSTGRES_SECRET, "parquet": PARQUET_SECRET}
_SCRATCH = "256Mi"
# A node that is gone is noticed by then; its shard is safe in another pod's hands at once.
_LOST_NODE_SECONDS = 30
# A worker ends within 10 s of SIGTERM by itself.
_GRACE_SECONDS = 20
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
    experiment: Experiment, plan: FrozenPlan, task: str, wishes: Wishes, settings: Settings
) -> dict[str, Any]:
    """The template of the pods that do `task` for the run of `plan`."""
    wished, secrets = wishes.pod, secrets_of(experiment, plan)
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
            "terminationGracePeriodSeconds": _GRACE_SECONDS,
            "securityContext": {
                "runAsNonRoot": True,
                "seccompProfile": {"type": "RuntimeDefault"},
                **(wished.get("securityContext") or {}),
            },
            "tolerations": [*_lost_nodes(), *(wished.get("tolerations") or ())],
            "imagePullSecrets": _pull_secrets(wished, settings),
            "containers": [_container(plan, task, secrets, wishes, settings)],
            "volumes": _volumes(experiment, plan, secrets),
            **{name: wished[name] for name in _PASSED_ON if wished.get(name)},
        },
    }


def _container(
    plan: FrozenPlan, task: str, secrets: Secrets, wishes: Wishes, settings: Settings
) -> dict[str, Any]:
    mounts = [{"name": "run", "mountPath": f"{_ROOT}/run", "readOnly": True}]
    mounts += [
        {"name": name, "mountPath": f"{_ROOT}/{name}", "readOnly": True}
        for name, secret in secrets.items()
        if secret is not None
    ]
    return {
        "name": CONTAINER,
        "image": plan.image,
        "imagePullPolicy": settings.pull_policy,
        "args": [task],
        # Names, so that what a pod says of a Secret is of the one that it has; never values.
        "env": [
            {"name": _TOLD_BY[name], "value": secret or ""} for name, secret in secrets.items()
        ],
        "ports": [{"name": "http", "containerPort": PORT}],
        "resources": _resources(wishes.resources),
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        },
        "terminationMessagePath": "/dev/termination-log",
        "terminationMessagePolicy": "File",
        "volumeMounts": [*mounts, {"name": "tmp", "mountPath": "/tmp"}],
    }


def _resources(wished: Mapping[str, Any]) -> dict[str, Any]:
    requests = {"ephemeral-storage": _SCRATCH, **(wished.get("requests") or {})}
    return {**wished, "requests": requests}


def _volumes(experiment: Experiment, plan: FrozenPlan, secrets: Secrets) -> list[dict[str, Any]]:
    keys = {
        "postgres": (_POSTGRES_REQUIRED, _POSTGRES_OPTIONAL),
        "parquet": (_PARQUET_REQUIRED, _PARQUET_OPTIONAL),
    }
    bundle = {
        "name": plan_name(experiment.name, plan.number),
        "items": [{"key": FILE, "path": FILE}],
    }
    return [
        {"name": "run", "configMap": bundle},
        *(
            {"name": name, "projected": {"sources": _sources(secret, *keys[name])}}
            for name, secret in secrets.items()
            if secret is not None
        ),
        {"name": "tmp", "emptyDir": {"sizeLimit": _SCRATCH}},
    ]


def _sources(
    secret: str, required: tuple[str, ...], optional: tuple[str, ...]
) -> list[dict[str, Any]]:
    """The listed keys alone: what else the Secret holds is none of the worker's business."""
    return [
        {
            "secret": {
                "name": secret,
                "optional": may_miss,
                "items": [{"key": key, "path": key} for key in keys],
            }
        }
        for keys, may_miss in ((required, False), (optional, True))
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
