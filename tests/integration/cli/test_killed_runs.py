"""Runs whose processes or connections are killed: the supervisor, its workers, all of them."""

import signal
from collections.abc import Callable
from functools import partial

import pytest

from tests.integration.cli.commands import Commands, wait_until, workers
from tests.integration.cli.gated_runs import GatedRuns
from tests.integration.cli.numbers import ROWS
from tests.integration.experiments import Connection, count
from tests.integration.gate import Gate
from tests.processes import has_ended, living


def test_a_second_signal_kills_workers_that_cannot_stop(
    written: Callable[..., str], commands: Commands, gated: GatedRuns, gate: Gate
) -> None:
    file = written()
    process = gated.attached("-f", file)
    processes = workers(process)
    process.send_signal(signal.SIGTERM)
    process.send_signal(signal.SIGTERM)
    assert commands.finish(process).code == 5
    assert processes
    assert not living(processes)
    gate.open()
    resumed = commands("run", "-f", file, "-o", "json")
    assert (resumed.code, resumed.json["resumed"]) == (0, True)


@pytest.mark.usefixtures("long_started")
def test_workers_end_with_a_killed_supervisor_and_the_run_resumes(
    name: str,
    ledger: str,
    written: Callable[..., str],
    commands: Commands,
    gated: GatedRuns,
    gate: Gate,
    database: Connection,
) -> None:
    file = written()
    process = gated.attached("-f", file, "--seed", "2")
    gated.kill(process)
    gate.open()
    status = commands("status", name).out.splitlines()
    assert gate.states(ledger) == ["RUNNING"], "nobody could write down that it ended"
    assert status[0].endswith("run 1: INTERRUPTED")
    alone = f"no process holds it: `rowmill resume {name}` goes on with it"
    assert status[-2:] == ["started with --seed 2", alone]
    listed = commands("runs", name).out
    assert "INTERRUPTED" in listed
    assert f"—  {alone}" in listed
    [run] = commands("runs", name, "-o", "json").json
    for document in (run, commands("status", name, "-o", "json").json):
        assert (document["state"], document["message"]) == ("INTERRUPTED", alone)
    unpublished = "run 1 is INTERRUPTED; rowmill run -f FILE --seed 2 resumes it"
    for words in (
        ("verify", name),
        ("trace", name, "numbers", "1"),
        ("query", name, "table numbers"),
    ):
        assert unpublished in commands(*words).err
    refused = commands("run", "-f", file)
    assert "run 1 is INTERRUPTED, was started with --seed 2 and holds 1,000 rows" in refused.err
    assert "resume it with: rowmill run -f FILE --seed 2, or add --restart" in refused.err
    assert commands("abort", name).code == 0
    [run] = commands("runs", name, "-o", "json").json
    assert (run["state"], run["finishedAt"]) == ("ABORTED", None), "nobody saw its end"
    resumed = commands("run", "-f", file, "--resume", "--seed", "2")
    assert resumed.code == 0
    assert "  resumed   1,000 rows already there, 2,000 made now" in resumed.out
    assert count(database, name, "numbers") == ROWS
    [run] = commands("runs", name, "-o", "json").json
    assert run["finishedAt"] is not None


def test_a_killed_run_that_a_restart_drops_has_no_end(
    name: str, written: Callable[..., str], commands: Commands, gated: GatedRuns, gate: Gate
) -> None:
    file = written()
    process = gated.attached("-f", file)
    gated.kill(process)
    gate.open()
    restarted = commands("run", "-f", file, "--restart", "-o", "json")
    assert (restarted.code, restarted.json["resumed"]) == (0, False)
    dropped, complete = commands("runs", name, "-o", "json").json
    assert (dropped["state"], dropped["message"]) == ("ABORTED", "dropped by run 2")
    assert dropped["finishedAt"] is None, "nobody saw its end"
    assert complete["finishedAt"] is not None


def test_a_killed_worker_is_replaced(
    name: str,
    written: Callable[..., str],
    commands: Commands,
    gated: GatedRuns,
    gate: Gate,
    database: Connection,
) -> None:
    process = gated.attached("-f", written())
    [victim] = workers(process)
    victim.kill()
    gate.open()
    assert commands.finish(process).code == 0
    assert count(database, name, "numbers") == ROWS


