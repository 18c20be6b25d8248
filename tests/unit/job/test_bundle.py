"""A bundle is read as the operator wrote it, or refused for good."""

import gzip
import json
import re
from pathlib import Path
from typing import Any

import pytest

from rowmill.plan.freeze import freeze
from rowmill.spec.load import load_spec
from rowmill.spec.problems import InvalidManifest
from rowmill_job.bundle import BundleRefused, read_bundle, spec_of

MANIFEST = {
    "apiVersion": "rowmill.dev/v1alpha1",
    "kind": "Experiment",
    "metadata": {"name": "shop", "namespace": "team"},
    "spec": {
        "rerun": "é\x7f\u2028\U0001f600",
        "tables": [
            {
                "name": "a",
                "rows": 10,
                "columns": [
                    {"name": "x", "type": "text", "generate": {"constant": "\x85\U0001f600\\"}}
                ],
            }
        ],
        "destinations": {"postgres": {}, "parquet": {"bucket": "lake"}},
    },
}
PARQUET = {"bucket": "lake", "endpoint": "http://s3:8333", "region": None, "secretName": "lake"}


def escaped(text: str) -> str:
    """The text with everything that is not plain ASCII as YAML's own escapes."""
    return re.sub(r"[^ -~]", lambda found: f"\\U{ord(found[0]):08x}", text)


def document(**changes: Any) -> dict[str, Any]:
    spec = load_spec("m", text=escaped(json.dumps(MANIFEST, ensure_ascii=False)))
    plan = freeze(spec.dataset, digest=spec.digest, parallelism=1, worker_memory=2**29)
    return {
        "bundle": 1,
        "engine": "e",
        "namespace": "team",
        "uid": "u",
        "number": 3,
        "adopt": None,
        "image": "i",
        "manifest": MANIFEST,
        "defaults": {"postgres": {"secretName": "warehouse"}, "parquet": PARQUET},
        "plan": plan.to_json(),
        **changes,
    }


def written(tmp_path: Path, content: Any) -> Path:
    path = tmp_path / "run.json.gz"
    path.write_bytes(gzip.compress(json.dumps(content).encode()))
    return path


def test_what_the_operator_wrote_is_what_is_read(tmp_path: Path) -> None:
    bundle = read_bundle(written(tmp_path, document()))
    spec = spec_of(bundle)
    assert (bundle.engine, bundle.uid, bundle.number, bundle.adopt) == ("e", "u", 3, None)
    assert spec.digest == bundle.plan.digest
    assert spec.namespace == "team"
    assert spec.rerun == MANIFEST["spec"]["rerun"]  # type: ignore[index] # a dict
    assert spec.postgres is not None
    assert spec.postgres.secret_name == "warehouse"
    assert spec.parquet is not None
    assert (spec.parquet.secret_name, spec.parquet.endpoint) == ("lake", "http://s3:8333")


def test_what_is_kept_with_the_run_leads_to_the_same_spec(tmp_path: Path) -> None:
    bundle = read_bundle(written(tmp_path, document()))
    kept = json.loads(json.dumps(bundle.source))
    assert load_spec("kept", text=kept["manifest"]).digest == bundle.plan.digest
    assert kept["cluster"]["namespace"] == "team"
    assert kept["cluster"]["defaults"]["postgres"] == {"secretName": "warehouse"}


@pytest.mark.parametrize(
    ("changes", "reason", "words"),
    [
        ({"bundle": 2}, "BundleUnreadable", "format 2, this image reads 1"),
        ({"defaults": {}}, "BundleUnreadable", "'postgres'"),
        ({"plan": []}, "BundleUnreadable", "not as this image knows it"),
        ({"manifest": None}, "BundleUnreadable", "manifest"),
        ({"number": "1"}, "BundleUnreadable", "number"),
    ],
)
def test_a_bundle_of_another_make_is_refused(
    tmp_path: Path, changes: dict[str, Any], reason: str, words: str
) -> None:
    with pytest.raises(BundleRefused, match=words) as refusal:
        read_bundle(written(tmp_path, document(**changes)))
    assert refusal.value.reason == reason


def test_a_data_version_that_this_image_lacks_is_refused(tmp_path: Path) -> None:
    plan = {**document()["plan"], "data_version": 99}
    with pytest.raises(BundleRefused, match="data version 99, this image knows 1") as refusal:
        read_bundle(written(tmp_path, document(plan=plan)))
    assert refusal.value.reason == "DataVersionUnknown"


def test_a_plan_for_another_manifest_is_refused(tmp_path: Path) -> None:
    plan = {**document()["plan"], "digest": "sha256:other"}
    bundle = read_bundle(written(tmp_path, document(plan=plan)))
    with pytest.raises(BundleRefused, match=r"sha256:other in the plan"):
        spec_of(bundle)


def test_a_manifest_that_the_rules_refuse_is_refused_by_path(tmp_path: Path) -> None:
    manifest = json.loads(json.dumps(MANIFEST))
    manifest["spec"]["tables"][0]["columns"][0]["type"] = "bigger"
    bundle = read_bundle(written(tmp_path, document(manifest=manifest)))
    with pytest.raises(InvalidManifest, match=r"spec\.tables\[0\]\.columns\[0\]\.type"):
        spec_of(bundle)


@pytest.mark.parametrize(
    "spoilt",
    [b"", b"not gzip", gzip.compress(b"[1]"), gzip.compress(b"{}{}"), gzip.compress(b"{}")[:-3]],
    ids=["empty", "plain", "list", "two", "cut"],
)
def test_a_spoilt_bundle_is_refused(tmp_path: Path, spoilt: bytes) -> None:
    path = tmp_path / "run.json.gz"
    path.write_bytes(spoilt)
    with pytest.raises(BundleRefused) as refusal:
        read_bundle(path)
    assert refusal.value.reason == "BundleUnreadable"


def test_a_bundle_that_is_not_mounted_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BundleRefused, match="FileNotFoundError"):
        read_bundle(tmp_path / "run.json.gz")


def test_a_bomb_is_not_unpacked(tmp_path: Path) -> None:
    path = tmp_path / "run.json.gz"
    path.write_bytes(gzip.compress(b" " * (65 * 2**20), 1))
    with pytest.raises(BundleRefused):
        read_bundle(path)
