"""The chart as Helm renders it: what an API server takes, what it may do, what it says."""

from __future__ import annotations

import json
import subprocess
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import yaml

from rowmill.spec.cluster import ParquetDefault
from rowmill.spec.crd.definition import crd
from rowmill_operator.model.settings import Settings, read_settings
from tests.e2e.cluster import binaries
from tests.e2e.cluster.access import Cluster, wait_for
from tests.e2e.cluster.node import Node
from tests.e2e.definitions import defined
from tests.e2e.experiments import Applied, wide
from tests.e2e.installation import RELEASE, RELEASE_NAMESPACE, Installation

CHART = Path(__file__).parents[2] / "helm" / "rowmill"
PROMETHEUS_OPERATOR = "github.com/prometheus-operator/prometheus-operator@v0.85.0"
MONITORING = ("podmonitors", "servicemonitors", "prometheusrules")
CLUSTER_WIDE = {"ClusterRole", "ClusterRoleBinding", "CustomResourceDefinition", "Namespace"}
DIGEST = "sha256:" + "0" * 64

EVERYTHING: dict[str, Any] = {
    "image": {"repository": "registry.example/rowmill-operator", "tag": DIGEST},
    "imagePullSecrets": [{"name": "pull"}],
    "worker": {
        "image": {
            "repository": "registry.example/rowmill-worker",
            "tag": "1",
            "pullPolicy": "Always",
            "pullSecrets": ["pull", "pull-too"],
        },
        "resources": {"requests": {"cpu": 2}, "limits": {"memory": "2Gi"}},
        "allowedServiceAccounts": ["loader", "other"],
    },
    "destinations": {
        "postgres": {"secretName": "warehouse"},
        "parquet": {
            "bucket": "rowmill",
            "endpoint": "http://s3.example:8333",
            "region": "eu-1",
            "secretName": "lake",
        },
    },
    "engineId": "one:two/{{three}}",
    "progressSeconds": 7.5,
    "purgeDeadlineSeconds": 60,
    "serviceAccount": {"name": "account", "annotations": {"note": "yes"}},
    "podLabels": {"team": "data"},
    "podAnnotations": {"checked": "true"},
    "podSecurityContext": {"runAsUser": 1234, "fsGroup": 1234},
    "nodeSelector": {"disk": "fast"},
    "tolerations": [{"operator": "Exists"}],
    "affinity": {"podAntiAffinity": {}},
    "priorityClassName": "system-cluster-critical",
    "metrics": {
        "serviceMonitor": {"enabled": True, "labels": {"release": "prometheus"}},
        "podMonitor": {"enabled": True, "labels": {"release": "prometheus"}},
        "prometheusRule": {"enabled": True, "labels": {"release": "prometheus"}},
        "dashboard": {"enabled": True, "annotations": {"folder": "data"}},
    },
    "networkPolicy": {"enabled": True, "metricsFrom": [{"namespaceSelector": {}}]},
    "fullnameOverride": "mill",
}
NOBODY = {"serviceAccountName": "nobody"}
SETS = {"defaults": {}, "everything": EVERYTHING}


@pytest.fixture(scope="module", params=SETS)
def values(request: pytest.FixtureRequest) -> dict[str, Any]:
    return SETS[request.param]


@pytest.fixture(params=["whole cluster", "one namespace"])
def scoped(request: pytest.FixtureRequest, values: dict[str, Any], namespace: str) -> Any:
    """The values, for the whole cluster or for the test's namespace alone."""
    if request.param == "whole cluster":
        return values
    return {**values, "watchNamespaces": [namespace], "crds": {"install": False}}


@pytest.fixture(scope="module")
def prometheus_operator(cluster: Cluster, node: Node) -> Iterator[None]:
    """The definitions of the Prometheus operator, as its own release has them."""
    command = [str(binaries.go()), "mod", "download", "-json", PROMETHEUS_OPERATOR]
    reported = subprocess.run(node.sandbox.outside(command), capture_output=True, check=True).stdout
    folder = Path(json.loads(reported)["Dir"]) / "example" / "prometheus-operator-crd"
    with ExitStack() as stack:
        for plural in MONITORING:
            text = (folder / f"monitoring.coreos.com_{plural}.yaml").read_text()
            stack.enter_context(defined(cluster, yaml.safe_load(text)))
        yield


