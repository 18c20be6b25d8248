"""On a cluster a manifest gets a namespace and the chart's defaults, and meets a few more rules."""

from __future__ import annotations

import json

import pytest

from rowmill.spec.cluster import Defaults, ParquetDefault, cluster_problems, on_cluster
from rowmill.spec.dataset import Spec
from rowmill.spec.load import load_spec
from tests.unit.spec.manifests import read

LAKE = ParquetDefault("lake", "http://s3.data:8333", "eu-1", "lake-keys")
DEFAULTS = Defaults("warehouse", LAKE)
NONE = Defaults()


def _text(destinations: str, pod: str = "{}") -> str:
    return (
        "apiVersion: rowmill.dev/v1alpha1\nkind: Experiment\nmetadata: {name: shop}\n"
        "spec: {tables: [{name: t, rows: 1, columns: [{name: id, type: bigint}]}], "
        f"destinations: {destinations}, podTemplate: {pod}}}\n"
    )


def _spec(destinations: str) -> Spec:
    return load_spec("test", text=_text(destinations))


def _problems(
    destinations: str = "{postgres: {}}",
    pod: str = "{}",
    defaults: Defaults = DEFAULTS,
    service_accounts: tuple[str, ...] = (),
) -> dict[str, str]:
    text = _text(destinations, pod)
    experiment = read(text)
    found = cluster_problems(experiment, defaults, service_accounts)
    for problem in found:
        assert "; " in problem.message, "the cure is missing"
    return {problem.path: problem.message for problem in found}


def test_destinations_without_a_server_are_the_charts() -> None:
    spec = on_cluster(_spec("{postgres: {}, parquet: {bucket: lake}}"), "team-a", DEFAULTS)
    assert spec.namespace == "team-a"
    assert spec.postgres is not None
    assert spec.postgres.secret_name == "warehouse"
    assert spec.parquet is not None
    assert (spec.parquet.endpoint, spec.parquet.region) == ("http://s3.data:8333", "eu-1")
    assert (spec.parquet.secret_name, spec.parquet.ambient) == ("lake-keys", False)


def test_a_region_in_the_manifest_wins() -> None:
    spec = on_cluster(_spec("{parquet: {bucket: lake, region: us-9}}"), "n", DEFAULTS)
    assert spec.parquet is not None
    assert (spec.parquet.region, spec.parquet.endpoint) == ("us-9", LAKE.endpoint)


def test_a_chart_without_a_secret_means_the_pods_own_identity() -> None:
    cloud = Defaults(parquet=ParquetDefault("lake", None, "eu-1", None))
    spec = on_cluster(_spec("{parquet: {bucket: lake}}"), "n", cloud)
    assert spec.parquet is not None
    assert spec.parquet.ambient
    assert not spec.parquet.embedded


@pytest.mark.parametrize(
    "destinations",
    [
        "{postgres: {secretName: own}, parquet: {bucket: other, secretName: own}}",
        "{postgres: {auth: ambient}, parquet: {bucket: other, auth: ambient}}",
        "{parquet: {bucket: lake, endpoint: 'http://own:9000', secretName: own}}",
    ],
)
def test_destinations_with_a_server_of_their_own_are_kept(destinations: str) -> None:
    spec = _spec(destinations)
    ours = on_cluster(spec, "n", DEFAULTS)
    assert (ours.postgres, ours.parquet) == (spec.postgres, spec.parquet)
    assert _problems(destinations, defaults=NONE) == {}


@pytest.mark.parametrize("defaults", [NONE, DEFAULTS])
def test_defaults_leave_the_data_and_its_digest_alone(defaults: Defaults) -> None:
    spec = _spec("{postgres: {}, parquet: {bucket: lake}}")
    ours = on_cluster(spec, "n", defaults)
    assert (ours.digest, ours.dataset) == (spec.digest, spec.dataset)


@pytest.mark.parametrize(
    "destinations",
    ["{parquet: {bucket: other}}", "{parquet: {bucket: lake, endpoint: 'http://evil:1'}}"],
)
def test_the_charts_credentials_reach_no_other_bucket_or_server(destinations: str) -> None:
    spec = on_cluster(_spec(destinations), "n", DEFAULTS)
    assert spec.parquet is not None
    assert spec.parquet.secret_name is None
    assert not spec.parquet.ambient


@pytest.mark.parametrize(
    "defaults", [NONE, DEFAULTS, Defaults(parquet=ParquetDefault("b", None, None, None))]
)
def test_defaults_survive_json(defaults: Defaults) -> None:
    assert Defaults.from_json(json.loads(json.dumps(defaults.to_json()))) == defaults


def test_the_json_of_defaults_is_the_bundles() -> None:
    assert DEFAULTS.to_json() == {
        "postgres": {"secretName": "warehouse"},
        "parquet": {
            "bucket": "lake",
            "endpoint": "http://s3.data:8333",
            "region": "eu-1",
            "secretName": "lake-keys",
        },
    }
    assert NONE.to_json() == {"postgres": None, "parquet": None}


def test_a_destination_that_the_chart_has_is_no_problem() -> None:
    assert _problems("{postgres: {}, parquet: {bucket: lake}}") == {}


def test_a_destination_without_a_server_or_default_is_refused() -> None:
    found = _problems("{postgres: {}, parquet: {bucket: lake}}", defaults=NONE)
    assert set(found) == {"spec.destinations.postgres", "spec.destinations.parquet"}
    assert "secretName" in found["spec.destinations.postgres"]


def test_a_bucket_that_is_not_the_charts_needs_credentials_of_its_own() -> None:
    found = _problems("{parquet: {bucket: other}}")
    assert '"lake"' in found["spec.destinations.parquet.bucket"]


@pytest.mark.parametrize("defaults", [NONE, DEFAULTS])
def test_an_endpoint_needs_credentials_of_its_own(defaults: Defaults) -> None:
    found = _problems("{parquet: {bucket: lake, endpoint: 'http://s3:1'}}", defaults=defaults)
    assert set(found) == {"spec.destinations.parquet.endpoint"}


def test_only_allowed_service_accounts_run_workers() -> None:
    pod = "{serviceAccountName: writer}"
    path = "spec.podTemplate.serviceAccountName"
    assert set(_problems(pod=pod)) == {path}
    assert "reader" in _problems(pod=pod, service_accounts=("reader",))[path]
    assert _problems(pod=pod, service_accounts=("reader", "writer")) == {}


@pytest.mark.parametrize(
    "label",
    [
        "rowmill.dev/run",
        "app.kubernetes.io/name",
        "app.kubernetes.io/managed-by",
        "batch.kubernetes.io/job-completion-index",
        "job-name",
        "controller-uid",
        "kueue.x-k8s.io/queue-name",
        "x.rowmill.dev/run",
    ],
)
def test_labels_that_tell_pods_apart_are_reserved(label: str) -> None:
    assert set(_problems(pod=f"{{labels: {{{label}: x}}}}")) == {
        f'spec.podTemplate.labels["{label}"]'
        if "/" in label
        else f"spec.podTemplate.labels.{label}"
    }


@pytest.mark.parametrize(
    "label", ["team", "app.kubernetes.io/part-of", "example.com/job-name", "grow-mill.dev/x"]
)
def test_other_labels_are_free(label: str) -> None:
    assert _problems(pod=f"{{labels: {{{label}: x}}}}") == {}
