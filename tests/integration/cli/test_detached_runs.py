"""Runs that outlive their terminal: begun, followed, stopped, resumed, killed, and refused."""

from __future__ import annotations

import re
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from rowmill.destinations.postgres.ledger.advisory_locks import lock_key
from rowmill.local.connections import engine_id
from rowmill.local.home import remembered
from rowmill.local.home.folder import Home
from rowmill.local.home.liveness import is_supervised, supervised
from rowmill.local.records import unbegun_runs
from rowmill.local.servers.embedded import EmbeddedServers, exports
from tests.integration.cli.commands import Commands, wait_until
from tests.integration.cli.gated_runs import Detached, GatedRuns
from tests.integration.cli.numbers import ROWS, numbers
from tests.integration.experiments import Connection, count, manifest
from tests.integration.gate import Gate
from tests.processes import has_ended

PROCESS = re.compile(r"goes on in process (\d+)")


@contextmanager
def prepare_held(database: Connection, key: int) -> Iterator[Callable[[], bool]]:
    """Lets no prepare go on in the block, which asks whether one waits."""
    waiting = "SELECT EXISTS (SELECT FROM pg_locks WHERE NOT granted AND locktype = 'advisory' "
    waiting += "AND (classid::bigint << 32) | objid::bigint = %s::bigint)"
    database.execute("SELECT pg_advisory_lock(%s)", (key,))
    try:
        yield lambda: database.execute(waiting, (key,)).fetchone() == (True,)
    finally:
        database.execute("SELECT pg_advisory_unlock(%s)", (key,))


@pytest.fixture
def state(name: str, commands: Commands) -> Callable[[], str]:
    """Asks for the state of the newest run."""
    return lambda: commands("status", name, "-o", "json").json["state"]


def test_a_run_outlives_the_terminal_on_which_it_was_begun(
    name: str,
    ledger: str,
    written: Callable[..., str],
    commands: Commands,
    gate: Gate,
    detached: Detached,
    database: Connection,
) -> None:
    gate.close_after(ledger, 1)
    terminal = commands.terminal("run", "--detach", "-f", written())
    terminal.wait_for(f"rowmill suspend {name}")
    begun = PROCESS.search(" ".join(terminal.screen.split()))
    assert begun is not None
    process = detached.known(int(begun[1]))
    assert process.terminal() is None
    terminal.hang_up()
    wait_until(lambda: gate.waiting(ledger))

    watching = commands.start("status", name, "-w")
    following = commands.start("logs", name, "-f")
    gate.open()
    watched, followed = commands.finish(watching), commands.finish(following)
    assert (watched.code, followed.code) == (0, 0)
    assert "run 1 COMPLETED: 3,000 of 3,000 rows durable" in watched.out
    said = followed.out.splitlines()
    assert said[0].startswith("[supervisor] 20")
    assert said[0].endswith(f"INFO run 1 of {name}, 3,000 rows")
    assert [line.split(" INFO ")[1] for line in said[1:3]] == ["loading", "finalizing"]
    assert re.search(r"INFO complete after \d", said[-1])
    assert count(database, name, "numbers") == ROWS
    assert commands("logs", name).out == followed.out
    wait_until(lambda: has_ended(process))


def test_a_second_run_is_refused_as_on_the_terminal(
    ledger: str, written: Callable[..., str], commands: Commands, gate: Gate, detached: Detached
) -> None:
    gate.close_after(ledger, 1)
    file = written()
    detached("-f", file)
    attached = commands("run", "-f", file, "-o", "json")
    refused = commands("run", "--detach", "-f", file, "-o", "json")
    assert refused.code == 2
    assert (refused.code, refused.json, refused.err) == (attached.code, attached.json, attached.err)
    gate.open()


def test_what_is_asked_on_a_terminal_is_answered_before_the_run_goes_on(
    name: str,
    written: Callable[..., str],
    commands: Commands,
    detached: Detached,
    state: Callable[[], str],
) -> None:
    assert commands("run", "-f", written()).code == 0
    smaller = written(10)
    code, screen = commands.on_terminal("run", "--detach", "-f", smaller, answer="n\n")
    assert (code, "nothing was changed" in " ".join(screen.split())) == (2, True)
    code, screen = commands.on_terminal("run", "--detach", "-f", smaller, answer="y\n")
    assert code == 0
    assert "run 2, of 10 rows, goes on" in screen
    assert commands("status", name, "-w").code == 0
    repeated = commands("run", "--detach", "-f", smaller)
    assert (repeated.code, "nothing to do: run 2" in repeated.out) == (0, True)
    _, document = detached("-f", smaller)
    assert (document["repeat"], document["number"], document["rows"]) == (True, 2, 10)