def test_a_worker_killed_while_it_publishes_is_replaced(
    name: str,
    ledger: str,
    written: Callable[..., str],
    commands: Commands,
    gated: GatedRuns,
    gate: Gate,
    database: Connection,
) -> None:
    process = gated.attached("-f", written(), "-o", "json", before="COMPLETED")
    assert gate.states(ledger) == ["PUBLISHING"]
    # From here it only rolls forward.
    refused = commands("abort", name)
    assert refused.code == 2
    assert f"being published, which only goes forward; `rowmill reset {name}`" in refused.err
    racing = commands("rerun", name).err
    assert f"only goes forward: wait for it (`rowmill status {name} -w` shows" in racing
    assert "rowmill abort" not in racing
    [victim] = workers(process)
    victim.kill()
    gate.open()
    done = commands.finish(process)
    assert (done.code, done.json["state"]) == (0, "COMPLETED")
    assert count(database, name, "numbers") == ROWS


def test_a_worker_that_dies_on_every_try_fails_the_run_with_the_reason(
    name: str, ledger: str, written: Callable[..., str], commands: Commands, gate: Gate
) -> None:
    gate.close_after(ledger, 1)
    file = written(retriesPerShard=1)
    process = commands.start("run", "-f", file, "-o", "json")
    for _ in range(2):
        wait_until(lambda: bool(workers(process)), process)
        [victim] = workers(process)
        victim.kill()
        wait_until(partial(has_ended, victim))
    done = commands.finish(process)
    assert done.code == 4
    assert done.json["error"]["reason"] == "RunFailed"
    assert "died 2 times and the last one was killed by signal 9" in done.err
    assert f"mended, go on with it: rowmill resume {name}" in done.err
    assert gate.states(ledger) == ["FAILED"]
    gate.open()
    resumed = commands("run", "-f", file, "-o", "json")
    assert (resumed.code, resumed.json["resumed"]) == (0, True)


def test_a_run_all_of_whose_connections_are_cut_waits_and_goes_on(
    name: str,
    ledger: str,
    written: Callable[..., str],
    commands: Commands,
    gated: GatedRuns,
    gate: Gate,
    database: Connection,
) -> None:
    process = gated.attached("-f", written())
    ended = database.execute(
        "SELECT count(pg_terminate_backend(pid, 10000)) FROM pg_stat_activity WHERE "
        "application_name LIKE %s OR application_name = 'rowmill' AND pid IN "
        "(SELECT pid FROM pg_locks WHERE relation IN "
        "(SELECT oid FROM pg_class WHERE relnamespace = %s::regnamespace))",
        (f"rowmill supervisor %:{process.pid}", ledger),
    ).fetchone()
    assert ended is not None
    assert ended[0] >= 2
    gate.open()
    done = commands.finish(process)
    assert (done.code, count(database, name, "numbers")) == (0, ROWS)
    # One line for all that waited, or two where they met the cut in two ways.
    assert 1 <= done.err.count("trying again for another") <= 2
    assert 1 <= done.err.count("it answers again") <= 2


def test_a_run_whose_lock_another_has_by_now_stops_and_is_not_marked(
    name: str,
    ledger: str,
    written: Callable[..., str],
    commands: Commands,
    gated: GatedRuns,
    gate: Gate,
    database: Connection,
) -> None:
    file = written()
    process = gated.attached("-f", file)
    row = database.execute(
        "SELECT pid, (classid::bigint << 32) | objid::bigint FROM pg_locks "
        "JOIN pg_stat_activity USING (pid) "
        "WHERE locktype = 'advisory' AND application_name LIKE %s",
        (f"rowmill supervisor %:{process.pid}",),
    ).fetchone()
    assert row is not None
    # Whoever waits for a lock gets it in the moment in which it is free.
    process.send_signal(signal.SIGSTOP)
    database.execute("SELECT pg_terminate_backend(%s, 10000)", (row[0],))
    database.execute("SELECT pg_advisory_lock(%s)", (row[1],))
    process.send_signal(signal.SIGCONT)
    done = commands.finish(process)
    assert done.code == 4
    assert "another run has it by now" in done.err
    # Whoever holds the lock by now may be running it: it is not marked as failed.
    assert gate.states(ledger) == ["RUNNING"]
    database.execute("SELECT pg_advisory_unlock(%s)", (row[1],))
    gate.open()
    assert commands("run", "-f", file).code == 0
    assert count(database, name, "numbers") == ROWS
