"""The commands over one published experiment, as a person and as a program reads them."""

import csv
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from io import StringIO
from pathlib import Path

import pytest
from psycopg import sql
from rich.cells import cell_len

from rowmill.engine.records import Progress, RunRecord, State
from tests.integration.cli.commands import Commands
from tests.integration.experiments import ORDERS, PEOPLE, Connection, count, manifest

OF_A_COMMAND = {
    "repeat", "resumed", "replaces", "seconds", "rowsGenerated", "rowsAlready", "copiedBytes",
    "objectBytes", "firstToLastBatch", "used", "verification",
}  # fmt: skip
EMPTY = {"name": "empty", "rows": 0, "columns": [{"name": "id", "type": "bigint"}]}


@pytest.fixture(scope="module")
def kept(
    servers: object, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[str, str, Commands]]:
    """An experiment that was run with `--scale` and `--seed`: its name, file and commands."""
    commands = Commands(tmp_path_factory.mktemp("kept"))
    name = f"kept-{os.getpid()}"
    file = commands.file(manifest(name, tables=[PEOPLE, ORDERS, EMPTY]))
    asked = datetime.now(UTC)
    done = commands(
        "run", "-f", file, "--scale", "0.4", "--seed", "5", "--progress-interval=0.1", "-o", "json"
    )
    assert done.code == 0
    told = Progress.from_json(done.json)
    assert set(done.json) == OF_A_COMMAND | set(told.to_json())
    rows = [(table.name, table.rows) for table in told.tables]
    assert rows == [("people", 1_000), ("orders", 1_000), ("empty", 0)]
    assert told.rows_per_second
    assert (done.json["state"], done.json["repeat"]) == ("COMPLETED", False)
    # Later only the rate of this very command is not known any more.
    later = Progress.from_json(commands("status", name, "-o", "json").json)
    assert later == replace(told, rows_per_second=None)
    assert done.json["replaces"] is None
    assert done.json["verification"] is None
    assert set(done.json["seconds"]) == {"prepare", "load", "finalize", "publish", "total"}
    listed = commands("runs", name, "-o", "json").json[0]
    began, ended = (datetime.fromisoformat(listed[key]) for key in ("startedAt", "finishedAt"))
    assert asked <= began <= ended <= datetime.now(UTC)
    [worker] = done.json["used"]
    assert worker["peakBytes"] > 2**20
    assert re.search(r"^run 1 finalizing: primary key of people", done.err, re.MULTILINE)
    assert "run 1 complete: 2,000 of 2,000 rows" in done.err
    yield name, file, commands
    commands.end()


def test_a_repeat_says_so_and_leaves_the_data(
    kept: tuple[str, str, Commands], database: Connection
) -> None:
    name, file, commands = kept
    oid = "SELECT %s::regclass::oid"
    table = f'"{name}".people'
    before = database.execute(oid, (table,)).fetchone()
    done = commands("run", "-f", file, "--scale", "0.4", "--seed", "5", "--progress=none")
    assert done.code == 0
    assert f"{name}: nothing to do: run 1 made exactly this already (--restart" in done.out
    assert done.err == ""
    words = ("--scale", "0.4", "--seed", "5", "-o", "json")
    assert commands("run", "-f", file, *words).json["rowsPerSecond"] is None
    assert database.execute(oid, (table,)).fetchone() == before


def test_status_and_runs(kept: tuple[str, str, Commands]) -> None:
    name, file, commands = kept
    status = commands("status", name, "-o", "json").json
    found = Progress.from_json(status)
    assert found.to_json() == status
    record = found.run
    assert (record.experiment, record.namespace, record.number) == (name, "local", 1)
    assert (record.rows, record.rows_total, record.state) == (2_000, 2_000, State.COMPLETED)
    assert [table.completed_batches for table in found.tables] == ["0", "0", ""]
    shown = commands("status", "-f", file).out
    assert f"local/{name}, run 1: COMPLETED" in shown
    assert shown.endswith("\nstarted with --scale 0.4 --seed 5\n")
    assert "2,000 of 2,000 rows durable (100 %)" in shown
    assert re.search(r"people +1,000 +1,000 +100 +1 +1\b", shown)
    [run] = commands("runs", name, "-o", "json").json
    assert RunRecord.from_json(run) == record
    assert record.to_json() == run
    everything = commands("runs", "-o", "json").json
    assert run in everything
    assert name in commands("runs").out


