"""The CustomResourceDefinition on a real API server: accepted, and refusing what it should."""

from __future__ import annotations

import copy
import json
import uuid
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from rowmill.spec.crd.definition import crd
from rowmill.spec.yaml.reader import read_documents
from tests.e2e.cluster.access import Cluster, KubectlError
from tests.e2e.definitions import defined

ROOT = Path(__file__).parents[2]
EXAMPLES = sorted((ROOT / "examples").glob("*.yaml"))
VALID = sorted((ROOT / "tests" / "unit" / "spec" / "valid").glob("*.yaml"))

# A group of this process's own: the definition under its real name is the chart's to install.
GROUP = f"crd-{uuid.uuid4().hex[:8]}.rowmill.dev"
VERSION = f"{GROUP}/v1alpha1"
RESOURCE = f"experiments.{GROUP}"


@pytest.fixture(scope="module")
def api(cluster: Cluster) -> Iterator[Cluster]:
    """The cluster, which knows the definition in a group of the tests' own."""
    definition = crd()
    definition["metadata"]["name"] = RESOURCE
    definition["spec"]["group"] = GROUP
    with defined(cluster, definition):
        yield cluster


def _experiment(name: str = "shop", **spec: Any) -> dict[str, Any]:
    return {
        "apiVersion": VERSION,
        "kind": "Experiment",
        "metadata": {"name": name},
        "spec": {
            "tables": [_table({"name": "id", "type": "bigint"})],
            "destinations": {"postgres": {}},
            **spec,
        },
    }


def _table(*columns: Mapping[str, Any], **more: Any) -> dict[str, Any]:
    return {"name": "t", "rows": 5, "columns": list(columns), **more}


def _column(**column: Any) -> dict[str, Any]:
    return _experiment(tables=[_table({"name": "c", "type": "integer", **column})])


def _generate(**member: Any) -> dict[str, Any]:
    return _column(generate=member)


def _to(**destinations: Any) -> dict[str, Any]:
    return _experiment(destinations=destinations)


def _try(cluster: Cluster, manifest: str | Mapping[str, Any]) -> str:
    """Create without creating; the server's refusal, empty if there is none."""
    text = manifest if isinstance(manifest, str) else json.dumps(manifest, default=float)
    options = ("--dry-run=server", "--validate=strict", "-f", "-")
    try:
        cluster.kubectl("create", *options, input=text)
    except KubectlError as error:
        return str(error)
    return ""


def test_it_is_structural(api: Cluster) -> None:
    conditions = api.get("crd", RESOURCE)["status"]["conditions"]
    found = {condition["type"]: condition["status"] for condition in conditions}
    assert (found["NamesAccepted"], found["Established"]) == ("True", "True")
    assert "NonStructuralSchema" not in found


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_examples_are_accepted(api: Cluster, path: Path) -> None:
    text = path.read_text("utf-8").replace("rowmill.dev/v1alpha1", VERSION)
    assert _try(api, text) == ""


@pytest.mark.parametrize("path", VALID, ids=lambda path: path.stem)
def test_valid_manifests_are_accepted(api: Cluster, path: Path) -> None:
    (document,) = read_documents(path.read_text("utf-8"))
    name = {"name": document.value["metadata"]["name"]}
    assert _try(api, {**document.value, "apiVersion": VERSION, "metadata": name}) == ""


REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "name-too-long": (_experiment("a" * 39), "at most 38"),
    "name-begins-with-a-digit": (_experiment("1shop"), "a letter first"),
    "rows-and-rows-per": (
        _experiment(
            tables=[
                _table({"name": "c", "type": "bigint"}, rowsPer={"table": "p", "mean": 1, "max": 2})
            ]
        ),
        "exactly one of rows and rowsPer",
    ),
    "neither-rows-nor-rows-per": (
        _experiment(tables=[{"name": "t", "columns": [{"name": "c", "type": "bigint"}]}]),
        "exactly one of rows and rowsPer",
    ),
    "generate-and-references": (
        _column(generate={"sequence": {}}, references={"table": "p", "column": "id"}),
        "both generate and references",
    ),
    "two-members": (_generate(sequence={}, ordinal={}), "at most 1"),
    "no-member": (_generate(), "at least 1"),
    "array-of-arrays": (
        _generate(array={"of": {"array": {"of": {"sequence": {}}}}}),
        "unknown field",
    ),
    "unknown-field": (_experiment(paralelism=2), "unknown field"),
    "unknown-field-of-affinity": (
        _experiment(podTemplate={"affinity": {"podafinity": {}}}),
        "unknown field",
    ),
    "decimal-where-an-integer-or-text-is": (_generate(constant=1.5), "generate.constant"),
    "boolean-where-an-integer-or-text-is": (_generate(constant=True), "generate.constant"),
    "no-duration": (
        _generate(after={"column": "c", "mean": "5x"}),
        "should match",
    ),
    "too-many-rows": (
        _experiment(tables=[{**_table({"name": "c", "type": "bigint"}), "rows": 10**12 + 1}]),
        "less than or equal to 1000000000000",
    ),
    "half-a-row": (
        _experiment(tables=[{**_table({"name": "c", "type": "bigint"}), "rows": 1.5}]),
        "must be of type integer",
    ),
    "name-of-64-characters": (
        _experiment(tables=[_table({"name": "c" * 64, "type": "text"})]),
        "63",
    ),
    "no-table": (_experiment(tables=[]), "at least 1"),
    "no-scale": (_experiment(scale=0), "should be greater than 0"),
    "no-destination": (_experiment(destinations={}), "at least 1"),
    "endpoint-without-credentials": (
        _to(parquet={"bucket": "lake", "endpoint": "http://s3:1"}),
        "credentials of its own",
    ),
    "two-identities-of-parquet": (
        _to(parquet={"bucket": "lake", "secretName": "s", "auth": "ambient"}),
        "keep one of them",
    ),
    "two-identities-of-postgres": (
        _to(postgres={"secretName": "s", "auth": "ambient"}),
        "keep one of them",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_wrong_is_refused_with_its_reason(api: Cluster, case: str) -> None:
    manifest, reason = REFUSED[case]
    assert reason in _try(api, manifest)


LAKE = {"bucket": "lake", "endpoint": "http://s3:1", "secretName": "s"}
BOTH = {"postgres": {"secretName": "s"}, "parquet": LAKE}


@pytest.fixture
def created(api: Cluster, namespace: str) -> Any:
    """A function that patches an experiment in the namespace and returns the refusal, if any."""
    api.apply(_experiment(destinations=BOTH, parallelism=2), namespace=namespace)

    def patch(spec: Mapping[str, Any]) -> str:
        options = ("--namespace", namespace, "--type=merge", "-p", json.dumps({"spec": spec}))
        try:
            api.kubectl("patch", RESOURCE, "shop", *options)
        except KubectlError as error:
            return str(error)
        return ""

    return patch


@pytest.mark.parametrize(
    ("destinations", "where"),
    [
        ({"parquet": None}, "parquet can be neither added nor removed"),
        ({"postgres": {"schema": "other"}}, "spec.destinations.postgres.schema"),
        ({"postgres": {"ledgerSchema": "other"}}, "spec.destinations.postgres.ledgerSchema"),
        ({"parquet": {"bucket": "other"}}, "spec.destinations.parquet.bucket"),
        ({"parquet": {"prefix": "other/"}}, "spec.destinations.parquet.prefix"),
        ({"parquet": {"prefix": ""}}, "spec.destinations.parquet.prefix"),
        ({"parquet": {"endpoint": "http://s3:2"}}, "spec.destinations.parquet.endpoint"),
        ({"parquet": {"endpoint": None}}, "spec.destinations.parquet.endpoint"),
    ],
)
def test_where_the_data_is_cannot_change(
    created: Any, destinations: Mapping[str, Any], where: str
) -> None:
    refusal = created({"destinations": destinations})
    assert where in refusal
    assert "another Experiment" in refusal


def test_what_is_said_by_default_may_be_written_out(created: Any) -> None:
    postgres = {"schema": "shop", "ledgerSchema": "rowmill", "secretName": "other"}
    assert created({"destinations": {"postgres": postgres, "parquet": {"prefix": "shop/"}}}) == ""
    assert created({"seed": 9, "destinations": {"parquet": {"compression": "gzip"}}}) == ""


def test_nothing_is_added_to_what_was_written(api: Cluster, namespace: str) -> None:
    (document,) = read_documents((ROOT / "examples" / "shop.yaml").read_text("utf-8"))
    plain = json.loads(json.dumps(document.value, default=float))
    api.apply({**plain, "apiVersion": VERSION}, namespace=namespace)
    assert api.get(RESOURCE, "shop", namespace)["spec"] == plain["spec"]


STATUS: dict[str, Any] = {
    "observedGeneration": 1,
    "phase": "Running",
    "workers": 2,
    "selector": "rowmill.dev/experiment=shop",
    "conditions": [
        {
            "type": "Progressing",
            "status": "True",
            "reason": "Loading",
            "message": "loading",
            "observedGeneration": 1,
            "lastTransitionTime": "2026-01-01T00:00:00Z",
        }
    ],
    "run": {
        "number": 1,
        "id": "0123",
        "digest": "sha256:00",
        "dataVersion": 1,
        "image": "worker:1",
        "startedAt": "2026-01-01T00:00:00Z",
        "finishedAt": "2026-01-01T00:01:00Z",
        "rows": 4_200,
        "rowsTotal": 10_000,
        "percent": 42.5,
        "rowsPerSecond": 1234.5,
        "etaSeconds": 9.5,
        "lastUpdated": "2026-01-01T00:00:05Z",
        "batchRows": 1_000,
        "shards": 4,
        "shardsDone": 2,
        "job": "shop-run-1",
        "rerun": "",
        "step": "keys",
        "outcome": "Complete",
        "reason": "Published",
        "message": "published",
        "resume": "again",
        "refused": {"reason": "AccessDenied", "message": "the bucket refuses"},
        "checksum": "sha256:11",
    },
    "tables": [
        {
            "name": "t",
            "rows": 4_200,
            "rowsTotal": 10_000,
            "batches": 10,
            "completedBatches": "0-2,4",
        }
    ],
    "history": [
        {
            "number": 1,
            "id": "0123",
            "digest": "sha256:00",
            "phase": "Failed",
            "startedAt": "2026-01-01T00:00:00Z",
            "finishedAt": "2026-01-01T00:01:00Z",
            "rows": 3,
            "reason": "Aborted",
        }
    ],
}


def test_a_status_is_kept_whole_and_shown(api: Cluster, namespace: str, created: Any) -> None:
    where = (RESOURCE, "shop", "--namespace", namespace)
    patch = json.dumps({"status": STATUS})
    api.kubectl("patch", *where, "--subresource=status", "--type=merge", "-p", patch)
    assert api.get(RESOURCE, "shop", namespace)["status"] == STATUS

    head, row = api.kubectl("get", *where).splitlines()
    assert head.split() == ["NAME", "PHASE", "PROGRESS", "ROWS", "RATE", "ETA", "AGE"]
    assert row.split()[:-1] == ["shop", "Running", "42", "4200", "1234", "9"]
    head, row = api.kubectl("get", *where, "--output=wide").splitlines()
    assert head.split()[-3:] == ["DONE", "TOTAL", "MESSAGE"]
    assert row.split()[-3:] == ["2", "4", "loading"]
    assert "shop" in api.kubectl("get", "all", "--namespace", namespace)


def test_a_status_is_no_part_of_the_spec(api: Cluster, namespace: str, created: Any) -> None:
    changed = {**_experiment(destinations=BOTH, parallelism=2), "status": STATUS}
    api.apply(changed, namespace=namespace)
    assert "status" not in api.get(RESOURCE, "shop", namespace)


def test_scaling_sets_the_parallelism(api: Cluster, namespace: str, created: Any) -> None:
    api.kubectl("scale", f"{RESOURCE}/shop", "--replicas=7", "--namespace", namespace)
    assert api.get(RESOURCE, "shop", namespace)["spec"]["parallelism"] == 7


def test_explain_tells_what_a_field_is(api: Cluster) -> None:
    options = ("--api-version", VERSION)
    tables = api.kubectl("explain", "experiments.spec.tables", *options)
    assert "The table's name: any text of 1 to 63 bytes." in tables
    integer = "experiments.spec.tables.columns.generate.integer"
    assert "The smallest value, inclusive." in api.kubectl("explain", integer, *options)


def test_a_large_manifest_can_be_applied_by_the_server(api: Cluster, namespace: str) -> None:
    columns = [{"name": f"c{i}", "type": "bigint"} for i in range(20)]
    tables = [{**_table(*copy.deepcopy(columns)), "name": f"t{i}"} for i in range(500)]
    text = json.dumps(_experiment(tables=tables))
    api.kubectl("apply", "--server-side", "--namespace", namespace, "-f", "-", input=text)
    assert len(api.get(RESOURCE, "shop", namespace)["spec"]["tables"]) == 500
