"""The CRD that the chart carries along."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[3]
CHART = ROOT / "helm" / "rowmill"


def test_it_carries_this_one_alone() -> None:
    carried = [path.name for path in (CHART / "files" / "crds").iterdir()]
    assert carried == ["rowmill.dev_experiments.yaml"]


def test_the_crd_has_one_place_for_the_annotation_that_keeps_it() -> None:
    text = (CHART / "files" / "crds" / "rowmill.dev_experiments.yaml").read_text()
    assert len(re.findall(r"^metadata:$", text, re.MULTILINE)) == 1
    assert not re.search(r"^  annotations:$", text, re.MULTILINE)
    assert not re.search(r"^---$", text.removeprefix("---\n"), re.MULTILINE)
