"""A bundle is read as the operator wrote it, or refused for good."""

import gzip
import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from rowmill.plan.bundle import Bundle, pack
from rowmill.plan.freeze import freeze
from rowmill.spec.cluster import Defaults, ParquetDefault
from rowmill.spec.load import load_spec
from rowmill.spec.problems import InvalidManifest
from rowmill_job.bundle import BundleRefused, read_bundle, source_of, spec_of

MANIFEST: dict[str, Any] = {
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


def escaped(text: str) -> str:
    """The text with everything that is not plain ASCII as YAML's own escapes."""
    return re.sub(r"[^ -~]", lambda found: f"\\U{ord(found[0]):08x}", text)


def bundle() -> Bundle:
    spec = load_spec("m", text=escaped(json.dumps(MANIFEST, ensure_ascii=False)))
    return Bundle(
        engine="e",
        namespace="team",
        uid="u",
        number=3,
        adopt=None,
        image="i",
        manifest=MANIFEST,
        defaults=Defaults("warehouse", ParquetDefault("lake", "http://s3:8333", None, "lake")),
        plan=freeze(
            spec.dataset,
            digest=spec.digest,
            parallelism=1,
            worker_memory=2**29,
            parquet_types=spec.parquet_types,
        ),
    )


def planned(**changes: Any) -> Bundle:
    """The bundle with another plan."""
    return replace(bundle(), plan=replace(bundle().plan, **changes))


def test_what_the_operator_wrote_is_what_is_read(tmp_path: Path) -> None:
    path = tmp_path / "run.json.gz"
    path.write_bytes(pack(bundle()))
    assert read_bundle(path) == bundle()


def test_the_spec_is_the_manifests_with_the_charts_defaults() -> None:
    spec = spec_of(bundle())
    assert spec.digest == bundle().plan.digest
    assert spec.namespace == "team"
    assert spec.rerun == MANIFEST["spec"]["rerun"]
    assert spec.postgres is not None
    assert spec.postgres.secret_name == "warehouse"
    assert spec.parquet is not None
    assert (spec.parquet.secret_name, spec.parquet.endpoint) == ("lake", "http://s3:8333")


def test_the_spec_is_read_by_the_plans_data_version() -> None:
    """Its manifest may be one that no other version takes."""
    name = {"name": "name", "type": "text", "generate": {"faker": {"provider": "name"}}}
    address = {"template": "{name|slug}@example.com"}
    mail = {"name": "mail", "type": "varchar(76)", "generate": address}
    tables = [{"name": "a", "rows": 10, "columns": [name, mail]}]
    manifest = {**MANIFEST, "spec": {**MANIFEST["spec"], "tables": tables}}
    named = {**manifest, "spec": {**manifest["spec"], "dataVersion": 2}}
    digest = load_spec("m", text=escaped(json.dumps(named, ensure_ascii=False))).digest
    of_two = replace(planned(digest=digest, data_version=2), manifest=manifest)
    assert spec_of(of_two).data_version == 2


def test_what_is_kept_with_the_run_leads_to_the_same_spec() -> None:
    kept = json.loads(json.dumps(source_of(bundle()).to_json()))
    assert load_spec("kept", text=kept["manifest"]).digest == bundle().plan.digest
    assert kept["rerun"] == MANIFEST["spec"]["rerun"]
    assert kept["cluster"]["namespace"] == "team"
    assert kept["cluster"]["defaults"]["postgres"] == {"secretName": "warehouse"}


def test_a_bundle_of_another_make_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "run.json.gz"
    path.write_bytes(gzip.compress(b'{"bundle": 2}'))
    with pytest.raises(BundleRefused, match="format 2, this image reads 1") as refusal:
        read_bundle(path)
    assert refusal.value.reason == "BundleUnreadable"


def test_a_data_version_that_this_image_lacks_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "run.json.gz"
    path.write_bytes(pack(planned(data_version=99)))
    with pytest.raises(BundleRefused, match="data version 99, this image knows 1") as refusal:
        read_bundle(path)
    assert refusal.value.reason == "DataVersionUnknown"


def test_a_plan_for_another_manifest_is_refused() -> None:
    with pytest.raises(BundleRefused, match=r"sha256:other in the plan") as refusal:
        spec_of(planned(digest="sha256:other"))
    assert refusal.value.reason == "DigestDiffers"


def test_a_manifest_that_the_rules_refuse_is_refused_by_path() -> None:
    manifest = json.loads(json.dumps(MANIFEST))
    manifest["spec"]["tables"][0]["columns"][0]["type"] = "bigger"
    with pytest.raises(InvalidManifest, match=r"spec\.tables\[0\]\.columns\[0\]\.type"):
        spec_of(replace(bundle(), manifest=manifest))


def test_a_bundle_that_is_not_mounted_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BundleRefused, match="FileNotFoundError") as refusal:
        read_bundle(tmp_path / "run.json.gz")
    assert refusal.value.reason == "BundleUnreadable"
