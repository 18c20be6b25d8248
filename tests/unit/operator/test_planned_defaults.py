"""A run keeps to the chart that it was planned by, whatever the chart says by now."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from rowmill.spec.cluster import Defaults, ParquetDefault
from rowmill_operator.children.secrets import secrets_of
from rowmill_operator.model.actions import FreezePlan, Validate
from rowmill_operator.model.settings import Settings
from tests.unit.operator.memory_cluster import SETTINGS, MemoryCluster, experiment
from tests.unit.operator.raw_objects import frozen

LAKE = ParquetDefault("lake", "http://s3:1", "eu", "keys")
CHART = replace(SETTINGS, postgres_secret="warehouse", parquet=LAKE)
BARE: dict[str, Any] = {"postgres": {}, "parquet": {"bucket": "lake"}}
MOVED = {
    "a value forgotten": SETTINGS,
    "other Secrets": replace(
        CHART, postgres_secret="other", parquet=replace(LAKE, secret_name="other")
    ),
    "another bucket": replace(CHART, parquet=replace(LAKE, bucket="pond", secret_name="other")),
    "another server": replace(CHART, parquet=replace(LAKE, endpoint="http://s3:2")),
}
RUN, FINALIZE, PURGE = "shop-run-1", "shop-run-1-finalize", "shop-purge"
OTHER = "sha256:" + "b" * 64


def _cluster(**spec: Any) -> MemoryCluster:
    settings = {"destinations": BARE} | spec
    return MemoryCluster(experiment(settings=settings), settings=CHART)


def _secrets(cluster: MemoryCluster, job: str) -> dict[str, str]:
    """The Secrets of the newest Job of this name, by where they are mounted."""
    made = [one for one in cluster.manifests if one["metadata"]["name"] == job]
    volumes = made[-1]["spec"]["template"]["spec"]["volumes"]
    return {
        volume["name"]: volume["projected"]["sources"][0]["secret"]["name"]
        for volume in volumes
        if "projected" in volume
    }


def _finalize(cluster: MemoryCluster) -> str:
    cluster.complete_job(RUN)
    return FINALIZE


def _resume(cluster: MemoryCluster) -> str:
    cluster.change(settings={"suspend": True})
    cluster.settle()
    cluster.change(settings={"suspend": False})
    return RUN


def _try_failed_again(cluster: MemoryCluster) -> str:
    cluster.fail_job(RUN, 70)
    cluster.settle()
    cluster.annotate(resume="now")
    return RUN


def _try_again(cluster: MemoryCluster) -> str:
    cluster.fail_job(RUN, 65, reason="TargetInUse", message="another's")
    cluster.settle()
    cluster.wait(61)
    return RUN


def _reshape(cluster: MemoryCluster) -> str:
    cluster.change(settings={"resources": {"limits": {"memory": "2Gi"}}})
    return RUN


def _purge(cluster: MemoryCluster) -> str:
    cluster.finish_run()
    cluster.delete()
    return PURGE


MADE_LATER = [_finalize, _resume, _try_failed_again, _try_again, _reshape, _purge]


@pytest.mark.parametrize("step", MADE_LATER)
@pytest.mark.parametrize("later", MOVED.values(), ids=MOVED)
def test_what_is_made_later_in_a_run_goes_where_it_was_planned_to_go(
    step: Callable[[MemoryCluster], str], later: Settings
) -> None:
    cluster = _cluster(deletionPolicy="Purge")
    cluster.begin_run()
    cluster.settings = later
    cluster.manifests.clear()
    job = step(cluster)
    cluster.settle()
    assert _secrets(cluster, job) == {"postgres": "warehouse", "parquet": "keys"}


def test_a_secret_that_the_manifest_comes_to_name_is_followed_at_once() -> None:
    cluster = _cluster()
    cluster.begin_run()
    own = {"postgres": {"secretName": "mine"}, "parquet": {"bucket": "lake", "auth": "ambient"}}
    cluster.change(settings={"destinations": own})
    cluster.settle()
    assert _secrets(cluster, RUN) == {"postgres": "mine"}


def _made(now: dict[str, Any], then: dict[str, Any], defaults: Defaults) -> dict[str, str | None]:
    plan = replace(frozen(), destinations=then, defaults=defaults)
    return dict(secrets_of(experiment(settings={"destinations": now}), plan))


def test_a_name_that_is_taken_back_leaves_the_charts_or_else_the_plans() -> None:
    named = {"postgres": {"secretName": "w"}, "parquet": {"bucket": "lake", "secretName": "k"}}
    assert _made(BARE, named, CHART.defaults) == {"postgres": "warehouse", "parquet": "keys"}
    assert _made(BARE, named, Defaults()) == {"postgres": "w", "parquet": "k"}
    ambient = {"parquet": {"bucket": "lake", "auth": "ambient"}}
    assert _made({"parquet": {"bucket": "lake"}}, ambient, Defaults()) == {"parquet": None}


@pytest.mark.parametrize("place", [{"endpoint": "http://x"}, {"bucket": "another"}])
def test_the_charts_secret_is_for_the_charts_bucket_alone(place: dict[str, str]) -> None:
    parquet = {"parquet": {"bucket": "lake", **place}}
    assert _made(parquet, parquet, CHART.defaults) == {"parquet": None}


def test_without_a_secret_the_charts_bucket_is_opened_by_the_pods_own_identity() -> None:
    cloud = Defaults(parquet=replace(LAKE, secret_name=None))
    assert _made({}, {"parquet": {"bucket": "lake"}}, cloud) == {"parquet": None}


def _next(later: Settings, **spec: Any) -> Defaults:
    """What run 2 is planned by, once the chart is another."""
    cluster = _cluster(**spec)
    cluster.finish_run()
    cluster.settings = later
    cluster.digest = OTHER
    cluster.annotate(rerun="2")
    cluster.settle()
    (freeze,) = (a for a in cluster.log if isinstance(a, FreezePlan) and a.number == 2)
    return freeze.defaults


def test_the_next_run_takes_the_charts_secrets_but_stays_at_its_bucket_and_server() -> None:
    assert _next(MOVED["other Secrets"]) == MOVED["other Secrets"].defaults
    for moved in ("another bucket", "another server"):
        later = MOVED[moved]
        assert _next(later) == CHART.defaults, "with the Secret of that place"
    elsewhere = replace(MOVED["another server"], postgres_secret="other")
    assert _next(elsewhere) == Defaults("other", LAKE)


def test_a_next_run_takes_nothing_that_the_chart_has_no_more() -> None:
    assert _next(SETTINGS) == Defaults()


def test_a_bucket_that_the_run_before_did_not_use_holds_nobody_back() -> None:
    own = {"parquet": {"bucket": "lake", "secretName": "mine"}}
    later = MOVED["another server"]
    assert _next(later, destinations=own) == later.defaults


def test_a_spec_is_judged_by_the_chart_of_its_run_and_another_by_the_next() -> None:
    cluster = _cluster()
    cluster.begin_run()
    cluster.settings = MOVED["other Secrets"]
    cluster.log.clear()
    cluster.change(settings={"parallelism": 3})
    cluster.settle()
    (asked,) = (a for a in cluster.log if isinstance(a, Validate))
    assert (asked.planned, asked.planned_by) == (cluster.digest, CHART.defaults)
    assert asked.defaults == MOVED["other Secrets"].defaults


def test_a_plan_that_is_gone_is_made_again_as_it_was() -> None:
    cluster = _cluster(deletionPolicy="Purge")
    cluster.finish_run()
    cluster.plans.clear()
    cluster.settings = replace(
        MOVED["another server"], engine="new", worker_image="rowmill/worker:2"
    )
    cluster.restart_operator()
    cluster.log.clear()
    cluster.delete()
    cluster.settle()
    (freeze,) = (a for a in cluster.log if isinstance(a, FreezePlan))
    assert (freeze.number, freeze.engine, freeze.image) == (1, "here", "rowmill/worker:1")
    assert freeze.defaults == CHART.defaults
    assert _secrets(cluster, PURGE) == {"postgres": "warehouse", "parquet": "keys"}


def test_who_waits_for_a_default_is_told_that_the_chart_has_another_by_now() -> None:
    cluster = _cluster()
    cluster.begin_run()
    cluster.fail_job(RUN, 65, reason="CredentialsRefused", message="no")
    cluster.settle()
    assert "kubectl rowmill rerun" not in cluster.condition("Stalled")["message"]
    cluster.settings = MOVED["other Secrets"]
    cluster.settle()
    assert "kubectl rowmill rerun shop" in cluster.condition("Stalled")["message"]


def test_a_quota_is_not_put_down_to_the_chart() -> None:
    cluster = _cluster()
    cluster.settle()
    cluster.settings = MOVED["other Secrets"]
    cluster.warn(RUN, "FailedCreate", "exceeded quota: none")
    cluster.settle()
    assert cluster.condition("Stalled")["reason"] == "QuotaExceeded"
    assert "rerun" not in cluster.condition("Stalled")["message"]
