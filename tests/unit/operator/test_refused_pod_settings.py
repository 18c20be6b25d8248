"""What a refused podTemplate asks for reaches no pod, whichever Job is made meanwhile."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from rowmill_operator.model.desired_state import desired_state_of
from rowmill_operator.model.settings import Settings
from tests.unit.operator.memory_cluster import SETTINGS, MemoryCluster, experiment

RUN = "shop-run-1"
ASKED: dict[str, Any] = {"podTemplate": {"serviceAccountName": "cluster-admin"}}


def _account(cluster: MemoryCluster) -> str | None:
    spec = cluster.manifests[-1]["spec"]["template"]["spec"]
    account: str | None = spec.get("serviceAccountName")
    return account


def _allowing(*accounts: str) -> Settings:
    return replace(SETTINGS, service_accounts=accounts)


def test_a_run_on_its_way_is_not_made_again_for_a_refused_spec() -> None:
    cluster = MemoryCluster(experiment())
    cluster.settle()
    uid = cluster.job(RUN).uid
    cluster.problems = ("spec.podTemplate.serviceAccountName: not allowed",)
    cluster.change(settings=ASKED)
    cluster.settle()
    assert cluster.job(RUN).uid == uid
    assert cluster.condition("Accepted")["status"] == "False"
    cluster.finish_run()
    assert _account(cluster) is None
    assert cluster.phase == "Complete"


@pytest.mark.parametrize("how", ["refused", "suspended", "purged"])
def test_no_job_made_meanwhile_runs_as_a_refused_account(how: str) -> None:
    cluster = MemoryCluster(experiment(settings={"deletionPolicy": "Purge"}))
    cluster.settle()
    cluster.problems = ("spec.podTemplate.serviceAccountName: not allowed",)
    cluster.change(settings=ASKED)
    if how == "refused":
        cluster.fail_job(RUN, 65, index=0, reason="BucketMissing", message="no")
        cluster.settle()
        cluster.wait(61)
    elif how == "suspended":
        cluster.change(settings={"suspend": True})
        cluster.settle()
        cluster.change(settings={"suspend": False})
    else:
        cluster.finish_run()
        cluster.delete()
    made = len(cluster.manifests)
    cluster.settle()
    assert len(cluster.manifests) > made
    assert _account(cluster) is None


def test_an_account_that_is_allowed_at_last_makes_the_job_again_with_it() -> None:
    cluster = MemoryCluster(experiment())
    cluster.settle()
    cluster.problems = ("not allowed",)
    cluster.change(settings=ASKED | {"suspend": True})
    cluster.settle()
    cluster.change(settings={"suspend": False})
    cluster.settle()
    assert _account(cluster) is None
    cluster.settings = _allowing("cluster-admin")
    cluster.problems = ()
    cluster.restart_operator()
    cluster.settle()
    assert _account(cluster) == "cluster-admin"


def test_an_account_that_is_allowed_no_more_has_the_spec_judged_again() -> None:
    cluster = MemoryCluster(experiment(settings=ASKED), settings=_allowing("cluster-admin"))
    cluster.settle()
    uid = cluster.job(RUN).uid
    cluster.settings = SETTINGS
    cluster.problems = ("not allowed",)
    cluster.restart_operator()
    cluster.settle()
    assert cluster.condition("Accepted")["status"] == "False"
    assert cluster.job(RUN).uid == uid


@pytest.mark.parametrize("label", ["job-name", "batch.kubernetes.io/x", "kueue.x-k8s.io/y"])
def test_labels_that_belong_to_others_are_left_out(label: str) -> None:
    asked = {"podTemplate": {"labels": {label: "mine", "team": "a"}}}
    assert desired_state_of(experiment(settings=asked), SETTINGS).pod["labels"] == {"team": "a"}
