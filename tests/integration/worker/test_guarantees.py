"""What docs/architecture.md promises of a run, where no other test would fail without it."""

from collections.abc import Callable
from contextlib import AbstractContextManager

import pytest
from psycopg import sql

from rowmill.destinations.ledger import ExperimentHold
from rowmill.destinations.postgres.ledger.work import PostgresWork
from rowmill.destinations.postgres.tables.staging import staging_schema
from rowmill.errors import Conflict
from rowmill.plan.runs import RESUMABLE, Run, RunState
from rowmill.worker.destinations import Destinations
from rowmill.worker.holding import held
from rowmill.worker.removal import purge
from tests.integration.experiments import PEOPLE, Connection, Manifest, count, manifest
from tests.integration.worker.env import Env, state

Opened = Callable[[Manifest], tuple[Env, Destinations]]
LEDGER = "rowmill"


def test_neither_rows_nor_ledger_are_lost_with_the_servers_memory(
    name: str, opened: Opened, database: Connection
) -> None:
    env, destinations = opened(manifest(name, parquet=None))
    run = env.prepare(destinations).run
    kept = database.execute(
        "SELECT DISTINCT nspname, relpersistence FROM pg_class c "
        "JOIN pg_namespace n ON n.oid = relnamespace WHERE relkind = 'r' AND nspname = ANY(%s)",
        ([staging_schema(run.id), LEDGER],),
    ).fetchall()
    assert sorted(kept) == [(LEDGER, "p"), (staging_schema(run.id), "p")]


def test_finalize_goes_by_batches_that_no_crash_takes(
    name: str, opened: Opened, database: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    env, destinations = opened(manifest(name, tables=[PEOPLE], parquet=None))
    run = env.prepare(destinations).run
    env.load(destinations, run, parts=0)

    def unsettled(*_: object) -> None:
        raise AssertionError("a crash of the server may still take some of these")

    monkeypatch.setattr(PostgresWork, "done_batches", unsettled)
    env.finalize(destinations, run)
    assert count(database, name, "people") == 2_500


def test_a_part_that_is_lost_is_made_again_for_parquet_alone(
    name: str, opened: Opened, database: Connection
) -> None:
    env, destinations = opened(manifest(name))
    run = env.prepare(destinations).run
    assert env.load(destinations, run).stored == {"people": 2_500, "orders": 2_500}
    _forget_part(database, run, table=0)
    again = env.load(destinations, run)
    assert again.made == {"people": 2_500}
    assert again.stored == {}
    env.finalize(destinations, run)
    assert count(database, name, "people") == 2_500


def test_a_batch_that_is_lost_is_copied_again_without_its_part(
    name: str, opened: Opened, database: Connection
) -> None:
    env, destinations = opened(manifest(name, tables=[PEOPLE]))
    run = env.prepare(destinations).run
    env.load(destinations, run)
    people = sql.Identifier(staging_schema(run.id), "people")
    database.execute(sql.SQL("DELETE FROM {} WHERE id > 2000").format(people))
    database.execute(
        f"DELETE FROM {LEDGER}.batches WHERE batch = 2 "
        f"AND run = (SELECT key FROM {LEDGER}.runs WHERE id = %s)",
        (run.id,),
    )
    assert destinations.lake is not None
    before = destinations.ledger.work.pending_parts(run.id)
    again = env.load(destinations, run)
    assert again.stored == {"people": 500}
    assert destinations.ledger.work.pending_parts(run.id) == before


@pytest.mark.parametrize("postgres", [{}, None], ids=["both", "bucket"])
def test_finalize_makes_what_the_shards_left_out(
    name: str, opened: Opened, postgres: dict[str, str] | None
) -> None:
    env, destinations = opened(manifest(name, postgres=postgres))
    run = env.prepare(destinations).run
    env.load(destinations, run, parts=1)
    env.finalize(destinations, run)
    assert state(destinations, run) is RunState.COMPLETED
    assert destinations.lake is not None
    record = destinations.lake.record(run.id)
    assert record is not None
    assert record.rows == run.plan.rows == 5_000


def test_a_resume_keeps_the_plan_that_was_frozen(name: str, opened: Opened) -> None:
    env, destinations = opened(manifest(name, parquet=None))
    run = env.prepare(destinations).run
    other, same = opened(manifest(name, parquet=None, batchRows=2_000, parallelism=7))
    resumed = other.prepare(same)
    assert resumed.resumed
    assert resumed.run.plan == run.plan


@pytest.mark.parametrize("remove", [purge.reset, purge.delete])
@pytest.mark.parametrize("where", ["postgres", "parquet"])
def test_the_data_of_a_live_run_cannot_be_removed(
    name: str, opened: Opened, where: str, remove: Callable[[Destinations], None]
) -> None:
    left_out = {"postgres": "parquet", "parquet": "postgres"}[where]
    env, destinations = opened(manifest(name, tables=[PEOPLE], **{left_out: None}))
    run = env.prepare(destinations).run
    _, other = opened(manifest(name, tables=[PEOPLE], **{left_out: None}))
    with (
        destinations.ledger.locks.hold_experiment(destinations.owner),
        pytest.raises(Conflict) as refusal,
    ):
        remove(other)
    assert refusal.value.reason == "LiveRunElsewhere"
    assert state(destinations, run) is RunState.RUNNING


@pytest.mark.parametrize("remove", [purge.reset, purge.delete])
def test_what_a_run_published_while_a_removal_waited_for_it_stays(
    name: str,
    opened: Opened,
    database: Connection,
    monkeypatch: pytest.MonkeyPatch,
    remove: Callable[[Destinations], None],
) -> None:
    env, destinations = opened(manifest(name, tables=[PEOPLE], parquet=None))
    run = env.prepare(destinations).run
    env.load(destinations, run)
    hold = held

    def held_once_it_has_ended(wanted: Destinations) -> AbstractContextManager[ExperimentHold]:
        env.finalize(destinations, run)
        return hold(wanted)

    monkeypatch.setattr(purge, "held", held_once_it_has_ended)
    with pytest.raises(Conflict, match="is published by now: nothing was removed"):
        remove(destinations)
    assert count(database, name, "people") == 2_500
    monkeypatch.setattr(purge, "held", hold)
    remove(destinations)


@pytest.mark.parametrize("ended", [RunState.FAILED, RunState.ABORTED])
def test_a_run_that_failed_leaves_the_old_data_and_can_be_resumed(
    name: str, opened: Opened, database: Connection, ended: RunState
) -> None:
    env, destinations = opened(manifest(name))
    old = env.complete(destinations)
    edited, same = opened(manifest(name, seed=1))
    run = edited.prepare(same).run
    edited.load(same, run)
    assert same.ledger.runs.transition(run.id, RESUMABLE, ended)
    assert count(database, name, "people") == 2_500
    assert same.lake is not None
    current = same.lake.current()
    assert current is not None
    assert current.run == old.id
    assert edited.prepare(same).resumed
    assert edited.load(same, run).made == {}
    edited.finalize(same, run)
    current = same.lake.current()
    assert current is not None
    assert current.run == run.id


def _forget_part(database: Connection, run: Run, table: int) -> None:
    database.execute(
        f"DELETE FROM {LEDGER}.parts WHERE tbl = %s "
        f"AND run = (SELECT key FROM {LEDGER}.runs WHERE id = %s)",
        (table, run.id),
    )
