"""`run` verifies what it has published where the manifest says `verify: AfterRun`."""

from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from rowmill.local.servers.embedded import EmbeddedServers, exports
from tests.integration.cli.commands import Commands, wait_until
from tests.integration.cli.numbers import numbers
from tests.integration.experiments import Connection, manifest
from tests.integration.gate import Gate


@pytest.fixture
def change_at_publish(name: str, ledger: str, database: Connection) -> Iterator[Callable[[], None]]:
    """Makes an event trigger of the user's, which changes a cell as the table is published."""
    trigger = f"{name}_change"

    def make() -> None:
        database.execute(
            f"CREATE FUNCTION {ledger}.change() RETURNS event_trigger LANGUAGE plpgsql AS $$ "
            "BEGIN IF EXISTS (SELECT FROM pg_event_trigger_ddl_commands() "
            f"WHERE schema_name = '{name}' AND object_type = 'table') "
            f"THEN UPDATE {name}.numbers SET id = -1 WHERE id = 7; END IF; END $$"
        )
        database.execute(
            f"CREATE EVENT TRIGGER {trigger} ON ddl_command_end WHEN TAG IN ('ALTER TABLE') "
            f"EXECUTE FUNCTION {ledger}.change()"
        )

    yield make
    database.execute(f"DROP EVENT TRIGGER IF EXISTS {trigger}")


def test_a_run_ends_with_1_where_what_it_published_differs_and_tells_as_verify_does(
    commands: Commands, written: Callable[..., str], change_at_publish: Callable[[], None]
) -> None:
    file = written(1_000, verify="AfterRun")
    same = commands("run", "-f", file)
    assert same.code == 0, same.err
    assert "Identical: all 1,000 rows of 1 table, in every destination" in same.out
    assert "run 1 verifying: 1,000 of 1,000 rows durable (100 %)" in same.err
    # What the closing line would advise is done.
    assert "Next: rowmill verify" not in same.out
    change_at_publish()
    text = commands("run", "-f", file, "--restart")
    assert text.code == 1, text.err
    assert "run 2 is complete, 1,000 rows" in text.out
    assert "numbers in postgres: lost (id=7), row 6 of batch 0, part 0\n" in text.out
    assert text.out.endswith("` makes it again.\n")
    document = commands("run", "-f", file, "--restart", "-o", "json")
    assert document.code == 1
    assert (document.json["state"], document.json["number"]) == ("COMPLETED", 3)
    verification = document.json["verification"]
    assert (verification["run"], verification["identical"]) == (3, False)
    assert verification["checksum"].startswith("sha256:")
    repeat = commands("run", "-f", file, "-o", "json")
    assert (repeat.code, repeat.json["repeat"], repeat.json["verification"]) == (0, True, None)


@pytest.fixture
def held(
    name: str, ledger: str, gate: Gate, connect: Callable[[], Connection]
) -> Iterator[Callable[[], Connection]]:
    """Lets the run at the gate become complete, and its verify wait for the table.

    Returns the connection whose open transaction that is.
    """
    made: list[Connection] = []

    def hold() -> Connection:
        wait_until(lambda: gate.waiting(ledger))
        made.append(connect())
        made[0].execute("BEGIN")
        made[0].execute(f"LOCK TABLE {name}.numbers IN ACCESS EXCLUSIVE MODE")
        gate.open()
        wait_until(lambda: gate.states(ledger) == ["COMPLETED"])
        return made[0]

    yield hold
    for connection in made:
        connection.close()


def test_who_waits_for_a_run_in_the_background_leaves_as_its_verify_ends(
    name: str,
    ledger: str,
    written: Callable[..., str],
    commands: Commands,
    gate: Gate,
    held: Callable[[], Connection],
    servers: EmbeddedServers,
    tmp_path: Path,
) -> None:
    gate.close_before(ledger, "COMPLETED")
    file = written(1_000, verify="AfterRun")
    begun = commands("run", "--detach", "-f", file, "-o", "json")
    assert begun.json["verification"] is None
    watching = commands.start("status", name, "-w")
    changing = held()
    under_way = commands("status", name, "-o", "json")
    assert (under_way.code, under_way.json["state"]) == (0, "COMPLETED")
    told = under_way.json["verification"]
    assert (told["identical"], told["awaited"], told["reason"]) == (None, True, "Verifying")
    assert watching.poll() is None, "it waits for the verdict"
    changing.execute(f"UPDATE {name}.numbers SET id = -1 WHERE id = 7")
    changing.execute("COMMIT")

    watched = commands.finish(watching)
    where = "numbers in postgres: lost row 6 (batch 0, part 0)"
    rows = "(differing rows: 2; 1,000 rows made again)"
    assert watched.code == 1, watched.err
    assert f"verify found differences: run 1 differs: {where} {rows}; data" in watched.out
    assert f"; verify {name} shows each row" in watched.out
    [run] = commands("runs", name, "-o", "json").json
    verdict = run["verification"]
    assert (verdict["identical"], verdict["awaited"]) == (False, False)
    assert (verdict["rows"], verdict["differences"], verdict["where"]) == (1_000, 2, where)

    # It is in the ledger, where all look.
    elsewhere = {"ROWMILL_HOME": str(tmp_path / "elsewhere")}
    secret = commands.secret("warehouse", exports(servers))
    own = manifest(
        name,
        tables=[numbers(1_000)],
        postgres={"ledgerSchema": ledger, "secretName": "warehouse"},
        parquet=None,
    )
    by_file = commands(
        "status", "-f", commands.file(own, "own.yaml"), secret, "-o", "json", env=elsewhere
    )
    assert by_file.json["verification"] == verdict

    again = commands("rerun", name, "--wait")
    assert again.code == 0, again.err
    assert "run 2 COMPLETED: 1,000 of 1,000 rows durable (100 %), verified" in again.out
    assert "verified: run 2: 1,000 rows made again are identical; data checksum sha" in again.out


def test_a_verify_whose_process_is_gone_is_waited_for_by_nobody(
    name: str,
    ledger: str,
    written: Callable[..., str],
    commands: Commands,
    gate: Gate,
    held: Callable[[], Connection],
) -> None:
    gate.close_before(ledger, "COMPLETED")
    begun = commands("run", "--detach", "-o", "json", "-f", written(1_000, verify="AfterRun"))
    watching = commands.start("status", name, "-w")
    holder = held()
    assert watching.poll() is None
    psutil.Process(begun.json["process"]).kill()
    watched = commands.finish(watching)
    assert watched.code == 5, watched.err
    assert "not verified: Interrupted: the process ended before it had compared" in watched.out
    holder.execute("ROLLBACK")
    # Who does it by hand makes up for it.
    assert commands("verify", name).code == 0
    watched = commands("status", name, "-w", "-o", "json")
    assert (watched.code, watched.json["verification"]["reason"]) == (0, "Identical")


def test_the_ledger_of_a_bucket_keeps_the_verdict_too(name: str, commands: Commands) -> None:
    content = manifest(name, tables=[numbers(10)], postgres=None, verify="AfterRun")
    assert commands("run", "-f", commands.file(content)).code == 0
    told = commands("status", name, "-o", "json").json["verification"]
    assert (told["identical"], told["reason"], told["rows"]) == (True, "Identical", 10)
