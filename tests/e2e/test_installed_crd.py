"""A CRD that was installed by hand, and that the chart is then to take over."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml

from rowmill.spec.crd.definition import crd
from tests.e2e.cluster.access import Cluster
from tests.e2e.definitions import defined
from tests.e2e.installation import CHART, Installation

# The CRD of the installation under test stays as it is: this one is of another group.
GROUP = "by-hand.example"
CRD = f"experiments.{GROUP}"


def test_helm_takes_over_a_crd_that_was_installed_by_hand(
    cluster: Cluster, installed: Installation, namespace: str, tmp_path: Path
) -> None:
    """As docs/kubernetes.md says under Upgrades."""
    chart = _chart_of_another_group(tmp_path)

    def upgrade(*options: str) -> None:
        options = ("--install", "--namespace", namespace, "--values", "-", *options)
        installed.helm("upgrade", "own", str(chart), *options, input=_values(namespace))

    with defined(cluster, _of_another_group(crd())):
        with pytest.raises(RuntimeError, match="invalid ownership metadata"):
            upgrade()
        cluster.kubectl("label", "crd", CRD, "app.kubernetes.io/managed-by=Helm")
        release = ("name=own", f"namespace={namespace}")
        cluster.kubectl("annotate", "crd", CRD, *(f"meta.helm.sh/release-{one}" for one in release))
        with pytest.raises(RuntimeError, match="conflict"):
            upgrade()
        upgrade("--force-conflicts")
        upgrade()
        installed.helm("uninstall", "own", "--namespace", namespace)
        kept = json.loads(cluster.kubectl("get", "crd", CRD, "-o", "json"))
        assert kept["metadata"]["annotations"]["helm.sh/resource-policy"] == "keep"
        assert "deletionTimestamp" not in kept["metadata"]


def _chart_of_another_group(folder: Path) -> Path:
    chart = Path(shutil.copytree(CHART, folder / "chart"))
    for path in (chart / "files" / "crds").iterdir():
        definition = _of_another_group(yaml.safe_load(path.read_text("utf-8")))
        path.write_text(yaml.safe_dump(definition, sort_keys=False), encoding="utf-8")
    return chart


def _of_another_group(definition: dict[str, Any]) -> dict[str, Any]:
    return {
        **definition,
        "metadata": {**definition["metadata"], "name": CRD},
        "spec": {**definition["spec"], "group": GROUP},
    }


def _values(namespace: str) -> str:
    """An installation whose operator never starts."""
    return json.dumps({"watchNamespaces": [namespace], "nodeSelector": {"no": "such-node"}})