def test_helm_finds_no_fault(cluster: Cluster, values: dict[str, Any]) -> None:
    _helm("lint", "--strict", str(CHART), "--values", "-", values=values)


def test_an_api_server_takes_every_object(
    cluster: Cluster, prometheus_operator: None, scoped: dict[str, Any], namespace: str
) -> None:
    """The namespace admits restricted pods only; the operator's is tried as a pod of its own."""
    objects = _render(scoped, namespace)
    pods = [_pod_of(each) for each in objects if each["kind"] == "Deployment"]
    for each in (*objects, *pods):
        options = ("--namespace", namespace, "--dry-run=server", "--validate=strict")
        text = json.dumps(each)
        # The release that may be installed by then has objects of these names: nothing is changed.
        forced = ("--server-side", "--force-conflicts")
        cluster.kubectl("apply", *forced, *options, "-f", "-", input=text)


def _pod_of(deployment: dict[str, Any]) -> dict[str, Any]:
    """The pod that a Deployment makes, of an account that is there without the chart."""
    template = deployment["spec"]["template"]
    metadata = {"name": "pod", **template["metadata"]}
    spec = {**template["spec"], "serviceAccountName": "default"}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec}


def test_an_installation_in_namespaces_makes_nothing_that_is_cluster_wide(
    cluster: Cluster, values: dict[str, Any]
) -> None:
    watched = {"watchNamespaces": ["team-a", "team-b", "team-a"], "crds": {"install": False}}
    objects = _render({**values, **watched}, "mill")
    assert {each["kind"] for each in objects} & CLUSTER_WIDE == set()
    places = {
        kind: sorted(e["metadata"]["namespace"] for e in objects if e["kind"] == kind)
        for kind in ("Role", "RoleBinding", "Deployment")
    }
    assert places == {
        "Role": ["team-a", "team-b"],
        "RoleBinding": ["team-a", "team-b"],
        "Deployment": ["mill"],
    }


IN_NAMESPACE = {
    "experiments.rowmill.dev": {"get", "list", "watch", "patch"},
    "experiments.rowmill.dev/status": {"get", "patch"},
    "experiments.rowmill.dev/finalizers": {"update"},
    "jobs.batch": {"get", "list", "watch", "create", "delete", "patch"},
    "configmaps": {"get", "list", "watch", "create", "delete", "patch"},
    "pods": {"get", "list", "watch", "delete"},
    "events": {"get", "list", "watch", "create"},
    "namespaces": {"get"},
}
IN_CLUSTER = {**IN_NAMESPACE, "namespaces": {"get", "list", "watch"}}


@pytest.mark.parametrize("whole", [True, False], ids=["whole cluster", "one namespace"])
def test_the_api_server_grants_the_operator_its_list_and_no_more(
    cluster: Cluster, namespace: str, whole: bool
) -> None:
    """As the API server itself tells, beside what every account may."""
    scope = {} if whole else {"watchNamespaces": [namespace]}
    release = {"fullnameOverride": namespace, "crds": {"install": False}, **scope}
    kinds = {"ServiceAccount", "Role", "RoleBinding", "ClusterRole", "ClusterRoleBinding"}
    objects = [each for each in _render(release, namespace) if each["kind"] in kinds]
    cluster.apply(*objects, namespace=namespace)
    try:
        granted = _granted(cluster, f"system:serviceaccount:{namespace}:{namespace}", namespace)
        everybody = _granted(cluster, f"system:serviceaccount:{namespace}:default", namespace)
    finally:
        for each in objects:
            if each["kind"] in CLUSTER_WIDE:
                cluster.kubectl("delete", each["kind"], each["metadata"]["name"])
    own = {key: verbs for key, verbs in granted.items() if verbs != everybody.get(key)}
    assert own == (IN_CLUSTER if whole else IN_NAMESPACE)


