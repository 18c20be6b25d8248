"""The objects that an Experiment owns, compared with what the API server is to get."""

from __future__ import annotations

import base64
import gzip
import json
from dataclasses import replace
from typing import Any

import pytest

from rowmill.spec.cluster import Defaults
from rowmill_operator.children.jobs import finalize_job, purge_job, shard_job
from rowmill_operator.children.plan import config_map
from rowmill_operator.model.desired_state import desired_state_of
from rowmill_operator.model.observed import Experiment, FrozenPlan
from rowmill_operator.model.settings import Settings
from tests.unit.operator.memory_cluster import SETTINGS, START, experiment, small_plan

DIGEST = "sha256:" + "ab" * 32
BOTH: dict[str, Any] = {
    "destinations": {
        "postgres": {"secretName": "warehouse"},
        "parquet": {"bucket": "lake", "secretName": "keys"},
    }
}


def _plan(**changes: Any) -> FrozenPlan:
    known = FrozenPlan(
        name="shop-run-3",
        uid="plan-uid",
        owner_uid="uid-1",
        deleted=False,
        number=3,
        created=START,
        engine="here",
        image="rowmill/worker:1",
        adopt=None,
        rerun="",
        defaults=Defaults(),
        destinations=BOTH["destinations"],
        plan=small_plan(DIGEST),
    )
    return replace(known, **changes)


def _shard(found: Experiment | None = None, settings: Settings = SETTINGS) -> dict[str, Any]:
    found = found or experiment(settings=BOTH)
    return shard_job(found, _plan(), desired_state_of(found, settings), settings)


def _pod(job: dict[str, Any]) -> dict[str, Any]:
    spec: dict[str, Any] = job["spec"]["template"]["spec"]
    return spec


def test_the_shard_job_is_indexed_and_bounded_by_its_shards() -> None:
    job = _shard(experiment(settings=BOTH | {"parallelism": 500, "retriesPerShard": 2}))
    assert job["metadata"]["name"] == "shop-run-3"
    shards = _plan().plan.shards
    wanted = {
        "completionMode": "Indexed",
        "completions": shards,
        "parallelism": shards,
        "backoffLimitPerIndex": 2,
        "maxFailedIndexes": 0,
        "suspend": False,
        "podReplacementPolicy": "Failed",
    }
    assert {name: job["spec"][name] for name in wanted} == wanted


def test_disruptions_are_ignored_before_final_exit_codes_fail_the_job() -> None:
    ignore, fail = _shard()["spec"]["podFailurePolicy"]["rules"]
    assert ignore["action"] == "Ignore"
    assert ignore["onPodConditions"] == [{"type": "DisruptionTarget", "status": "True"}]
    assert fail["action"] == "FailJob"
    assert fail["onExitCodes"]["values"] == [64, 65]


@pytest.mark.parametrize("build", [shard_job, finalize_job, purge_job])
def test_every_child_goes_with_its_experiment_and_is_found_by_its_labels(build: Any) -> None:
    found = experiment(settings=BOTH)
    job = build(found, _plan(), desired_state_of(found, SETTINGS), SETTINGS)
    (owner,) = job["metadata"]["ownerReferences"]
    assert (owner["kind"], owner["uid"], owner["controller"]) == ("Experiment", "uid-1", True)
    labels = job["metadata"]["labels"]
    assert labels["app.kubernetes.io/managed-by"] == "rowmill"
    assert labels["rowmill.dev/digest"] == "ab" * 16
    assert labels.items() <= job["spec"]["template"]["metadata"]["labels"].items()


def test_pods_are_restricted_and_hold_no_token() -> None:
    pod = _pod(_shard())
    assert pod["automountServiceAccountToken"] is False
    assert pod["restartPolicy"] == "Never"
    assert pod["securityContext"] == {
        "runAsNonRoot": True,
        "seccompProfile": {"type": "RuntimeDefault"},
    }
    (container,) = pod["containers"]
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert container["env"] == [
        {"name": "ROWMILL_POSTGRES_SECRET", "value": "warehouse"},
        {"name": "ROWMILL_PARQUET_SECRET", "value": "keys"},
    ], "an environment is shown to whoever may read pods: it holds names alone"


