"""A worker that takes several shards of a run: one connection, which may be lost at any moment."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Event
from typing import Any

import pytest
from psycopg import sql

import rowmill
from rowmill.destinations.postgres.tables.staging import staging_schema
from rowmill.local.workers.supervisor import Supervisor
from rowmill.plan.layout import Part
from rowmill.plan.runs import Run
from rowmill.worker.destinations import Destinations
from rowmill.worker.shard import run_parts
from rowmill.worker.shard_context import shard_context_for
from tests.integration.cli.commands import wait_until
from tests.integration.experiments import PEOPLE, Connection, Manifest, manifest, write
from tests.integration.worker.env import Counts, Env

Opened = Callable[[Manifest], tuple[Env, Destinations]]
TABLES = [{**PEOPLE, "name": name} for name in ("first", "second", "third", "fourth")]
BATCHES = 3


@pytest.fixture
def content(name: str) -> Manifest:
    """Tables of a part each, so that each is a shard; with a ledger of its own."""
    ledger = {"ledgerSchema": f"{name}_ledger"}
    return manifest(name, tables=TABLES, postgres=ledger, parquet=None)


@pytest.fixture
def on_each_batch(content: Manifest, opened: Opened, database: Connection) -> Callable[..., None]:
    """Has Postgres make an object in the ledger's schema `{0}`, then act at each batch's row."""
    _, destinations = opened(content)
    destinations.ledger.ensure()
    ledger = sql.Identifier(content["spec"]["destinations"]["postgres"]["ledgerSchema"])

    def do(made: str, body: str) -> None:
        function = "CREATE FUNCTION {0}.at_batch() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN "
        for statement in (
            f"CREATE {made}",
            f"{function} {body}; RETURN NULL; END$$",
            "CREATE TRIGGER at_batch AFTER INSERT ON {0}.batches "
            "FOR EACH ROW EXECUTE FUNCTION {0}.at_batch()",
        ):
            database.execute(sql.SQL(statement).format(ledger))

    return do


def test_a_worker_has_one_connection_for_all_its_shards(
    name: str,
    content: Manifest,
    tmp_path: Path,
    on_each_batch: Callable[..., None],
    database: Connection,
) -> None:
    on_each_batch(
        "TABLE {0}.seen (tbl int, process int)",
        "INSERT INTO {0}.seen VALUES (NEW.tbl, pg_backend_pid())",
    )
    outcome = rowmill.load(write(tmp_path / "m.yaml", content)).run(workers=1)
    assert outcome.run.plan.shards == len(TABLES)
    seen = "SELECT count(*), count(DISTINCT tbl), count(DISTINCT process) FROM {}.seen"
    found = database.execute(sql.SQL(seen).format(sql.Identifier(f"{name}_ledger"))).fetchone()
    assert found == (len(TABLES) * BATCHES, len(TABLES), 1)


def test_a_connection_lost_between_shards_and_amid_the_next_loses_and_doubles_no_row(
    name: str,
    content: Manifest,
    opened: Opened,
    on_each_batch: Callable[..., None],
    database: Connection,
) -> None:
    env, destinations = opened(content)
    run, session = env.prepare(destinations).run, destinations.session
    assert session is not None
    # What a sequence gave stays given, though the transaction ends with its session.
    on_each_batch(
        "SEQUENCE {0}.times",
        "IF (NEW.tbl, NEW.batch) = (1, 1) AND nextval('{0}.times') = 1 "
        "THEN PERFORM pg_terminate_backend(pg_backend_pid()); END IF",
    )
    counts = Counts()

    def cut() -> None:
        process = session.connection().info.backend_pid
        ended = database.execute("SELECT pg_terminate_backend(%s, 10000)", (process,)).fetchone()
        assert ended == (True,)

    context = shard_context_for(run, env.spec, destinations)
    run_parts(context, _all_shards(run, counts, cut), Event(), counts)
    assert session.retries == 2
    assert counts.stored == {table["name"]: PEOPLE["rows"] for table in TABLES}
    # It compares with the plan, makes the primary keys, and counts.
    env.finalize(destinations, run)
    for table in TABLES:
        rows = sql.SQL("SELECT count(*), count(DISTINCT id) FROM {}")
        found = database.execute(rows.format(sql.Identifier(name, table["name"]))).fetchone()
        assert found == (PEOPLE["rows"], PEOPLE["rows"])


def test_what_a_crash_took_of_an_earlier_shard_is_made_again_before_the_worker_ends(
    content: Manifest, opened: Opened, database: Connection
) -> None:
    env, destinations = opened(content)
    run, counts = env.prepare(destinations).run, Counts()

    def crash() -> None:
        staged = sql.Identifier(staging_schema(run.id), "first")
        database.execute(sql.SQL("DELETE FROM {} WHERE id > 2000").format(staged))
        ledger = sql.Identifier(env.spec.postgres.ledger_schema if env.spec.postgres else "")
        database.execute(
            sql.SQL("DELETE FROM {}.batches WHERE (tbl, batch) = (0, 2)").format(ledger)
        )

    context = shard_context_for(run, env.spec, destinations)
    run_parts(context, _all_shards(run, counts, crash), Event(), counts)
    assert counts.stored == {"first": 3_000, "second": 2_500, "third": 2_500, "fourth": 2_500}
    assert destinations.ledger.work.done_batches(run.id) == {
        table["name"]: [(0, BATCHES)] for table in TABLES
    }


def test_a_worker_that_waits_for_its_next_shard_hears_a_stop(
    content: Manifest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Any] = []

    def stop_instead(self: Supervisor, worker: object, _waiting: object) -> None:
        asked.append(worker)
        self._stop.set()

    monkeypatch.setattr(Supervisor, "_hand_out_next", stop_instead)
    with pytest.raises(rowmill.Interrupted):
        rowmill.load(write(tmp_path / "m.yaml", content)).run(workers=1)
    # It said itself that it ended; one that is deaf is killed with what it has.
    assert [worker.commands for worker in asked] == [[]]


def _all_shards(run: Run, counts: Counts, between: Callable[[], None]) -> Iterator[Part]:
    """The parts of all shards; `between` is called when all of the first is committed."""
    first, *others = range(run.plan.shards)
    yield from run.plan.shard(first)
    wait_until(lambda: counts.stored.get(TABLES[first]["name"]) == PEOPLE["rows"])
    between()
    for shard in others:
        yield from run.plan.shard(shard)
