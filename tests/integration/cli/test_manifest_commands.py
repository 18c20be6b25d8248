"""The commands over a manifest alone: `validate`, `plan`, `preview`, and what they warn of."""

from pathlib import Path

import yaml

from tests.integration.cli.commands import Commands
from tests.integration.experiments import manifest


def test_validate_plan_and_preview(tmp_path: Path) -> None:
    commands = Commands(tmp_path)
    file = commands.file(manifest("shown"))
    valid = commands("validate", "-f", file, "-o", "json").json
    assert set(valid) == {"valid", "name", "digest", "tables", "rows", "warnings"}
    assert valid["warnings"] == []
    assert "is valid: shown, 2 tables, 5,000 rows" in commands("validate", "-f", file).out
    plan = commands("plan", "-f", file, "--workers", "3", "-o", "json").json
    assert set(plan) == {
        "name", "digest", "dataVersion", "tables", "rows", "bytes", "shards", "workers",
        "memoryPerWorker",
        "disks",
    }  # fmt: skip
    assert [table["batches"] for table in plan["tables"]] == [3, 3]
    batches = {"ROWMILL_BATCH_ROWS": "2000"}
    by_environment = commands("plan", "-f", file, "-o", "json", env=batches).json
    assert [table["batches"] for table in by_environment["tables"]] == [2, 2]
    assert "2 shards for 3 workers" in commands("plan", "-f", file, "--workers", "3").out
    preview = commands("preview", "-f", file, "-n", "2", "-o", "json").json
    assert [set(row) for row in preview["people"]] == [{"id", "name", "born"}] * 2
    table = commands("preview", "-f", file, "-t", "orders", "-n", "1", "-o", "csv").out
    assert table.splitlines()[0] == "person,total"


def test_problems_are_told_with_line_and_names_and_listed_for_machines(tmp_path: Path) -> None:
    commands = Commands(tmp_path)
    columns = [{"name": "id", "type": "bigint"}, {"name": "total", "type": "string"}]
    broken = manifest("broken", tables=[{"name": "orders", "rows": -1, "columns": columns}])
    text = yaml.safe_dump(broken, sort_keys=False)
    row, kind = (number(text, words) for words in ("rows: -1", "type: string"))
    for words in (["validate"], ["run"]):
        done = commands(*words, "-f", "-", "-o", "json", standard_input=text)
        error = done.json["error"]
        assert (done.code, error["reason"]) == (2, "InvalidManifest")
        assert [(p["path"], p["line"], p["name"]) for p in error["problems"]] == [
            ("spec.tables[0].rows", row, "orders"),
            ("spec.tables[0].columns[1].type", kind, "orders.total"),
        ]
        assert f'  orders.total, line {kind}: spec.tables[0].columns[1].type: "string"' in done.err


def test_a_wrong_indentation_is_shown(tmp_path: Path) -> None:
    commands = Commands(tmp_path)
    text = "kind: Experiment\nspec:\n  seed: 1\n   scale: 2\n"
    done = commands("validate", "-f", "-", "-o", "json", standard_input=text)
    [problem] = done.json["error"]["problems"]
    assert (problem["line"], problem["excerpt"]) == (4, "     scale: 2\n     ^")
    assert done.err.endswith("\n       scale: 2\n       ^\n")


def test_a_manifest_is_read_from_standard_input(name: str, commands: Commands) -> None:
    text = Path(commands.file(manifest(name))).read_text(encoding="utf-8")
    valid = commands("validate", "-f", "-", standard_input=text)
    assert valid.out == f"standard input is valid: {name}, 2 tables, 5,000 rows\n"
    assert commands("run", "--progress=none", "-f", "-", standard_input=text).code == 0
    unasked = commands("reset", "-f", "-", standard_input=text)
    assert (unasked.code, "add --yes" in unasked.err) == (2, True)
    assert commands("reset", "-f", "-", "--yes", standard_input=text).code == 0


def number(text: str, words: str) -> int:
    """The line, from 1, that holds these words."""
    return text[: text.index(words)].count("\n") + 1


def test_warnings_are_said_once_and_refuse_nothing(name: str, commands: Commands) -> None:
    columns = [{"name": each, "type": "bigint"} for each in ("Id", "id")]
    file = commands.file(manifest(name, tables=[{"name": "t", "rows": 3, "columns": columns}]))
    said = 't.id: spec.tables[0].columns[1].name: "Id" and "id" differ in case only'
    valid = commands("validate", "-f", file, "-o", "json")
    assert (valid.code, valid.json["valid"], valid.err.count(said)) == (0, True, 1)
    [warning] = valid.json["warnings"]
    assert warning["name"] == "t.id"
    assert valid.err == f"rowmill: warning: t.id: {warning['path']}: {warning['message']}\n"
    for words in (["validate"], ["plan"], ["preview"], ["run", "--progress=none"]):
        done = commands(*words, "-f", file)
        assert (done.code, done.err) == (0, valid.err)
