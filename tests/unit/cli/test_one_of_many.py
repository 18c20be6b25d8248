"""One row is a row, wherever a count is told."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
from typer.testing import CliRunner

from rowmill.cli.app import app
from rowmill.cli.progress_display import progress_display
from rowmill.cluster.experiment import Experiment
from rowmill.local.run.progress import Phase, Snapshot, TableState
from rowmill.plan.layout import Plan, TableLayout
from rowmill.plan.replacement import Replaced
from rowmill.plan.runs import Run, RunState
from rowmill.views.watching import line_of
from rowmill.worker.removal.removed import Removed, missing
from rowmill.worker.start.refusals import EditedManifest
from rowmill.worker.tally import TableProgress

PLAN = Plan("sha256:0", 1, (TableLayout("only", 1, 8, 1, 1, 1),), (1,))
RUN = Run("id", "e/l/shop", "u", 1, RunState.RUNNING, PLAN, datetime.now(UTC), None, "", {})
MANIFEST = """
apiVersion: rowmill.dev/v1alpha1
kind: Experiment
metadata: {name: shop}
spec:
  tables:
    - {name: only, rows: 1, columns: [{name: id, type: bigint}]}
    - {name: lone, rows: 2, columns: [{name: a, type: text, generate: {choice: {values: [x]}}}]}
  destinations: {postgres: {}}
"""


@pytest.mark.parametrize("style", ["plain", "bars"])
def test_in_progress(style: str, capsys: pytest.CaptureFixture[str]) -> None:
    tables = (TableState("only", 1, 1, TableProgress(copied=1)),)
    snapshot = Snapshot(RUN, False, Phase.COMPLETE, "", 10.0, 0, tables, {})
    with progress_display(style, 1) as show:
        show(snapshot)
    said = capsys.readouterr().err
    assert "1 row" in said
    assert "1 rows" not in said


def test_in_a_preview_and_in_a_problem(tmp_path: Path) -> None:
    file = tmp_path / "shop.yaml"
    file.write_text(MANIFEST)
    done = CliRunner().invoke(app, ["preview", str(file), "-t", "only"])
    assert done.stdout.startswith("only (1 row)\n")
    file.write_text(MANIFEST.replace("type: text,", "type: text, unique: true,"))
    done = CliRunner().invoke(app, ["validate", str(file)])
    assert "has 1 value for 2 rows; use" in done.stderr


def test_of_a_cluster() -> None:
    status = {"run": {"number": 1, "rows": 0, "rowsTotal": 1}, "phase": "Running"}
    metadata = {"name": "shop", "namespace": "team"}
    said = line_of(Experiment({"metadata": metadata, "status": status}).progress)
    assert said.startswith("run 1 RUNNING: 0 of 1 row durable (0 %)")


def test_of_what_is_replaced_dropped_and_removed() -> None:
    assert str(Replaced(3, 1)) == "run 3 (1 row)"
    assert "holds 1 row that would be dropped" in str(EditedManifest(RUN, 1, PLAN, None))
    none = str(EditedManifest(RUN, 0, PLAN, None))
    assert "holds no rows yet; it would be dropped; add --restart to drop it" in none
    assert str(Removed(tables=1, rows=1, objects=1)) == "removed 1 table (1 row), 1 object"
    assert missing(0, 1, "object")[0].startswith("1 object of 1 not there")
