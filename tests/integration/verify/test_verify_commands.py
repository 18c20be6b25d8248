"""The commands `verify` and `trace`: exit codes, messages, JSON, and no secret anywhere."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from rowmill.cli.app import app
from rowmill.local.home.folder import Home
from tests.integration.verify.published_data import PublishedData


@pytest.fixture
def manifest(data: PublishedData, tmp_path: Path) -> Path:
    path = tmp_path / "to-verify.yaml"
    path.write_text(data.manifest, encoding="utf-8")
    return path


def _rowmill(*arguments: object) -> Result:
    return CliRunner().invoke(app, [str(each) for each in arguments])


def test_identical_data_exits_with_0(manifest: Path) -> None:
    result = _rowmill("verify", "-f", manifest)
    assert result.exit_code == 0, result.output
    assert "Identical: all 10,000 rows" in result.stdout


def test_differences_exit_with_1_and_name_the_cell(data: PublishedData, manifest: Path) -> None:
    with data.damaged("customers", "UPDATE {} SET name = 'Nobody' WHERE id = 100"):
        text = _rowmill("verify", "-f", manifest)
        document = _rowmill("verify", "-f", manifest, "-o", "json")
    assert (text.exit_code, document.exit_code) == (1, 1)
    assert 'found "Nobody"' in text.stdout
    assert text.stdout.endswith("` makes it again.\n")
    report = json.loads(document.stdout)
    assert report["identical"] is False
    tables = {table["table"]: table for table in report["tables"]}
    postgres, parquet = tables["customers"]["destinations"]
    assert postgres["counts"] == {"changed": 1}
    assert postgres["differences"][0]["cells"][0]["found"] == "Nobody"
    assert parquet["identical"] is True


def test_a_missing_object_is_named(data: PublishedData, manifest: Path) -> None:
    with data.damaged_object("customers", 0, lambda content: None) as url:
        result = _rowmill("verify", "-f", manifest)
    assert result.exit_code == 1
    assert f"customers in parquet: {url}: it is gone" in result.stdout
    assert "1 problem" in result.stdout


def test_the_scale_that_was_run_is_known(data: PublishedData, home: Home, manifest: Path) -> None:
    scaled = data.manifest.replace(data.spec.name, f"{data.spec.name}-scaled")
    data = PublishedData(scaled, home, scale="0.1")
    manifest.write_text(scaled, encoding="utf-8")
    with data.damaged("customers", "DELETE FROM {} WHERE id = 100"):
        damaged = _rowmill("verify", "-f", manifest)
    assert f"`rowmill rerun -f {manifest}` makes it again." in damaged.stdout
    result = _rowmill("verify", "-f", manifest)
    assert result.exit_code == 0, result.output
    assert "Identical: all 1,000 rows" in result.stdout


def test_the_rerun_that_an_annotation_asked_for_is_known(
    data: PublishedData, home: Home, manifest: Path
) -> None:
    again = data.manifest.replace(data.spec.name, f"{data.spec.name}-again")
    PublishedData(again, home, scale="0.1", rerun="on a cluster")
    manifest.write_text(again, encoding="utf-8")
    result = _rowmill("verify", "-f", manifest)
    assert result.exit_code == 0, result.output


def test_an_edited_manifest_is_refused_by_name_of_the_run(
    data: PublishedData, manifest: Path
) -> None:
    manifest.write_text(data.manifest.replace("seed: 11", "seed: 12"), encoding="utf-8")
    result = _rowmill("verify", "-f", manifest)
    assert result.exit_code == 2
    assert f"what is published is run {data.run.number} of another manifest" in result.stderr
    assert data.run.plan.digest[:19] in result.stderr


def test_what_was_never_run_is_refused(data: PublishedData, manifest: Path) -> None:
    text = data.manifest.replace(data.spec.name, "never-run")
    manifest.write_text(text, encoding="utf-8")
    for command in (["verify"], ["trace", "customers", "1"]):
        result = _rowmill(command[0], "-f", manifest, *command[1:])
        assert result.exit_code == 2
        assert "no run of it is published yet" in result.stderr


def test_trace_tells_the_way_of_a_row(manifest: Path) -> None:
    text = _rowmill("trace", "-f", manifest, "customers", "107")
    assert text.exit_code == 0, text.output
    assert "batch       0: rows 0 to 999" in text.stdout
    assert text.stdout.count("as it was made") == 2
    document = json.loads(
        _rowmill("trace", "-f", manifest, "customers", "107", "-o", "json").stdout
    )
    assert (document["row"], document["partRows"], document["identical"]) == (1, [0, 3000], True)


def test_trace_of_what_is_not_there_is_refused(manifest: Path) -> None:
    for arguments, message in (
        (["customers", "101"], "made no row of 'customers' with id=101"),
        (["nowhere", "1"], "there is no table 'nowhere'; the tables are customers"),
        (["keyless", "1"], "has no key"),
    ):
        result = _rowmill("trace", "-f", manifest, *arguments)
        assert result.exit_code == 2
        assert message in result.stderr


def test_no_output_holds_a_secret(data: PublishedData, manifest: Path) -> None:
    assert data.connections.postgres is not None
    assert data.connections.s3 is not None
    secrets = [
        data.connections.postgres()["PGPASSWORD"],
        data.connections.s3()["AWS_SECRET_ACCESS_KEY"],
    ]
    outputs = [
        _rowmill("verify", "-f", manifest).output,
        _rowmill("verify", "-f", manifest, "-o", "json").output,
        _rowmill("trace", "-f", manifest, "customers", "107", "-o", "json").output,
    ]
    assert not [secret for secret in secrets for text in outputs if secret in text]