def test_ctrl_c_before_it_has_begun_stops_it(
    name: str, ledger: str, written: Callable[..., str], commands: Commands, gate: Gate, home: Home
) -> None:
    gate.close_before_runs(ledger)
    terminal = commands.terminal("run", "--detach", "-f", written())
    wait_until(lambda: gate.waiting(ledger), terminal.process)
    terminal.type("\x03")
    code, screen = terminal.end()
    assert code == 5
    assert "interrupted before the run had begun" in " ".join(screen.split())
    assert not is_supervised(home, name)
    gate.open()
    assert gate.states(ledger) == []


def test_the_death_of_the_command_before_it_has_begun_does_not_harm_it(
    name: str,
    ledger: str,
    written: Callable[..., str],
    commands: Commands,
    gate: Gate,
    state: Callable[[], str],
) -> None:
    gate.close_before_runs(ledger)
    terminal = commands.terminal("run", "--detach", "-f", written())
    wait_until(lambda: gate.waiting(ledger), terminal.process)
    terminal.hang_up()
    gate.open()
    wait_until(lambda: gate.states(ledger) != [])
    assert commands("status", name, "-w").code == 0
    assert state() == "COMPLETED"


def test_a_run_that_is_refused_after_its_terminal_is_gone_is_told_to_who_looks(
    name: str, written: Callable[..., str], commands: Commands, database: Connection, home: Home
) -> None:
    file, key = written(), lock_key("prepare", f"{engine_id()}/local/{name}")

    def refuse(change: str, *words: str) -> None:
        with prepare_held(database, key) as is_waited_for:
            terminal = commands.terminal(*words)
            wait_until(is_waited_for, terminal.process)
            terminal.hang_up()
            database.execute(change)
        wait_until(lambda: unbegun_runs.last(home, name) is not None)

    refuse(
        f"CREATE SCHEMA {name} CREATE TABLE numbers (id int)",
        *("run", "--detach", "-f", file),
    )
    unknown = commands("status", name)
    assert (unknown.code, "no experiment" in unknown.err) == (2, True)
    assert f"{name}: a run in the background ended at 20" in unknown.err
    assert f'before it had begun: TableExists: "{name}"."numbers" is a table' in unknown.err
    logs = commands("logs", name)
    assert (logs.code, "ERROR TableExists: " in logs.out) == (0, True)
    again = commands("run", "-f", file)
    assert (again.code, "TableExists" in again.err or "is a table" in again.err) == (3, True)
    assert "before it had begun" in commands("status", name).err, "none has begun yet"

    database.execute(f"DROP SCHEMA {name} CASCADE")
    assert commands("delete", name, "--keep-data").code == 0
    assert "before it had begun" not in commands("status", name).err
    assert not remembered.folder(home, name).exists()

    assert commands("run", "-f", file).code == 0
    known = commands("status", name)
    assert (known.code, "before it had begun" in known.err) == (0, False)
    comment = f"COMMENT ON TABLE {name}.numbers IS "
    refuse(f"{comment}'changed'", "rerun", name)
    known = commands("status", name, "-o", "json")
    assert (known.code, known.json["number"], known.json["state"]) == (0, 1, "COMPLETED")
    assert f"{name}: a run in the background ended at 20" in known.err
    watched = commands("status", name, "-w", "-o", "json")
    assert (watched.json["state"], "TableExists" in watched.err) == ("COMPLETED", True)
    logged = commands("logs", name).out
    assert "INFO complete after " in logged.partition("ERROR TableExists: ")[0]
    assert "ERROR TableExists: " in logged
    assert "TableExists" not in commands("logs", name, "--run", "1").out

    database.execute(f"{comment}'{engine_id()}/local/{name}'")
    assert commands("rerun", name, "--wait").code == 0
    assert "TableExists" not in commands("status", name).err + commands("logs", name).out


@pytest.mark.usefixtures("long_started")
def test_a_killed_supervisor_leaves_an_interrupted_run_that_is_resumed(
    name: str,
    written: Callable[..., str],
    commands: Commands,
    gated: GatedRuns,
    gate: Gate,
    state: Callable[[], str],
    database: Connection,
) -> None:
    process = gated.detached("-f", written())
    following = commands.start("logs", name, "-f")
    gated.kill(process)
    assert state() == "INTERRUPTED"
    assert commands.finish(following).code == 0, "nobody goes on with the log"
    gate.open()
    resumed = commands("resume", name, "--wait")
    assert resumed.code == 0
    assert "resuming run 1: what it made stays" in resumed.err
    assert "run 1 COMPLETED" in resumed.out
    assert count(database, name, "numbers") == ROWS
    said = [line.partition(" INFO ")[2] for line in commands("logs", name).out.splitlines()]
    assert said.count("loading") == 2, "one log of both, in order"
    again = commands("resume", name)
    assert (again.code, "run 1 is complete: there is nothing to resume" in again.err) == (2, True)


def test_a_run_that_goes_on_is_told_with_the_rows_that_are_durable_already(
    ledger: str, written: Callable[..., str], gated: GatedRuns, gate: Gate, detached: Detached
) -> None:
    gate.close_after(ledger, 1)
    file = written()
    process, first = detached("-f", file)
    wait_until(lambda: gate.done(ledger) == 1 and gate.waiting(ledger))
    gated.kill(process)
    gate.open()
    _, again = detached("-f", file)
    assert (first["rows"], again["rows"]) == (0, 1_000)


