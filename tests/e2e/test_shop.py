"""The example of the README on a cluster: loaded in pods, and the same rows as on one machine."""

from __future__ import annotations

import copy
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from rowmill.spec.yaml.reader import read_documents
from tests.e2e.cluster.access import Cluster, wait_for
from tests.e2e.experiments import named
from tests.e2e.installation import BUCKET, POSTGRES_SECRET, REPOSITORY, S3_SECRET, Installation

_MANIFEST = (REPOSITORY / "examples" / "shop.yaml").read_text(encoding="utf-8")


@pytest.fixture
def shop() -> dict[str, Any]:
    """The example at a hundredth of its size."""
    (document,) = read_documents(_MANIFEST)
    manifest: dict[str, Any] = json.loads(json.dumps(document.value, default=float))
    manifest["spec"]["scale"] = 0.01
    return manifest


def test_the_shop_is_loaded_as_on_one_machine(
    cluster: Cluster,
    installed: Installation,
    home: str,
    shop: dict[str, Any],
    tmp_path: Path,
) -> None:
    cluster.apply(shop, namespace=home)
    status = _ended(cluster, "shop", home)
    assert status["phase"] == "Complete", status
    assert status["run"]["rows"] == status["run"]["rowsTotal"] > 50_000
    assert status["run"]["percent"] == 100
    assert status["run"]["checksum"].startswith("sha256:")
    for table in status["tables"]:
        assert table["rows"] == table["rowsTotal"]
        assert named(table["completedBatches"]) == set(range(table["batches"]))
    done = ("wait", "--for=condition=Complete", "experiment/shop", "--timeout=5s")
    cluster.kubectl(*done, "--namespace", home)
    head, line = cluster.kubectl("get", "exp", "shop", "--namespace", home).splitlines()
    assert head.split() == ["NAME", "PHASE", "PROGRESS", "ROWS", "RATE", "ETA", "AGE"]
    assert line.split()[:3] == ["shop", "Complete", "100"]

    with installed.postgres() as database:
        lines = database.execute("SELECT count(*) FROM shop.order_lines").fetchone()
        constraints = database.execute(
            "SELECT count(*) FROM pg_constraint WHERE connamespace = 'shop'::regnamespace"
            " AND contype IN ('p', 'f', 'u')"
        ).fetchone()
    assert lines == (48_000,)
    assert constraints is not None
    assert constraints[0] > 20
    # The pods' Python and numpy are other ones than those of this process.
    with installed.s3() as store:
        listed = store.list_objects_v2(Bucket=BUCKET, Prefix="shop/order_lines/")["Contents"]
    assert [each["Key"].endswith(".parquet") for each in listed] == [True]

    with installed.secret_options(tmp_path) as secrets:
        there = _verify(_reaching(shop), tmp_path / "there.yaml", *secrets)
    file = _written(shop, tmp_path / "here.yaml")
    _rowmill("run", "-f", str(file), "--progress=none")
    assert there == _verify(shop, file)


def _ended(cluster: Cluster, name: str, namespace: str) -> dict[str, Any]:
    def status() -> dict[str, Any] | None:
        found: dict[str, Any] = cluster.get("experiment", name, namespace).get("status", {})
        return found if found.get("phase") in {"Complete", "Failed"} else None

    return wait_for(status, 300, f"the end of experiment {name}")


def _reaching(shop: dict[str, Any]) -> dict[str, Any]:
    manifest = copy.deepcopy(shop)
    destinations = manifest["spec"]["destinations"]
    destinations["postgres"]["secretName"] = POSTGRES_SECRET
    destinations["parquet"]["secretName"] = S3_SECRET
    return manifest


def _verify(manifest: dict[str, Any], file: Path, *options: str) -> dict[str, list[str]]:
    report = json.loads(
        _rowmill("verify", "-f", str(_written(manifest, file)), "-o", "json", *options)
    )
    assert report["identical"], report
    return {
        table["table"]: [each["checksum"] for each in table["destinations"]]
        for table in report["tables"]
    }


def _written(manifest: dict[str, Any], file: Path) -> Path:
    file.write_text(json.dumps(manifest), encoding="utf-8")
    return file


def _rowmill(*arguments: str) -> str:
    result = subprocess.run(
        [sys.executable, "-m", "rowmill", *arguments], capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, result.stderr + result.stdout
    return result.stdout
