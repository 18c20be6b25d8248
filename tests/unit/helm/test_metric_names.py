"""docs/metrics.md, which the dashboard is held to, lists the metrics that there are."""

from __future__ import annotations

import re
from pathlib import Path

from prometheus_client import generate_latest

from rowmill_job.metrics import Metrics as WorkerMetrics
from rowmill_operator.metrics import Metrics as OperatorMetrics

PAGE = Path(__file__).parents[3] / "docs" / "metrics.md"


def test_what_the_page_promises_of_process_and_python_both_serve() -> None:
    promised = set(re.findall(r"`((?:process|python)_\w+)`", PAGE.read_text()))
    assert {name.partition("_")[0] for name in promised} == {"process", "python"}
    for shown in (generate_latest(OperatorMetrics().registry), WorkerMetrics().text()):
        served = set(re.findall(r"^((?:process|python)_\w+)", shown.decode(), re.MULTILINE))
        assert served == promised


def test_every_metric_is_listed_with_its_kind_and_no_other_is() -> None:
    operator = OperatorMetrics()
    operator.watch(lambda: ["Running"], lambda: 0, lambda: 0, lambda: 0)
    shown = generate_latest(operator.registry).decode() + WorkerMetrics().text().decode()
    kinds = dict(re.findall(r"^# TYPE (rowmill_\w+) (\w+)$", shown, re.MULTILINE))
    # When a series began, which prometheus-client adds, is nobody's question.
    served = {name: kind for name, kind in kinds.items() if not name.endswith("_created")}
    listed = re.findall(r"^\| `(rowmill_\w+)` \| (\w+) \|", PAGE.read_text(), re.MULTILINE)
    assert dict(listed) == served
