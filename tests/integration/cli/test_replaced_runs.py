"""A run over published data says what it replaces, and asks a person before rows get fewer."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.integration.cli.commands import Commands, Terminal
from tests.integration.experiments import Connection, Manifest, count, manifest

MANY, FEW = 3_000, 1_000
QUESTION = "would replace run 1 (3,000 rows). Replace it?"


def numbers(rows: int, table: str = "numbers") -> Manifest:
    columns = [{"name": "id", "type": "bigint", "generate": {"sequence": {}}}]
    return {"name": table, "rows": rows, "primaryKey": ["id"], "columns": columns}


@pytest.fixture
def written(name: str, commands: Commands) -> Callable[..., str]:
    """Writes a manifest of the test's experiment; Postgres alone, one table unless said."""

    def write(rows: int, *tables: Manifest, **spec: Any) -> str:
        content = manifest(name, tables=[numbers(rows), *tables], parquet=None, **spec)
        return commands.file(content, f"manifest-{rows}.yaml")

    return write


@pytest.fixture
def published(written: Callable[..., str], commands: Commands) -> Callable[[], list[object]]:
    """Publishes run 1 of MANY rows; returns how to ask for the runs as (state, replacedBy)."""
    first = commands("run", "-f", written(MANY), "--progress=none", "-o", "json")
    assert (first.code, first.err) == (0, "")
    name = first.json["experiment"]

    def runs() -> list[object]:
        documents = commands("runs", name, "-o", "json").json
        return [(each["state"], each["replacedBy"]) for each in documents]

    return runs


@pytest.fixture
def asked(
    written: Callable[..., str], published: Callable[[], list[object]], commands: Commands
) -> Terminal:
    """`run` of FEW rows on a terminal, which asks its question over the published ones."""
    terminal = commands.terminal("run", "-f", written(FEW))
    terminal.wait_for(QUESTION)
    return terminal


def test_a_script_goes_on_and_is_told(
    name: str,
    written: Callable[..., str],
    published: Callable[[], list[object]],
    commands: Commands,
) -> None:
    done = commands("run", "-f", written(FEW), "--progress=none", "-o", "json")
    assert done.code == 0
    assert done.json["replaces"] == {"run": 1, "rows": MANY}
    assert done.err == "rowmill: run 2 replaces run 1 (3,000 rows) when it is published\n"
    assert published() == [("COMPLETED", 2), ("COMPLETED", None)]
    assert "replaced by run 2" in commands("runs", name, env={"COLUMNS": "120"}).out
    assert commands("status", name, "-o", "json").json["replacedBy"] is None

    again = commands("run", "-f", written(MANY), "--progress=none")
    assert "run 3 replaces run 2 (1,000 rows)" in again.err
    assert "  replaced  run 2 (1,000 rows)\n" in again.out
    assert published() == [("COMPLETED", 2), ("COMPLETED", 3), ("COMPLETED", None)]


def test_a_person_who_says_no_changes_nothing(
    name: str,
    written: Callable[..., str],
    published: Callable[[], list[object]],
    asked: Terminal,
    commands: Commands,
    database: Connection,
) -> None:
    # Nothing is held meanwhile: another run begins, and its repeat is found.
    assert commands("run", "-f", written(MANY), "-o", "json").json["repeat"]
    asked.type("n\n")
    code, screen = asked.end()
    assert code == 2
    assert "run 2, of 1,000 rows, would replace run 1 (3,000 rows)" in screen
    assert "nothing was changed" in screen
    assert published() == [("COMPLETED", None)]
    assert count(database, name, "numbers") == MANY
    assert commands("status", name, "-o", "json").json["rows"] == MANY


@pytest.mark.parametrize("key", ["\x03", "\x04"], ids=["ctrl-c", "end of input"])
def test_a_person_who_leaves_the_question_changes_nothing(
    published: Callable[[], list[object]], asked: Terminal, key: str
) -> None:
    asked.type(key)
    code, screen = asked.end()
    assert (code, "rowmill: interrupted" in screen) == (5, True)
    assert "Traceback" not in screen
    assert published() == [("COMPLETED", None)]


def test_a_person_who_says_yes_gets_the_smaller_run(
    name: str, published: Callable[[], list[object]], asked: Terminal, database: Connection
) -> None:
    asked.type("y\n")
    code, screen = asked.end()
    assert code == 0
    assert "run 2 replaces run 1 (3,000 rows)" in screen
    assert published() == [("COMPLETED", 2), ("COMPLETED", None)]
    assert count(database, name, "numbers") == FEW


def test_a_yes_is_for_the_run_that_was_named(
    written: Callable[..., str],
    published: Callable[[], list[object]],
    asked: Terminal,
    commands: Commands,
) -> None:
    assert commands("run", "-f", written(MANY + 1), "--progress=none").code == 0
    asked.type("y\n")
    asked.wait_for("run 3, of 1,000 rows, would replace run 2 (3,001 rows). Replace it?")
    asked.type("n\n")
    assert asked.end()[0] == 2
    assert published() == [("COMPLETED", 2), ("COMPLETED", None)]


@pytest.mark.parametrize("rows", [MANY, MANY + 1])
def test_as_many_rows_are_not_asked_about(
    written: Callable[..., str],
    published: Callable[[], list[object]],
    commands: Commands,
    rows: int,
) -> None:
    code, screen = commands.on_terminal("run", "-f", written(rows, seed=1))
    assert (code, "Replace it?" in screen) == (0, False)
    assert "run 2 replaces run 1 (3,000 rows)" in screen
    assert len(published()) == 2


def test_restart_is_consent(
    written: Callable[..., str], published: Callable[[], list[object]], commands: Commands
) -> None:
    code, screen = commands.on_terminal("run", "-f", written(FEW), "--restart")
    assert (code, "Replace it?" in screen) == (0, False)
    assert "run 2 replaces run 1 (3,000 rows)" in screen
    assert published() == [("COMPLETED", 2), ("COMPLETED", None)]


def test_the_tables_that_go_are_named(
    written: Callable[..., str], published: Callable[[], list[object]], commands: Commands
) -> None:
    more = written(MANY, numbers(1, "more"), numbers(0, "none"))
    assert commands("run", "-f", more, "--progress=none").code == 0
    done = commands("run", "-f", written(2 * MANY), "--progress=none")
    assert "rowmill: tables that run 3 does not have go: more, none\n" in done.err
    assert len(published()) == 3
