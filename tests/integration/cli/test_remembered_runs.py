"""What this machine knows of its runs without a server, and of those that Python made."""

from __future__ import annotations

import shutil
import signal
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

import rowmill
from rowmill.engine.records import State
from rowmill.local.engine import LocalEngine
from rowmill.local.home import remembered
from rowmill.local.home.folder import Home
from rowmill.local.servers.embedded import EmbeddedServers, exports
from tests.integration.cli.commands import Commands, Done, wait_until
from tests.integration.cli.numbers import LONG, ROWS, numbers
from tests.integration.experiments import manifest, write
from tests.integration.gate import Gate


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
    name: str, home: Home, commands: Commands, tmp_path: Path
) -> None:
    content = manifest(name, tables=[numbers(ROWS)], parquet=None)
    home.experiments.mkdir(exist_ok=True)
    remembered.folder(home, name).write_text("a file, not a folder")
    told: list[str] = []
    down: list[Done] = []

    def on_progress(snapshot: rowmill.Snapshot) -> None:
        if not down:
            down.append(commands("down"))

    try:
        outcome = rowmill.load(write(tmp_path / "m.yaml", content)).run(
            on_notice=told.append, on_progress=on_progress
        )
    finally:
        remembered.folder(home, name).unlink()
    assert outcome.run.state == "COMPLETED"
    [notice] = told
    assert f"this machine does not know {name} as it is run now" in notice
    # Where a run of another test is live too, that one is named.
    assert (down[0].code, "run here now" in down[0].err) == (2, True)


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
    watched = commands("status", name, "-w", "-o", "json", env=env)
    assert (watched.code, watched.json) == (0, status.json)
    [run] = commands("runs", name, "-o", "json", env=env).json
    assert (run["state"], run["rows"]) == ("COMPLETED", ROWS)
    [listed] = commands("status", "-o", "json", env=env).json
    assert (listed["name"], listed["newest"]["state"]) == (name, "COMPLETED")
    assert f"run 1 of {name}, 3,000 rows" in commands("logs", name, env=env).out
    unknown = commands("logs", name, "--run", "2", env=env)
    assert unknown.code == 2
    assert f"no log of run 2 of {name}; it has those of run 1" in unknown.err
    assert not away.servers_file.exists()


def test_an_experiment_out_of_reach_is_listed_as_it_was_last_seen(
    name: str, home: Home, commands: Commands, servers: EmbeddedServers, tmp_path: Path
) -> None:
    known = exports(servers)
    postgres = {"secretName": "warehouse", "ledgerSchema": f"{name}_ledger"}
    content = manifest(name, tables=[numbers(ROWS)], postgres=postgres, parquet=None)
    given = commands.secret("warehouse", known)
    assert commands("run", "-f", commands.file(content), given).code == 0
    moved = Home(tmp_path / "home")
    for each in (name, "damaged", "unseen"):
        shutil.copytree(remembered.folder(home, name), remembered.folder(moved, each))
    (remembered.folder(moved, "damaged") / "manifest.yaml").write_text("kind: [")
    (remembered.folder(moved, "unseen") / "last-run.json").unlink()
    commands.secret("warehouse", known | {"PGHOST": "no-such-host.invalid"})
    env = {"ROWMILL_HOME": str(moved.path)}

    status = commands("status", "-o", "json", env=env)
    rows = {each["name"]: each["newest"] for each in status.json}
    assert {each: (row["state"], row["reason"]) for each, row in rows.items()} == {
        name: ("COMPLETED", "HostUnknown"),
        "damaged": ("COMPLETED", "MemoryDamaged"),
        "unseen": ("UNKNOWN", "HostUnknown"),
    }
    assert rows[name]["rows"] == ROWS
    assert "this is what was last known" in rows[name]["message"]
    assert all(f"rowmill: {each}: " in status.err for each in rows)
    assert "damaged/manifest.yaml, by which this machine knows damaged, is damaged" in status.err
    assert {run["state"] for run in commands("runs", "-o", "json", env=env).json} == {"COMPLETED"}
    table = commands("status", env=env).out
    assert all(each in table for each in rows)

    assert commands("delete", "damaged", "--keep-data", env=env).code == 0
    assert not remembered.folder(moved, "damaged").exists()


def test_of_a_run_that_left_no_last_word_the_servers_are_asked_before_they_stop(
    name: str, home: Home, commands: Commands
) -> None:
    content = manifest(name, tables=[numbers(ROWS)], parquet=None)
    assert commands("run", "-f", commands.file(content)).code == 0
    complete = remembered.last_progress(home, name)
    assert complete is not None
    at_work = replace(complete, run=replace(complete.run, state=State.PUBLISHING))
    remembered.keep_progress(home, name, at_work)
    LocalEngine(home).keep_last_words()
    known = remembered.last_progress(home, name)
    assert known is not None
    assert known.run.state is State.COMPLETED


def test_a_server_elsewhere_is_not_asked_before_the_embedded_ones_stop(
    name: str, home: Home, commands: Commands, servers: EmbeddedServers
) -> None:
    """Its ledger has the last word still once these are down."""
    given = commands.secret("warehouse", exports(servers))
    postgres = {"secretName": "warehouse", "ledgerSchema": f"{name}_ledger"}
    content = manifest(name, tables=[numbers(ROWS)], postgres=postgres, parquet=None)
    assert commands("run", "-f", commands.file(content), given).code == 0
    complete = remembered.last_progress(home, name)
    assert complete is not None
    at_work = replace(complete, run=replace(complete.run, state=State.PUBLISHING))
    remembered.keep_progress(home, name, at_work)
    LocalEngine(home).keep_last_words()
    unasked = remembered.last_progress(home, name)
    assert unasked is not None
    assert unasked.run.state is State.PUBLISHING


def test_what_the_ledger_was_not_told_the_home_does_not_say_either(
    name: str, home: Home, ledger: str, written: Callable[..., str], commands: Commands, gate: Gate
) -> None:
    gate.close_after(ledger, 1)
    process = commands.start("run", "-f", written(), "-o", "json")
    wait_until(lambda: gate.waiting(ledger), process)
    process.send_signal(signal.SIGINT)
    process.send_signal(signal.SIGINT)
    done = commands.finish(process)
    assert (done.code, done.json["error"]["reason"]) == (5, "Interrupted")
    assert gate.states(ledger) == ["RUNNING"]
    known = remembered.last_progress(home, name)
    assert known is not None
    assert (known.run.state, known.run.finished_at) == (State.INTERRUPTED, None)
    gate.open()
    assert commands("status", name, "-o", "json").json["state"] == "INTERRUPTED"


def test_a_second_ctrl_c_while_the_ledger_is_told_does_not_forget_that_the_run_had_begun(
    name: str, home: Home, ledger: str, written: Callable[..., str], commands: Commands, gate: Gate
) -> None:
    gate.close_before(ledger, "ABORTED")
    process = commands.start("run", "-f", written(LONG), "-o", "json")
    wait_until(lambda: gate.done(ledger) > 2, process)
    process.send_signal(signal.SIGINT)
    wait_until(lambda: gate.waiting(ledger), process)
    process.send_signal(signal.SIGINT)
    done = commands.finish(process)
    assert (done.code, done.json["error"]["reason"]) == (5, "Interrupted")
    assert f"what is durable stays, go on with it: rowmill resume {name}" in done.err
    known = remembered.last_progress(home, name)
    assert known is not None
    assert known.run.state is State.INTERRUPTED
    gate.open()
