"""What the chart carries along: the dashboard, the variables that the operator reads."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from rowmill_operator.model import settings

ROOT = Path(__file__).parents[3]
CHART = ROOT / "helm" / "rowmill"
DASHBOARD = CHART / "files" / "dashboards" / "rowmill.json"
_METRIC = re.compile(r"\browmill_(?:operator|worker)_[a-z_]+")
# What prometheus-client makes of one histogram.
_HISTOGRAM = ("_bucket", "_count", "_sum")


def test_the_deployment_sets_what_the_operator_reads_and_nothing_else() -> None:
    template = (CHART / "templates" / "deployment.yaml").read_text()
    read = set(re.findall(r'"(ROWMILL_[A-Z_]+)"', Path(settings.__file__).read_text()))
    assert set(re.findall(r"name: (ROWMILL_[A-Z_]+)", template)) == read


def test_the_docs_tell_the_rights_that_the_role_gives() -> None:
    template = (CHART / "templates" / "_helpers.tpl").read_text()
    (rules,) = re.findall(r'define "rowmill.rules" -}}(.*?){{- end }}', template, re.DOTALL)
    given = {
        resource.rpartition("/")[2]: ", ".join(rule["verbs"])
        for rule in yaml.safe_load(rules)
        for resource in rule["resources"]
    }
    page = (ROOT / "docs" / "kubernetes.md").read_text()
    (told,) = re.findall(r"^The operator's rights, in .*: (.*); the namespace", page, re.MULTILINE)
    assert dict(re.findall(r"(\w+) \(([^)]*)\)", told)) == given


def test_dashboard_and_alerts_ask_for_metrics_that_there_are() -> None:
    asked = {name for text in _queries() for name in _METRIC.findall(text)}
    assert {_base(name) for name in asked} - _known_metrics() == set()


def test_the_dashboard_shows_every_metric() -> None:
    shown = {_base(name) for text in _expressions() for name in _METRIC.findall(text)}
    assert _known_metrics() - shown == set()


def test_panels_have_titles_descriptions_and_places_of_their_own() -> None:
    panels = [panel for panel in _dashboard()["panels"] if panel["type"] != "row"]
    assert all(panel["title"] and panel["description"] and panel["targets"] for panel in panels)
    assert len({panel["id"] for panel in _dashboard()["panels"]}) == len(_dashboard()["panels"])
    taken: set[tuple[int, int]] = set()
    for place in (panel["gridPos"] for panel in _dashboard()["panels"]):
        cells = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert place["x"] + place["w"] <= 24
        assert not cells & taken
        taken |= cells


def _known_metrics() -> set[str]:
    """The names in the first column of the tables of docs/metrics.md."""
    page = (ROOT / "docs" / "metrics.md").read_text()
    return set(re.findall(r"^\| `(rowmill_\w+)` \|", page, re.MULTILINE))


def _dashboard() -> dict[str, Any]:
    document = json.loads(DASHBOARD.read_text())
    assert isinstance(document, dict)
    return document


def _expressions() -> Iterator[str]:
    for panel in _dashboard()["panels"]:
        yield from (target["expr"] for target in panel.get("targets", ()))


def _queries() -> Iterator[str]:
    yield from _expressions()
    yield from (variable["definition"] for variable in _dashboard()["templating"]["list"][1:])
    yield (CHART / "templates" / "prometheusrule.yaml").read_text()


def _base(name: str) -> str:
    for suffix in _HISTOGRAM:
        if name.endswith("_seconds" + suffix):
            return name.removesuffix(suffix)
    return name