def _granted(cluster: Cluster, account: str, namespace: str) -> dict[str, set[str]]:
    """Verbs by resource, as a SelfSubjectRulesReview lists them."""
    review = {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SelfSubjectRulesReview",
        "spec": {"namespace": namespace},
    }
    options = ("--as", account, "--validate=false", "-o", "json", "-f", "-")
    status = json.loads(cluster.kubectl("create", *options, input=json.dumps(review)))["status"]
    assert not status["incomplete"]
    granted: dict[str, set[str]] = {}
    for rule in status["resourceRules"]:
        for group in rule["apiGroups"]:
            for resource in rule["resources"]:
                plural, slash, sub = resource.partition("/")
                name = f"{plural}.{group}" if group else plural
                granted.setdefault(name + slash + sub, set()).update(rule["verbs"])
    return granted


def test_helms_own_test_passes(installed: Installation) -> None:
    reported = installed.helm(
        "test", RELEASE, "--namespace", RELEASE_NAMESPACE, "--timeout", "180s"
    )
    assert "Succeeded" in reported


def test_an_operator_of_one_namespace_works_by_its_role(
    cluster: Cluster, installed: Installation, namespace: str
) -> None:
    """What it lacks it would say in its log, and never be ready."""
    installed.give_secrets(namespace)
    before = Applied.of(installed, namespace, wide(1_000))
    before.complete()
    known = installed.helm("get", "values", RELEASE, "-n", RELEASE_NAMESPACE, "-o", "json")
    values = {**json.loads(known), "watchNamespaces": [namespace], "crds": {"install": False}}
    options = ("--namespace", namespace, "--wait", "--timeout", "180s", "--values", "-")
    installed.helm("install", "own", str(CHART), *options, input=json.dumps(values))
    reported = installed.helm("test", "own", "--namespace", namespace, "--timeout", "180s")
    assert "Succeeded" in reported
    _serve_side_by_side(installed, namespace)
    _take_over(before, f"{RELEASE_NAMESPACE}/{RELEASE}", f"{namespace}/own")
    log = cluster.kubectl("logs", "deployment/own-rowmill", "--namespace", namespace)
    assert "forbidden" not in log.lower()
    assert f"with the engineId {RELEASE_NAMESPACE}/{RELEASE}, keeps 1 of them" in log
    installed.helm("uninstall", "own", "--namespace", namespace)


def _is_at_run(experiment: Applied, number: int) -> bool:
    return bool(experiment.run()["number"] == number)


def _serve_side_by_side(installed: Installation, namespace: str) -> None:
    """This operator beside that of the whole cluster: each Experiment is one's, and told once."""
    found = [Applied.of(installed, namespace, wide(1_000)) for _ in range(3)]
    impossible = Applied.of(installed, namespace, wide(1_000, podTemplate=NOBODY))
    for each in found:
        each.complete()
        each.annotate(rerun="again")
    for each in found:
        wait_for(partial(_is_at_run, each, 2), 180, "run 2")
        each.complete()
    wait_for(lambda: impossible.condition("Accepted").get("status") == "False", 180, "a refusal")
    stages = {"Starting": 2, "Finalizing": 2, "Complete": 2}
    for each in found:
        reported = _told(each)
        # So small a run may have loaded before it is seen at work.
        assert reported.pop("Running", 0) <= 2
        assert reported == stages | {"LeftToAnother": 1}
    refused_once = {"InvalidSpec": 1, "LeftToAnother": 1}
    wait_for(lambda: _told(impossible) == refused_once, 180, "one refusal and one word about it")


def _take_over(applied: Applied, keeper: str, heir: str) -> None:
    assert applied.status()["operator"]["engine"] == keeper
    assert _told(applied)["LeftToAnother"] == 1
    applied.annotate(adopt=f"{keeper}/{applied.namespace}/{applied.name}")
    wait_for(lambda: applied.run()["number"] == 2, 180, "the run of who takes over")
    assert applied.complete()["operator"]["engine"] == heir
    assert applied.rows("events") == 1_000


