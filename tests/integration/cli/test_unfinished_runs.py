"""Runs that are interrupted or aborted, and what the next command says and does."""

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

from rowmill.destinations.postgres.ledger.advisory_locks import lock_key
from tests.integration.cli.commands import Commands, wait_until, workers
from tests.integration.cli.gated_runs import GatedRuns
from tests.integration.cli.numbers import LONG, ROWS
from tests.integration.experiments import Connection, count
from tests.integration.gate import Gate


def test_an_interrupted_run_can_be_resumed_restarted_and_is_not_dropped_unasked(
    name: str,
    ledger: str,
    written: Callable[..., str],
    commands: Commands,
    gate: Gate,
    database: Connection,
) -> None:
    # However late the signal comes, the run is not over by then.
    gate.close_after(ledger, 300)
    process = commands.start("run", "-f", written(LONG), "-o", "json")
    wait_until(lambda: gate.done(ledger) > 2, process)
    process.send_signal(signal.SIGINT)
    done = commands.finish(process)
    gate.open()
    assert done.code == 5
    assert done.json["error"]["reason"] == "Interrupted"
    assert done.json["error"]["exitCode"] == 5
    assert f"what is durable stays, go on with it: rowmill resume {name}" in done.err
    assert gate.states(ledger) == ["ABORTED"]

    status = commands("status", name, "-o", "json").json
    assert status["message"] == "interrupted"
    assert 2_000 < status["rows"] < LONG == status["rowsTotal"]
    [table] = status["tables"]
    assert table["completedBatches"] == f"0-{status['rows'] // 1000 - 1}"
    said = f"{status['rows']:,} of {LONG:,} rows durable ({status['percent']} %)"
    assert f"run 1 interrupted: {said}" in done.err
    assert said in commands("status", name).out
    [listed] = commands("runs", name, "-o", "json").json
    assert (listed["rows"], listed["rowsTotal"]) == (status["rows"], LONG)
    told = commands("status", name).out
    going_on = f"`rowmill resume {name}` goes on with it"
    assert f"{going_on}, `rowmill rerun {name} --restart` starts over" in told
    assert "no process holds it" not in told
    nothing = commands("abort", name)
    assert nothing.code == 2
    assert f"run 1 is ABORTED already (interrupted); {going_on}" in nothing.err

    for words in (["query", name, "select * from numbers"], ["verify", name]):
        refused = commands(*words, "-o", "json")
        assert (refused.code, refused.json["error"]["reason"]) == (2, "NothingPublished")
        assert "no run of it is published yet: run 1 is ABORTED" in refused.err
    assert 'relation "numbers" does not exist' in commands("query", name, "table numbers").err

    edited = written(ROWS)
    refused = commands("run", "-f", edited)
    assert refused.code == 2
    assert f"{status['rows']:,} rows that would be dropped" in refused.err
    assert "with another manifest, that of 20" in refused.err
    seeded = commands("run", "-f", written(LONG), "--seed", "7")
    assert f"was started without --scale and --seed and holds {status['rows']:,} rows" in seeded.err
    assert "resume it with: rowmill run -f FILE, or add --restart" in seeded.err
    edited = written(ROWS)
    assert "--restart" in refused.err
    # NAME still means the manifest of the unfinished run.
    assert commands("status", name, "-o", "json").json["rowsTotal"] == LONG
    code, screen = commands.on_terminal("run", "-f", edited, answer="n\n")
    assert (code, gate.states(ledger)) == (2, ["ABORTED"])
    assert "Drop them and start over?" in " ".join(screen.split())
    code, screen = commands.on_terminal("run", "-f", edited, answer="y\n")
    assert code == 0
    assert gate.states(ledger) == ["ABORTED", "COMPLETED"]
    assert "run 2 is complete, 3,000 rows in 1 table" in screen
    assert count(database, name, "numbers") == ROWS
    dropped, _ = commands("runs", name, "-o", "json").json
    assert dropped["message"] == "dropped by run 2"
    assert dropped["finishedAt"] == status["finishedAt"], "when it was interrupted"
    assert "run 2, is COMPLETED" in commands("abort", name).err

    nothing = commands("run", "-f", edited, "--resume", "-o", "json")
    assert nothing.code == 2
    assert nothing.json["error"]["reason"] == "NothingToResume"
    # The work of the dropped run was cleared when it was dropped.
    assert f"is deleted: removed 1 table ({ROWS:,} rows)\n" in commands("delete", name, "--yes").out