def test_a_publishing_that_was_cut_is_completed_by_resume_which_says_so(
    name: str,
    ledger: str,
    written: Callable[..., str],
    commands: Commands,
    gated: GatedRuns,
    gate: Gate,
    database: Connection,
) -> None:
    process = gated.detached("-f", written(), before="COMPLETED")
    gated.kill(process)
    gate.open()
    assert gate.states(ledger) == ["PUBLISHING"]
    resumed = commands("resume", name)
    assert resumed.code == 0
    assert "run 1 was interrupted while it was published; it is complete now" in resumed.err
    assert f"run 1 of {name} is complete" in resumed.out
    assert gate.states(ledger) == ["COMPLETED"]
    assert count(database, name, "numbers") == ROWS


def test_a_signal_ends_it_in_good_order_and_down_waits_for_its_end(
    name: str,
    written: Callable[..., str],
    commands: Commands,
    gated: GatedRuns,
    gate: Gate,
    state: Callable[[], str],
    home: Home,
) -> None:
    process = gated.detached("-f", written())
    # The process of another test's run may be on its way out.
    wait_until(lambda: supervised(home) == [name])
    down = commands("down")
    assert down.code == 2
    # A run of another test may have begun since, and is named too.
    assert re.search(rf"\b{name}\b.* (is|are) run here now", down.err)
    assert "rowmill suspend t" in down.err
    forgotten = commands("delete", name, "--keep-data")
    process.send_signal(signal.SIGTERM)
    gate.open()
    wait_until(lambda: has_ended(process))
    assert state() == "ABORTED"
    assert f"{name} is run here now" in forgotten.err, "down must know it"
    assert "INFO interrupted; what is durable stays" in commands("logs", name).out
    aborted = commands("status", name, "-w")
    assert aborted.code == 5
    assert commands("delete", name, "--yes").code == 0
    assert not remembered.folder(home, name).exists()


def test_a_detached_run_is_suspended_resumed_verified_and_reset(
    name: str,
    ledger: str,
    written: Callable[..., str],
    commands: Commands,
    gated: GatedRuns,
    gate: Gate,
    state: Callable[[], str],
    database: Connection,
) -> None:
    process = gated.detached("-f", written(verify="AfterRun"))
    suspending = commands.start("suspend", name)
    # It waits for the batch in flight, and no other comes before it.
    wait_until(lambda: gate.is_fencing(ledger), suspending)
    gate.open()
    assert commands.finish(suspending).code == 0
    wait_until(lambda: has_ended(process))
    assert state() == "SUSPENDED"
    assert "INFO run 1 was suspended; " in commands("logs", name).out
    told = commands("status", name, "-w")
    assert (told.code, "Suspended: suspended" in told.out) == (5, False)
    resumed = commands("resume", name, "--wait")
    assert (resumed.code, state()) == (0, "COMPLETED")
    assert count(database, name, "numbers") == ROWS
    assert (
        commands("logs", name, "-f")
        .out.splitlines()[-1]
        .endswith(
            "INFO verified: every destination holds the rows of this run: 3,000 rows of 1 table"
        )
    )
    assert commands("reset", name, "--yes").code == 0
    assert state() == "RESET"
    nothing = commands("suspend", name)
    assert nothing.code == 2


def test_rerun_makes_the_next_run(
    name: str, written: Callable[..., str], commands: Commands
) -> None:
    assert commands("run", "-f", written(), "--seed=5").code == 0
    again = commands("rerun", name, "--wait")
    assert again.code == 0
    assert "run 2 replaces run 1 (3,000 rows) when it is published" in again.err
    first, second = commands("runs", name, "-o", "json").json
    assert (first["state"], second["state"]) == ("COMPLETED", "COMPLETED")
    assert first["digest"] == second["digest"], "with its seed"


def test_a_secrets_value_is_in_no_argument_and_in_no_file(
    name: str,
    ledger: str,
    commands: Commands,
    gated: GatedRuns,
    gate: Gate,
    servers: EmbeddedServers,
    home: Home,
) -> None:
    postgres = {"ledgerSchema": ledger, "secretName": "warehouse"}
    file = commands.file(manifest(name, tables=[numbers(ROWS)], postgres=postgres, parquet=None))
    process = gated.detached("-f", file, commands.secret("warehouse", exports(servers)))
    words = " ".join(word for one in [process, *process.children()] for word in one.cmdline())
    gate.open()
    assert commands("status", name, "-w").code == 0
    kept = [each for each in remembered.folder(home, name).rglob("*") if each.is_file()]
    assert {"run-1.log", "record.json"} <= {each.name for each in kept}
    for text in (words, *(each.read_text() for each in kept)):
        assert servers.postgres.password not in text
