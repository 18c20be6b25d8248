"""A run under way as others see it: from the ledger, whoever started it and wherever they are."""

from collections.abc import Callable

from psycopg import sql

from rowmill.engine.records import Progress, State
from tests.integration.cli.commands import Commands, wait_until
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