def test_query_is_read_only_and_shows_what_postgres_says(
    kept: tuple[str, str, Commands], database: Connection
) -> None:
    name, file, commands = kept
    question = "select count(*) as n, 1.50 as x from people"
    for words in ([name, question], ["-f", file, question]):
        rows = commands("query", *words, "-o", "json")
        assert rows.json == {"rows": [{"n": 1_000, "x": "1.50"}]}
    assert commands("query", name).code == 2
    assert commands("query", name, question, "-f", file).code == 2
    text = commands("query", name, "select id, name from people order by id limit 2", "-o", "csv")
    assert [row[0] for row in csv.reader(StringIO(text.out))] == ["id", "1", "2"]
    one = commands("query", name, "select null as nothing").out
    assert "1 row" in one
    assert "1 rows" not in one
    for statement, why in (
        ("drop table people", "only reads"),
        ("delete from people returning id", "read-only"),
        ("commit; drop table people", "one SQL statement"),
        ("set transaction read write", "only reads"),
        ("select set_config('transaction_read_only', 'off', true)", "before any query"),
        ("/* nothing */", "only reads"),
        ("selec 1", 'syntax error at or near "selec"'),
    ):
        done = commands("query", name, statement, "-o", "json")
        assert (done.code, done.json["error"]["reason"]) == (2, "QueryRefused")
        assert why in done.err
    assert count(database, name, "people") == 1_000


def test_on_a_terminal_of_80_columns_no_word_is_broken(kept: tuple[str, str, Commands]) -> None:
    name, _, commands = kept
    # Wider than the screen, it becomes a record for each row.
    query = "select *, repeat('longer ', 9) as text, now() as at from people limit 2"
    for words, record in (
        (["verify", name], False),
        (["runs", name], False),
        (["query", name, query], True),
    ):
        code, screen = commands.on_terminal(*words, columns=80)
        lines = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]|\r", "", screen).splitlines()
        # The bar of verify is taken off the screen again.
        lines = [line for line in lines if "━" not in line]
        assert (code, len(lines) > 2) == (0, True)
        assert max(map(cell_len, lines)) <= 80, words
        assert any(line.startswith("-[ 2 ]") for line in lines) is record, words
        same = [line for line in lines if re.search(r" │ [0-9a-f]{12}… │ identical$", line)]
        assert len(same) == (6 if words[0] == "verify" else 0)


@pytest.mark.parametrize("columns", [80, 120])
def test_on_a_terminal_sentences_end_their_lines_between_words(
    commands: Commands, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, columns: int
) -> None:
    # A home of its own: of the tests' common one the refusal names what others run meanwhile.
    monkeypatch.setenv("ROWMILL_HOME", str(tmp_path / "home"))
    code, screen = commands.on_terminal("trace", "of-" + "none" * 12, "a", "1", columns=columns)
    lines = screen.splitlines()
    assert (code, len(lines) > 1) == (2, True)
    assert max(map(cell_len, lines)) <= columns
    told = commands("trace", "of-" + "none" * 12, "a", "1").err
    assert re.sub(r"\n *", " ", "\n".join(lines)).split() == told.split()


def test_without_a_terminal_every_value_is_whole(kept: tuple[str, str, Commands]) -> None:
    name, _, commands = kept
    narrow = {"COLUMNS": "40"}
    query = "select repeat('x ', 300) as a, repeat('y', 300) as b"
    assert f" {'x ' * 300} │ {'y' * 300}\n" in commands("query", name, query, env=narrow).out
    shown = commands("verify", name, env=narrow).out
    assert re.search(r"sha256:[0-9a-f]{64}, data version 1$", shown, re.MULTILINE)
    row = r"^ people +│ made again │ +1,000 │ [0-9a-f]{32} │$"
    assert re.search(row, shown, re.MULTILINE)


def test_trace_finds_a_row_by_the_experiments_name(kept: tuple[str, str, Commands]) -> None:
    name, file, commands = kept
    found = commands("trace", name, "people", "5", "-o", "json").json
    assert (found["table"], found["row"], found["seed"]) == ("people", 4, 5)
    assert commands("trace", "-f", file, "people", "5", "-o", "json").json == found
    lacking = commands("trace", name)
    assert lacking.code == 2
    assert f"such as: rowmill trace {name} people ID; keys: people (id)" in lacking.err


def test_trace_of_a_changed_row_ends_as_verify_does(
    kept: tuple[str, str, Commands], database: Connection
) -> None:
    name, _, commands = kept
    assert commands("trace", name, "people", "6").code == 0
    change = sql.SQL("UPDATE {}.people SET name = %s WHERE id = 6 RETURNING 1").format(
        sql.Identifier(name)
    )
    [made] = database.execute(
        sql.SQL("SELECT name FROM {}.people WHERE id = 6").format(sql.Identifier(name))
    ).fetchone() or [None]
    assert database.execute(change, ("changed",)).fetchone()
    try:
        done = commands("trace", name, "people", "6")
        assert done.code == 1
        assert "differs" in done.out
        assert 'found "changed"' in done.out
        as_json = commands("trace", name, "people", "6", "-o", "json")
        assert (as_json.code, as_json.json["identical"]) == (1, False)
    finally:
        database.execute(change, (made,))


def test_env_and_up_lead_to_the_servers(kept: tuple[str, str, Commands]) -> None:
    _, _, commands = kept
    shell = subprocess.run(
        ["sh", "-c", 'eval "$($0 -m rowmill env)"; env', sys.executable],
        capture_output=True,
        text=True,
        check=True,
    )
    wanted = {"PGHOST", "PGPORT", "PGUSER", "PGPASSWORD", "PGDATABASE", "AWS_ENDPOINT_URL"}
    wanted |= {"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_REGION"}
    assert wanted <= {line.partition("=")[0] for line in shell.stdout.splitlines()}
    up = commands("up", "-o", "json").json
    assert set(up) == {"home", "postgres", "s3"}
    assert "rowmill env" in commands("up").out


