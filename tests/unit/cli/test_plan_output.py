"""`plan` shows every figure whole, whatever it is shown on."""

import json
from pathlib import Path

import pytest

from rowmill.cli.commands.manifest import plan
from rowmill.terminal.output import Output

ROWS = 100_000_000_000
TABLES = [
    {"name": name, "rows": rows, "columns": [{"name": "id", "type": "bigint"}]}
    for name, rows in (("t" * 63, 5), ("[red]", ROWS))
]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "large.yaml"
    spec = {"tables": TABLES, "batchRows": 100_000, "destinations": {"postgres": {}}}
    head = {"apiVersion": "rowmill.dev/v1alpha1", "kind": "Experiment"}
    path.write_text(json.dumps({**head, "metadata": {"name": "large"}, "spec": spec}))
    return path


def _shown(file: Path, capsys: pytest.CaptureFixture[str]) -> str:
    plan(file, None, None, None, None, None, Output.TEXT)
    return capsys.readouterr().out


def test_where_there_is_no_terminal_a_line_is_as_long_as_it_must(
    file: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    out = _shown(file, capsys)
    assert "…" not in out
    [line] = [line for line in out.splitlines() if "[red]" in line]
    assert line.split()[:2] == ["[red]", f"{ROWS:,}"]
    assert "Bytes are estimates of the rows before compression; a batch is in rows." in out


@pytest.mark.parametrize("width", [40, 80])
def test_a_terminal_too_narrow_shows_a_record_for_each_table(
    file: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    width: int,
) -> None:
    monkeypatch.setenv("COLUMNS", str(width))
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    lines = _shown(file, capsys).splitlines()
    assert f"rows    | {ROWS:,}" in lines
    assert "table   | [red]" in lines
    assert lines[0].endswith("…)")