def test_over_published_data_an_unfinished_run_tells_what_it_replaces(
    name: str, written: Callable[..., str], commands: Commands, gated: GatedRuns, gate: Gate
) -> None:
    assert commands("run", "-f", written(), "--progress=none").code == 0
    larger, smaller = written(ROWS + 1), commands.folder / "smaller.yaml"
    process = gated.attached("-f", larger, before="FINALIZING")
    process.send_signal(signal.SIGTERM)
    process.send_signal(signal.SIGTERM)
    assert commands.finish(process).code == 5
    gate.open()

    smaller.write_text(Path(written(1)).read_text())
    both = "would be dropped, and run 3, of 1 row, would replace run 1 (3,000 rows); add --restart"
    code, screen = commands.on_terminal("run", "-f", str(smaller), answer="n\n")
    assert (code, both in " ".join(screen.split())) == (2, True)
    assert both in commands("run", "-f", str(smaller)).err
    resumed = commands("run", "-f", written(ROWS + 1), "--progress=none", "-o", "json")
    assert (resumed.code, resumed.json["resumed"]) == (0, True)
    assert resumed.json["replaces"] == {"run": 1, "rows": ROWS}
    assert "run 2 replaces run 1 (3,000 rows) when it is published" in resumed.err


def test_an_abort_from_another_process_ends_the_run_and_resume_takes_it_up(
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
    racing = commands("run", "-f", file, "-o", "json")
    assert racing.code == 2
    assert racing.json["error"]["reason"] == "LiveRunElsewhere"
    assert f"held by another process of this machine (pid {process.pid}, since 20" in racing.err
    assert f"`rowmill status {name} -w` shows" in racing.err
    assert f"stop it with `rowmill suspend {name}` or `rowmill abort {name}`" in racing.err
    live = commands("status", name)
    assert "no process holds it" not in live.out
    assert commands("runs", name, "-o", "json").json[0]["state"] == "RUNNING"
    for command in ("reset", "delete"):
        assert commands(command, name, "--yes").code == 2
    aborting = commands.start("abort", name)
    # It waits for the batch in flight, and no other comes before it.
    wait_until(lambda: gate.is_fencing(ledger), aborting)
    gate.open()
    aborted = commands.finish(aborting)
    assert aborted.code == 0
    assert f"run 1 of {name} is aborted" in aborted.out
    done = commands.finish(process)
    assert done.code == 5
    assert "run 1 was aborted" in done.err
    assert "run 1 aborted: " in done.err
    resumed = commands("run", "-f", file, "--resume", "--batch-rows", "2000", "-o", "json")
    assert resumed.code == 0
    assert resumed.json["resumed"]
    assert (resumed.json["rowsAlready"], resumed.json["rowsGenerated"]) == (2_000, 1_000)
    assert "resuming run 1" in resumed.err
    assert "--batch-rows is for new runs" in resumed.err


def test_a_signal_is_heard_while_the_server_answers_nothing(
    written: Callable[..., str], commands: Commands, gated: GatedRuns, database: Connection
) -> None:
    process = gated.attached("-f", written())
    frozen = database.execute(
        "SELECT pid FROM pg_stat_activity WHERE application_name LIKE %s",
        (f"rowmill supervisor %:{process.pid}",),
    ).fetchall()
    assert frozen
    for (pid,) in frozen:
        os.kill(pid, signal.SIGSTOP)
    try:
        # Long enough for the supervisor to ask the frozen session something.
        time.sleep(2)
        process.send_signal(signal.SIGTERM)
        process.send_signal(signal.SIGTERM)
        assert commands.finish(process).code == 5
    finally:
        for (pid,) in frozen:
            os.kill(pid, signal.SIGCONT)


def test_a_ctrl_c_while_the_workers_start_is_the_supervisors_alone(
    ledger: str, written: Callable[..., str], commands: Commands, gate: Gate
) -> None:
    gate.close_after(ledger, 0)
    process = commands.start("run", "-f", written(), "-o", "json")
    wait_until(lambda: bool(workers(process)), process)
    # As a terminal does it: to the whole group.
    os.killpg(process.pid, signal.SIGINT)
    done = commands.finish(process)
    assert (done.code, done.json["error"]["reason"]) == (5, "Interrupted")
    assert "KeyboardInterrupt" not in done.err


def test_an_interrupt_amid_prepare_is_heeded_at_once(
    name: str, written: Callable[..., str], commands: Commands, database: Connection
) -> None:
    key = lock_key("prepare", f"tests/local/{name}")
    database.execute("SELECT pg_advisory_lock(%s)", (key,))
    process = commands.start("run", "-f", written(), "-o", "json", env={"ROWMILL_ENGINE": "tests"})
    waiting = "SELECT EXISTS (SELECT FROM pg_locks WHERE NOT granted AND locktype = 'advisory' "
    waiting += "AND (classid::bigint << 32) | objid::bigint = %s::bigint)"
    wait_until(lambda: database.execute(waiting, (key,)).fetchone() == (True,), process)
    process.send_signal(signal.SIGINT)
    done = commands.finish(process)
    assert (done.code, done.json["error"]["reason"]) == (5, "Interrupted")
    assert "interrupted before the run had begun" in done.err
    assert "resume" not in done.err
