"""A run under way as others see it: from the ledger, whoever started it and wherever they are."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

from psycopg import sql

from rowmill.destinations.credentials import KnownCredentials
from rowmill.engine.records import Progress, State
from rowmill.local.connections import engine_id
from rowmill.local.servers.embedded import EmbeddedServers, exports
from rowmill.spec.load import load_spec
from rowmill.worker.abort import suspend_run
from rowmill.worker.destinations import Connections, open_destinations
from tests.integration.cli.commands import Commands, wait_until
from tests.integration.cli.gated_runs import GatedRuns
from tests.integration.cli.numbers import ROWS
from tests.integration.experiments import Connection, count
from tests.integration.gate import Gate


def test_a_run_under_way_tells_what_it_does_and_its_rows_are_the_ledgers(
    name: str,
    ledger: str,
    written: Callable[..., str],
    commands: Commands,
    gate: Gate,
    database: Connection,
) -> None:
    gate.close_after(ledger, 1)
    process = commands.start("run", "-f", written())
    told = sql.SQL("SELECT count(*) FROM {}.progress WHERE body->'tables'->0->>'rows' = '1000'")
    query = told.format(sql.Identifier(ledger))
    wait_until(lambda: database.execute(query).fetchone() == (1,), process)
    found = Progress.from_json(commands("status", name, "-o", "json").json)
    assert (found.run.state, found.run.rows, found.step, found.workers) == (
        State.RUNNING,
        1_000,
        "loading",
        1,
    )
    assert found.last_updated is not None
    gone = sql.SQL("ALTER TABLE {} RENAME TO gone").format(sql.Identifier(ledger, "progress"))
    database.execute(gone)
    without = Progress.from_json(commands("status", name, "-o", "json").json)
    assert (without.run.rows, without.step, without.last_updated) == (1_000, None, None)
    gate.open()
    assert commands.finish(process).code == 0, "its progress is nothing that it needs"
    assert count(database, name, "numbers") == ROWS


def test_a_run_that_is_suspended_elsewhere_ends_and_says_so_and_so_does_its_resume(
    name: str,
    ledger: str,
    written: Callable[..., str],
    commands: Commands,
    gated: GatedRuns,
    gate: Gate,
    servers: EmbeddedServers,
) -> None:
    file = written()
    process = gated.attached("-f", file, "-o", "json")
    known = KnownCredentials(exports(servers))
    reached = Connections(engine_id(), known, known)
    with (
        closing(open_destinations(load_spec(file), reached)) as there,
        ThreadPoolExecutor(1) as pool,
    ):
        # It waits for the batch in flight, and no other comes before it.
        suspending = pool.submit(suspend_run, there)
        wait_until(lambda: gate.is_fencing(ledger))
        gate.open()
        suspended = suspending.result()
    assert suspended is not None
    done = commands.finish(process)
    assert (done.code, done.json["error"]["reason"]) == (5, "Suspended")
    assert "run 1 suspended: " in done.err
    assert f"run 1 was suspended; go on with it: rowmill resume {name}" in done.err
    [line] = [line for line in commands("status", name).out.splitlines() if "run 1" in line]
    assert line.endswith("run 1: SUSPENDED")
    resumed = commands("run", "-f", file)
    assert resumed.code == 0
    assert "resuming run 1, which was suspended: what it made stays" in resumed.err


def test_a_publish_that_waits_for_a_reader_says_whom_it_waits_for(
    name: str, written: Callable[..., str], commands: Commands, connect: Callable[[], Connection]
) -> None:
    file = written()
    assert commands("run", "-f", file).code == 0
    reader = connect()
    reader.execute("SET application_name = 'the report'")
    reader.execute("BEGIN")
    reader.execute(f"SELECT count(*) FROM {name}.numbers")
    process = commands.start("run", "-f", file, "--restart")
    whom = f"the tables are in use by session {reader.info.backend_pid} of "

    def told() -> str:
        return str(commands("status", name, "-o", "json").json["message"])

    wait_until(lambda: whom in told(), process)
    message = told()
    assert "(the report, since 20" in message
    watching = commands.start("status", name, "-w")
    assert watching.stdout is not None
    assert watching.stdout.readline().endswith(f"(100 %), publish, {message}\n")
    reader.execute("COMMIT")
    done = commands.finish(process)
    assert done.code == 0
    assert f"rowmill: {message}; trying again for another " in done.err, "in the same words"
    assert told() == ""
