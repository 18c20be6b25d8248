"""What this machine knows of its runs without a server, and of those that Python made."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

import rowmill
from rowmill.local.home import remembered
from rowmill.local.home.folder import Home
from tests.integration.cli.commands import Commands
from tests.integration.cli.numbers import ROWS, numbers
from tests.integration.experiments import manifest, write


def test_what_python_ran_is_known_to_the_commands(
    name: str, commands: Commands, tmp_path: Path
) -> None:
    content = manifest(name, tables=[numbers(ROWS)], parquet=None)
    file = write(tmp_path / "python.yaml", content)
    rowmill.load(file, scale=2).run()
    status = commands("status", name, "-o", "json").json
    assert (status["state"], status["rows"]) == ("COMPLETED", 2 * ROWS)
    assert f"run 1 of {name}, 6,000 rows" in commands("logs", name).out
    assert commands("rerun", name, "--wait").code == 0
    assert commands("verify", name).code == 0


def test_a_run_of_python_is_made_where_it_cannot_be_remembered(
    name: str, home: Home, servers: object, tmp_path: Path
) -> None:
    content = manifest(name, tables=[numbers(ROWS)], parquet=None)
    home.experiments.mkdir(exist_ok=True)
    remembered.folder(home, name).write_text("a file, not a folder")
    told: list[str] = []
    try:
        outcome = rowmill.load(write(tmp_path / "m.yaml", content)).run(on_notice=told.append)
    finally:
        remembered.folder(home, name).unlink()
    assert outcome.run.state == "COMPLETED"
    [notice] = told
    assert f"this machine does not know {name} as it is run now" in notice


@pytest.fixture
def away(home: Home, name: str, tmp_path: Path, commands: Commands) -> Home:
    """A home whose servers are down, with what a run in another one left there."""
    content = manifest(name, tables=[numbers(ROWS)], parquet=None)
    assert commands("run", "-f", commands.file(content)).code == 0
    moved = Home(tmp_path / "home")
    shutil.copytree(remembered.folder(home, name), remembered.folder(moved, name))
    return moved


def test_with_the_servers_down_the_last_record_is_told_and_none_is_started(
    name: str, away: Home, commands: Commands
) -> None:
    env = {"ROWMILL_HOME": str(away.path)}
    status = commands("status", name, "-o", "json", env=env)
    assert (status.code, status.json["state"], status.json["rows"]) == (0, "COMPLETED", ROWS)
    assert "the embedded servers are down" in status.json["message"]
    [run] = commands("runs", name, "-o", "json", env=env).json
    assert (run["state"], run["rows"]) == ("COMPLETED", ROWS)
    [listed] = commands("status", "-o", "json", env=env).json
    assert (listed["name"], listed["newest"]["state"]) == (name, "COMPLETED")
    assert f"run 1 of {name}, 3,000 rows" in commands("logs", name, env=env).out
    unknown = commands("logs", name, "--run", "2", env=env)
    assert unknown.code == 2
    assert f"no log of run 2 of {name}; it has those of run 1" in unknown.err
    assert not away.servers_file.exists()