def test_only_the_listed_keys_of_a_secret_reach_the_pod() -> None:
    volumes = {volume["name"]: volume for volume in _pod(_shard())["volumes"]}
    required, optional = volumes["postgres"]["projected"]["sources"]
    assert required["secret"]["name"] == optional["secret"]["name"] == "warehouse"
    assert (required["secret"]["optional"], optional["secret"]["optional"]) == (False, True)
    keys = {item["key"] for item in required["secret"]["items"]}
    assert keys == {"PGHOST", "PGUSER", "PGDATABASE"}
    # The login for a person's queries is none of a pod's.
    read = {item["key"] for item in optional["secret"]["items"] if "READ" in item["key"]}
    assert read == set()
    assert {"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"} == {
        item["key"] for item in volumes["parquet"]["projected"]["sources"][0]["secret"]["items"]
    }


def test_the_authors_pod_settings_are_added_and_never_replace_ours() -> None:
    template = {
        "labels": {"team": "data", "rowmill.dev/run": "99"},
        "annotations": {"note": "x"},
        "nodeSelector": {"disk": "fast"},
        "tolerations": [{"key": "gpu", "operator": "Exists"}],
        "securityContext": {"runAsUser": 1234},
        "imagePullSecrets": [{"name": "mine"}],
        "priorityClassName": "low",
    }
    settings = replace(SETTINGS, pull_secrets=("charts",))
    job = _shard(experiment(settings=BOTH | {"podTemplate": template}), settings)
    labels = job["spec"]["template"]["metadata"]["labels"]
    assert (labels["team"], labels["rowmill.dev/run"]) == ("data", "3")
    pod = _pod(job)
    assert pod["nodeSelector"] == {"disk": "fast"}
    assert pod["priorityClassName"] == "low"
    assert pod["securityContext"]["runAsUser"] == 1234
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["imagePullSecrets"] == [{"name": "charts"}, {"name": "mine"}]
    keys = [toleration["key"] for toleration in pod["tolerations"]]
    assert keys == ["node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable", "gpu"]


def test_resources_are_the_manifests_or_the_charts() -> None:
    settings = replace(SETTINGS, resources={"limits": {"memory": "512Mi"}})
    (container,) = _pod(_shard(settings=settings))["containers"]
    assert container["resources"]["limits"] == {"memory": "512Mi"}
    assert container["resources"]["requests"]["ephemeral-storage"]
    own = experiment(settings=BOTH | {"resources": {"requests": {"cpu": "2"}}})
    (container,) = _pod(_shard(own, settings))["containers"]
    assert "limits" not in container["resources"]
    assert container["resources"]["requests"]["cpu"] == "2"


def test_the_image_is_the_frozen_plans() -> None:
    newer = replace(SETTINGS, worker_image="rowmill/worker:2")
    (container,) = _pod(_shard(settings=newer))["containers"]
    assert container["image"] == "rowmill/worker:1"


def test_the_shape_changes_with_what_shapes_pods_alone() -> None:
    def shape(**settings: Any) -> str:
        annotations: dict[str, str] = _shard(experiment(settings=BOTH | settings))["metadata"][
            "annotations"
        ]
        return annotations["rowmill.dev/shape"]

    assert shape() == shape(parallelism=9, suspend=True, retriesPerShard=1)
    assert shape() != shape(resources={"limits": {"memory": "1Gi"}})
    assert shape() != shape(podTemplate={"labels": {"a": "b"}})


def test_the_plan_is_immutable_and_gzipped() -> None:
    bundle = gzip.compress(json.dumps({"bundle": 1}).encode(), mtime=0)
    made = config_map(experiment(), 3, DIGEST, bundle, "here/rowmill")
    assert made["immutable"] is True
    assert made["metadata"]["name"] == "shop-run-3"
    content = gzip.decompress(base64.b64decode(made["binaryData"]["run.json.gz"]))
    assert json.loads(content) == {"bundle": 1}
