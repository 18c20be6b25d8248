"""The chart's values: their schema, their defaults and the README that lists them."""

from __future__ import annotations

import json
import runpy
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft7Validator

import rowmill

ROOT = Path(__file__).parents[3]
CHART = ROOT / "helm" / "rowmill"
SCHEMA = json.loads((CHART / "values.schema.json").read_text())


def _defaults() -> dict[str, Any]:
    values = yaml.safe_load((CHART / "values.yaml").read_text())
    assert isinstance(values, dict)
    return values


def _with(path: str, value: object) -> dict[str, Any]:
    """The defaults with one value, at a dotted path, replaced."""
    values = node = _defaults()
    *parents, last = path.split(".")
    for key in parents:
        node = node[key]
    node[last] = value
    return values


def _leaves(schema: dict[str, Any], path: str = "") -> set[str]:
    """The dotted paths that the schema knows, down to values that hold no others by name."""
    name = schema.get("$ref", "").rpartition("/")[2]
    schema = SCHEMA["definitions"][name] if name else schema
    if not schema.get("properties") or name in ("resources",) or path == "podSecurityContext":
        return {path}
    prefix = f"{path}." if path else ""
    return set().union(*(_leaves(s, prefix + key) for key, s in schema["properties"].items()))


def test_the_schema_is_one_and_takes_the_defaults() -> None:
    Draft7Validator.check_schema(SCHEMA)
    assert list(Draft7Validator(SCHEMA).iter_errors(_defaults())) == []


def test_schema_and_readme_know_the_same_values() -> None:
    script = runpy.run_path(str(ROOT / "scripts" / "make_chart_reference.py"))
    documented = {path for path, _, _ in script["values"]()}
    assert _leaves(SCHEMA) - {"global"} == documented


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("image.repository", ""),
        ("image.tag", "not a tag"),
        ("worker.image.pullPolicy", "Sometimes"),
        ("worker.allowedServiceAccounts", ["Upper"]),
        ("watchNamespaces", "team-a"),
        ("watchNamespaces", ["a,b"]),
        ("engineId", "two words"),
        ("destinations.parquet.endpoint", "http://key:secret@s3.example"),
        ("destinations.parquet.secretName", "lake"),  # no bucket goes with it
        ("podSecurityContext", {"runAsUser": 0}),
        ("podSecurityContext", {"runAsNonRoot": False}),
        ("networkPolicy.apiServerPorts", []),
        ("metrics.podMonitor.interval", "often"),
        ("replicas", 2),
    ],
)
def test_wrong_values_are_refused(path: str, value: object) -> None:
    assert not Draft7Validator(SCHEMA).is_valid(_with(path, value))


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("image.repository", "registry.example:5000/team/rowmill-operator"),
        ("worker.image.tag", "sha256:" + "0" * 64),
        ("watchNamespaces", ["team-a", "team-b"]),
        ("destinations.parquet", {"bucket": "lake", "secretName": "lake"}),
        ("resources.limits", {"cpu": 2, "memory": "1Gi"}),
        ("networkPolicy.metricsFrom", [{"namespaceSelector": {}}]),
        ("global", {"anything": 1}),
    ],
)
def test_right_values_are_taken(path: str, value: object) -> None:
    assert Draft7Validator(SCHEMA).is_valid(_with(path, value))


def test_the_chart_is_of_the_version_of_the_package() -> None:
    chart = yaml.safe_load((CHART / "Chart.yaml").read_text())
    assert (chart["version"], chart["appVersion"]) == (rowmill.__version__,) * 2
