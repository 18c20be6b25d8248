"""The CRD that the chart carries along."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[3]
CHART = ROOT / "helm" / "rowmill"


def test_the_crd_is_the_generated_one() -> None:
    generated = sorted((ROOT / "crds").glob("*.yaml"))
    carried = sorted((CHART / "files" / "crds").glob("*.yaml"))
    assert [path.name for path in carried] == ["rowmill.dev_experiments.yaml"]
    again = "cp crds/*.yaml helm/rowmill/files/crds/"
    assert [path.read_text() for path in carried] == [p.read_text() for p in generated], again


def test_the_crd_has_one_place_for_the_annotation_that_keeps_it() -> None:
    text = (CHART / "files" / "crds" / "rowmill.dev_experiments.yaml").read_text()
    assert len(re.findall(r"^metadata:$", text, re.MULTILINE)) == 1
    assert not re.search(r"^  annotations:$", text, re.MULTILINE)
    assert not re.search(r"^---$", text.removeprefix("---\n"), re.MULTILINE)