def _told(applied: Applied) -> Counter[str]:
    """How many Events there are about an Experiment, by reason."""
    events = applied.cluster.find_all("events", applied.namespace)
    about = [one for one in events if one["involvedObject"]["name"] == applied.name]
    return Counter(one["reason"] for one in about)


def test_the_operator_reads_what_the_values_say(cluster: Cluster) -> None:
    assert _settings({}) == Settings(
        engine="mill/rowmill",
        release="mill/rowmill",
        worker_image="localhost/rowmill-worker:0.1.0",
        resources={"requests": {"cpu": "250m", "memory": "512Mi"}, "limits": {"memory": "1Gi"}},
    )
    assert _settings({**EVERYTHING, "watchNamespaces": ["a", "b"]}) == Settings(
        engine="one:two/{{three}}",
        release="mill/rowmill",
        worker_image="registry.example/rowmill-worker:1",
        pull_policy="Always",
        pull_secrets=("pull", "pull-too"),
        namespaces=("a", "b"),
        postgres_secret="warehouse",
        parquet=ParquetDefault("rowmill", "http://s3.example:8333", "eu-1", "lake"),
        service_accounts=("loader", "other"),
        resources={"requests": {"cpu": 2, "memory": "512Mi"}, "limits": {"memory": "2Gi"}},
        progress_seconds=7.5,
        purge_deadline=60,
    )


def _settings(values: dict[str, Any]) -> Settings:
    (deployment,) = (e for e in _render(values, "mill") if e["kind"] == "Deployment")
    (container,) = deployment["spec"]["template"]["spec"]["containers"]
    return read_settings({each["name"]: each["value"] for each in container["env"]})


def test_the_crd_is_the_generated_one_and_stays(cluster: Cluster) -> None:
    (found,) = (e for e in _render({}, "mill") if e["kind"] == "CustomResourceDefinition")
    assert found["metadata"].pop("annotations") == {"helm.sh/resource-policy": "keep"}
    assert found == crd()


def test_the_dashboard_reaches_grafana_as_it_is(cluster: Cluster) -> None:
    (found,) = (e for e in _render(EVERYTHING, "mill") if e["metadata"]["name"] == "mill-dashboard")
    file = CHART / "files" / "dashboards" / "rowmill.json"
    assert json.loads(found["data"]["rowmill.json"]) == json.loads(file.read_text())
    assert found["metadata"]["labels"]["grafana_dashboard"] == "1"


def test_wrong_values_are_refused_with_their_path(cluster: Cluster) -> None:
    with pytest.raises(RuntimeError, match="watchNamespaces"):
        _render({"watchNamespaces": "team-a"}, "mill")


def test_the_notes_say_what_is_served_and_where_the_images_are_looked_for(
    cluster: Cluster,
) -> None:
    notes = _notes({})
    assert "all namespaces" in notes
    assert "localhost/rowmill-worker:0.1.0" in notes
    assert "no default destinations" in notes
    assert "status.operator" in notes
    notes = _notes({**EVERYTHING, "watchNamespaces": ["team-a"]})
    assert "the namespaces team-a" in notes
    assert "warehouse" in notes
    assert "looked for on the nodes" not in notes


def _notes(values: dict[str, Any]) -> str:
    options = ("--dry-run=client", "--namespace", "mill", "--values", "-")
    reported = _helm("install", "rowmill", str(CHART), *options, values=values)
    return reported.partition("NOTES:")[2]


def _render(values: dict[str, Any], namespace: str) -> list[dict[str, Any]]:
    """The objects of a release `rowmill`, without its test."""
    options = ("--namespace", namespace, "--skip-tests", "--values", "-")
    reported = _helm("template", "rowmill", str(CHART), *options, values=values)
    return [each for each in yaml.safe_load_all(reported) if each]


def _helm(*arguments: str, values: dict[str, Any]) -> str:
    result = subprocess.run(
        [str(binaries.go_program("helm")), *arguments],
        input=json.dumps(values),
        capture_output=True,
        text=True,
        check=False,
    )
    if result.returncode != 0:
        raise RuntimeError(result.stderr + result.stdout)
    return result.stdout