def test_commands_without_servers(tmp_path: Path) -> None:
    commands = Commands(tmp_path)
    env = {"ROWMILL_HOME": str(tmp_path / "home")}
    assert commands("down", env=env).out == "they were not up\n"
    refused = commands("env", env=env)
    assert (refused.code, "rowmill up" in refused.err) == (2, True)
    assert commands("runs", "-o", "json", env=env).json == []
    assert commands("--version", env=env).out.startswith("rowmill ")
    assert "$schema" in commands("schema", env=env).json
    assert "kind: CustomResourceDefinition" in commands("crd", env=env).out
    assert commands(env=env).code == 2


def test_a_command_that_starts_the_servers_says_so_and_others_do_not(tmp_path: Path) -> None:
    commands = Commands(tmp_path)
    env = {"ROWMILL_HOME": str(tmp_path / "home")}
    file = commands.file(manifest("shown"))
    try:
        for look in ("status", "runs"):
            said = commands(look, "-f", file, env=env)
            assert (said.code, "are not up" in said.err) == (4, True)
        started = commands("abort", "-f", file, env=env)
        assert started.err.startswith(
            "rowmill: starting the embedded servers\nrowmill: there is no run to abort"
        )
        for command in (["status"], ["runs"], ["abort"], ["verify"], ["reset", "--yes"]):
            assert commands(*command, "-f", file, env=env).code == 2, command
        assert "starting" not in commands("status", "-f", file, env=env).err
    finally:
        assert commands("down", env=env).out == "stopped\n"


def test_a_reader_that_leaves_early_is_no_error(kept: tuple[str, str, Commands]) -> None:
    name, file, _ = kept
    query = "select * from people, generate_series(1, 100)"
    for words in (["query", name, query, "-o", "csv"], ["preview", "-f", file, "-n", "9000"]):
        pipe = subprocess.run(
            [
                "bash",
                "-c",
                'set -o pipefail; "$@" | head -1',
                "-",
                sys.executable,
                "-m",
                "rowmill",
                *words,
            ],
            capture_output=True,
            text=True,
            check=False,
        )
        assert (pipe.returncode, pipe.stderr) == (0, "")
        assert pipe.stdout


def test_completion_scripts_are_there() -> None:
    for shell in ("bash", "zsh", "fish"):
        env = {**os.environ, "_ROWMILL_COMPLETE": f"source_{shell}"}
        command = [sys.executable, "-c", "import sys; sys.argv[0] = 'rowmill'; "]
        command[-1] += "from rowmill.cli import main; main()"
        script = subprocess.run(command, env=env, capture_output=True, text=True, check=True)
        assert "_ROWMILL_COMPLETE" in script.stdout


def test_bars_on_a_terminal_and_a_summary_that_tells_where_to_look(
    name: str, commands: Commands
) -> None:
    file = commands.file(manifest(name, tables=[PEOPLE, EMPTY]))
    code, screen = commands.on_terminal("run", "-f", file)
    assert code == 0
    assert "━" in screen
    for words in (
        f"{name}: run 1 is complete, 2,500 rows in 2 tables",
        "rows/s all in",
        "to Postgres",
        "at most in a worker (1 at once)",
        f"schema {name}",
        f"s3://rowmill/{name}/TABLE/*.parquet",
        "The embedded servers are still up",
        f"Next: rowmill verify {name}",
        'stops them, `eval "$(rowmill env)"` points psql\r\n  and S3 tools at them.',
    ):
        assert words in screen
    code, screen = commands.on_terminal("delete", name, answer="n\n")
    assert (code, "nothing was removed" in screen) == (2, True)
    code, screen = commands.on_terminal("delete", name, answer="y\n")
    assert (code, f"{name} is deleted" in screen) == (0, True)
    assert commands("status", name).code == 2


def test_reset_keeps_the_records_and_the_next_run_is_a_new_one(
    name: str, commands: Commands, database: Connection
) -> None:
    file = commands.file(manifest(name, tables=[{**PEOPLE, "rows": 1}]))
    assert commands("run", "-f", file, "--progress=none").code == 0
    reset = commands("reset", name, "--yes")
    assert "removed 1 table (1 row), 1 object. Its records stay" in reset.out
    again = commands("reset", name, "--yes")
    assert (again.code, "there was no data to remove" in again.out) == (0, True)
    assert commands("status", name, "-o", "json").json["state"] == "RESET"
    asked = commands("query", name, "select * from people")
    assert asked.err.endswith('(relation "people" does not exist)\n'), asked.err
    assert asked.err.count("\n") == 1
    assert commands("query", name, "select * from people").code == 2
    again = commands("run", "-f", file, "-o", "json").json
    assert (again["number"], again["repeat"]) == (2, False)
    assert count(database, name, "people") == 1
    assert json.loads(commands("runs", name, "-o", "json").out)[0]["state"] == "RESET"
