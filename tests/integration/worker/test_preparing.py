"""Prepare decides by the ledger, and what it claims and makes can be made again."""

import re
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace

import pyarrow as pa
import pytest
from psycopg import sql

from rowmill.destinations.credentials import KnownCredentials
from rowmill.destinations.errors import DestinationRefused
from rowmill.engine.consent import WouldDrop
from rowmill.engine.request import Mode
from rowmill.plan.replacement import Replaced
from rowmill.plan.run_source import RunSource, Versions, source_of
from rowmill.plan.runs import RunState
from rowmill.version import VERSION
from rowmill.worker.abort import abort_run
from rowmill.worker.destinations import Connections, Destinations
from rowmill.worker.reading import experiment_runs, published
from rowmill.worker.removal import purge
from rowmill.worker.start.decide import data_version_for
from rowmill.worker.start.prepared import Ahead
from rowmill.worker.start.refusals import EditedManifest, FewerRows, NoRunToResume
from tests.integration.experiments import PEOPLE, Connection, Manifest, manifest
from tests.integration.worker.env import Env, plan_of, state

Opened = Callable[[Manifest], tuple[Env, Destinations]]


@pytest.mark.parametrize("postgres", [{}, None], ids=["both", "bucket"])
def test_a_resume_makes_only_what_is_missing(
    name: str, opened: Opened, postgres: dict[str, str] | None
) -> None:
    env, destinations = opened(manifest(name, postgres=postgres))
    run = env.prepare(destinations).run
    env.load(destinations, run, parts=1)
    prepared = env.prepare(destinations)
    assert prepared.resumed
    assert prepared.run.id == run.id
    counts = env.load(destinations, run)
    assert counts.made == {"orders": 2_500}


@pytest.mark.parametrize("postgres", [{}, None], ids=["both", "bucket"])
def test_a_run_keeps_its_manifest_and_the_versions_that_began_it(
    name: str, opened: Opened, postgres: dict[str, str] | None
) -> None:
    env, destinations = opened(manifest(name, postgres=postgres))
    run = env.prepare(destinations).run
    known = destinations.ledger.runs.find(run.id)
    assert known is not None
    began = Versions(VERSION, pa.__version__, data=1)
    assert source_of(known) == RunSource(env.text, versions=began)


def test_what_is_admitted_has_its_keys_once_they_are_made(
    name: str, opened: Opened, database: Connection
) -> None:
    env, destinations = opened(manifest(name, tables=[PEOPLE], parquet=None))
    asked: list[Ahead] = []
    run = env.prepare(destinations, admit=asked.append).run
    env.load(destinations, run)
    env.prepare(destinations, admit=asked.append)
    staged = f"rowmill_run_{run.id}.people"
    database.execute(f"ALTER TABLE {staged} ADD PRIMARY KEY (id)")
    made = database.execute("SELECT pg_indexes_size(%s::regclass)", (staged,)).fetchone()
    env.prepare(destinations, admit=asked.append)
    env.prepare(destinations, mode=Mode.RESTART, admit=asked.append)
    loads = [(ahead.load.durable.batches, ahead.load.index_bytes) for ahead in asked]
    full = {"people": [(0, 3)]}
    assert made is not None
    assert made[0] > 0
    assert loads == [({}, 0), (full, 0), (full, made[0]), ({}, 0)]
    assert [each.index_bytes for each in asked[-1].discarded] == [made[0]]


@pytest.mark.parametrize("postgres", [{}, None], ids=["both", "bucket"])
@pytest.mark.parametrize("left", [RunState.RUNNING, RunState.FAILED])
def test_a_dropped_run_keeps_its_end_only_where_somebody_saw_it(
    name: str, opened: Opened, postgres: dict[str, str] | None, left: RunState
) -> None:
    env, destinations = opened(manifest(name, postgres=postgres))
    runs = destinations.ledger.runs
    run = env.prepare(destinations).run
    if left is not RunState.RUNNING:
        assert runs.transition(run.id, frozenset({RunState.RUNNING}), left)
    seen = runs.find(run.id)
    env.prepare(destinations, mode=Mode.RESTART)
    dropped = runs.find(run.id)
    assert seen is not None
    assert dropped is not None
    assert (dropped.state, dropped.message) == (RunState.ABORTED, "dropped by run 2")
    assert dropped.ended_at == seen.finished_at
    assert (dropped.ended_at is not None) == (left is RunState.FAILED)


def test_an_edited_manifest_over_an_unfinished_run_names_what_would_be_dropped(
    name: str, opened: Opened
) -> None:
    env, destinations = opened(manifest(name, parquet=None))
    env.load(destinations, env.prepare(destinations).run, parts=1)
    edited, same = opened(manifest(name, parquet=None, seed=1))
    with pytest.raises(EditedManifest, match=r"run 1 is INTERRUPTED .* 2,500 rows .* --restart"):
        edited.prepare(same)
    assert edited.prepare(same, mode=Mode.RESTART).run.number == 2


def test_a_rerun_drops_nothing_unfinished_and_names_what_it_would_replace(
    name: str, opened: Opened
) -> None:
    larger, published = opened(manifest(name, parquet=None))
    larger.complete(published)
    env, destinations = opened(manifest(name, tables=[PEOPLE], parquet=None))
    env.load(destinations, env.prepare(destinations).run, parts=1)
    with pytest.raises(WouldDrop) as refused:
        env.prepare(destinations, mode=Mode.RERUN)
    assert refused.value.reason == "UnfinishedRun"
    assert str(refused.value) == (
        "run 2 is INTERRUPTED and holds 2,500 rows that would be dropped, and run 3, of 2,500 "
        "rows, would replace run 1 (5,000 rows); go on with it: "
        f"rowmill resume {name}, or add --restart to drop them"
    )
    env.complete(destinations)
    assert env.prepare(destinations).repeat
    assert env.prepare(destinations, mode=Mode.RERUN, agreed=()).run.number == 3


@pytest.mark.parametrize("postgres", [{}, None], ids=["both", "bucket"])
def test_a_run_over_published_data_tells_what_it_replaces(
    name: str, opened: Opened, postgres: dict[str, str] | None
) -> None:
    first, destinations = opened(manifest(name, postgres=postgres))
    assert first.prepare(destinations).replaces is None
    run = first.complete(destinations)
    assert first.prepare(destinations).replaces is None, "a repeat"
    second, same = opened(manifest(name, tables=[PEOPLE], postgres=postgres))
    wanted = Replaced(1, 5_000, gone=("orders",))
    with pytest.raises(FewerRows, match=r"run 2, of 2,500 rows, would replace run 1 \(5,000 rows"):
        second.prepare(same, agreed=())
    assert [known.id for known in experiment_runs(same)] == [run.id]
    begun = second.prepare(same, agreed={run.id})
    assert (begun.resumed, begun.replaces) == (False, wanted)
    resumed = second.prepare(same, agreed=())
    assert (resumed.resumed, resumed.replaces) == (True, wanted)
    second.complete(same)
    third, again = opened(manifest(name, postgres=postgres))
    assert third.prepare(again).replaces == Replaced(2, 2_500)


def test_a_run_that_was_cut_while_it_was_published_is_told_before_anything_is_asked(
    name: str, opened: Opened
) -> None:
    first, destinations = opened(manifest(name, parquet=None))
    run = first.prepare(destinations).run
    first.load(destinations, run)
    assert destinations.warehouse is not None
    running = frozenset({RunState.RUNNING})
    assert destinations.ledger.runs.transition(run.id, running, RunState.FINALIZING)
    destinations.warehouse.publish(run, first.spec.dataset)
    second, same = opened(manifest(name, tables=[PEOPLE], parquet=None))
    with pytest.raises(FewerRows) as asked:
        second.prepare(same, agreed=())
    assert asked.value.rolled_forward == (1,)
    assert asked.value.published.id == run.id


def test_a_resume_of_a_run_that_was_cut_while_it_was_published_completes_it(
    name: str, opened: Opened
) -> None:
    env, destinations = opened(manifest(name, tables=[PEOPLE], parquet=None))
    run = env.prepare(destinations).run
    env.load(destinations, run)
    assert destinations.warehouse is not None
    running = frozenset({RunState.RUNNING})
    assert destinations.ledger.runs.transition(run.id, running, RunState.FINALIZING)
    destinations.warehouse.publish(run, env.spec.dataset)
    found = env.prepare(destinations, mode=Mode.RESUME)
    assert (found.run.number, found.run.state) == (1, RunState.COMPLETED)
    assert (found.repeat, found.rolled_forward) == (True, (1,))


def test_nothing_to_resume_is_said(name: str, opened: Opened) -> None:
    env, destinations = opened(manifest(name, tables=[PEOPLE], parquet=None))
    with pytest.raises(NoRunToResume, match="there is no run to resume"):
        env.prepare(destinations, mode=Mode.RESUME)
    env.complete(destinations)
    with pytest.raises(NoRunToResume, match="run 1 is complete"):
        env.prepare(destinations, mode=Mode.RESUME)


@pytest.mark.parametrize("postgres", [{}, None], ids=["both", "bucket"])
def test_a_complete_run_is_repeated_only_while_its_data_is_there(
    name: str, opened: Opened, postgres: dict[str, str] | None
) -> None:
    env, destinations = opened(manifest(name, tables=[PEOPLE], postgres=postgres))
    env.complete(destinations)
    assert env.prepare(destinations).repeat
    purge.reset(destinations)
    assert published(destinations) is None
    assert [run.state for run in experiment_runs(destinations)] == [RunState.RESET]
    prepared = env.prepare(destinations)
    assert (prepared.repeat, prepared.run.number) == (False, 2)


def test_a_table_that_somebody_dropped_is_no_repeat(
    name: str, opened: Opened, database: Connection
) -> None:
    env, destinations = opened(manifest(name, tables=[PEOPLE]))
    env.complete(destinations)
    database.execute(f"DROP TABLE {name}.people")
    assert env.prepare(destinations).run.number == 2


def test_an_upgrade_keeps_the_data_version_of_the_last_run(name: str, opened: Opened) -> None:
    env, destinations = opened(manifest(name, tables=[PEOPLE], parquet=None))
    run = env.complete(destinations)
    newer = env.spec.at(2)
    assert data_version_for(newer, []) == 2
    assert data_version_for(newer, [run]) == 1
    assert data_version_for(replace(newer, pins_data_version=True), [run]) == 2
    # A release that knows version 2 still repeats, and so changes nothing.
    env.spec = newer
    assert env.prepare(destinations).repeat
    # And what it plans, it plans by that version.
    asked: list[Ahead] = []
    again = env.prepare(destinations, mode=Mode.RESTART, admit=asked.append).run
    assert again.plan == asked[0].load.plan == plan_of(env.spec.at(1))


def test_an_abort_ends_the_run_for_every_worker(name: str, opened: Opened) -> None:
    env, destinations = opened(manifest(name, tables=[PEOPLE]))
    assert abort_run(destinations) is None
    run = env.prepare(destinations).run
    aborted = abort_run(destinations)
    assert aborted is not None
    assert aborted.id == run.id
    assert abort_run(destinations) is None
    assert state(destinations, run) is RunState.ABORTED
    assert env.prepare(destinations).resumed


@pytest.mark.parametrize("postgres", [{}, None], ids=["both", "bucket"])
def test_delete_takes_data_and_records_from_every_place_of_the_experiment(
    name: str, opened: Opened, postgres: dict[str, str] | None
) -> None:
    first, old = opened(manifest(name, tables=[PEOPLE], postgres=postgres))
    first.complete(old)
    assert old.lake is not None
    bucket = old.lake.bucket
    if postgres is not None:
        second, new = opened(manifest(name, tables=[PEOPLE], parquet={"prefix": f"{name}-new"}))
        second.complete(new)
        purge.delete(new)
    else:
        purge.delete(old)
    left = [found.key for found in bucket.list(name) if "/ledger/" not in found.key]
    assert left == []
    assert experiment_runs(old) == []


def test_another_owner_reads_and_is_told_how_to_take_over(
    name: str, opened: Opened, reach: Connections
) -> None:
    env, destinations = opened(manifest(name, tables=[PEOPLE]))
    run = env.complete(destinations)
    env.connections = replace(reach, engine="somebody@else")
    theirs = env.open_destinations()
    try:
        seen = published(theirs)
        assert seen is not None
        assert seen.id == run.id
        with pytest.raises(DestinationRefused, match=f"--adopt tests/local/{name}") as refusal:
            env.prepare(theirs)
        assert refusal.value.reason == "TargetInUse"
        taken = env.prepare(theirs, adopt=f"tests/local/{name}")
        assert taken.replaces == Replaced(1, 2_500, owner=f"tests/local/{name}")
        adopted = taken.run
        env.load(theirs, adopted)
        env.finalize(theirs, adopted)
        assert state(theirs, adopted) is RunState.COMPLETED
    finally:
        theirs.close()


def test_a_person_is_asked_before_adopted_rows_get_fewer(
    name: str, opened: Opened, reach: Connections
) -> None:
    env, destinations = opened(manifest(name, tables=[PEOPLE]))
    run = env.complete(destinations)
    smaller = Env(
        manifest(name, tables=[{**PEOPLE, "rows": 10}]), replace(reach, engine="somebody@else")
    )
    theirs = smaller.open_destinations()
    try:
        owner = f"tests/local/{name}"
        words = f"run 1, of 10 rows, would replace run 1 of {owner} (2,500 rows)"
        with pytest.raises(FewerRows, match=re.escape(words)):
            smaller.prepare(theirs, adopt=owner, agreed=frozenset())
        assert theirs.ledger.runs.of(theirs.owner) == []
        seen = published(theirs)
        assert seen is not None
        assert seen.id == run.id
        agreed = smaller.prepare(theirs, adopt=owner, agreed={run.id})
        assert agreed.replaces == Replaced(1, 2_500, owner=owner)
    finally:
        theirs.close()


def test_reading_makes_no_ledger(name: str, opened: Opened, database: Connection) -> None:
    ledger = f"{name}_ledger"
    _, destinations = opened(manifest(name, postgres={"ledgerSchema": ledger}, parquet=None))
    assert experiment_runs(destinations) == []
    found = database.execute("SELECT FROM pg_namespace WHERE nspname = %s", (ledger,)).fetchone()
    assert found is None


def test_a_role_that_may_only_read_reads(
    name: str, opened: Opened, reach: Connections, database: Connection
) -> None:
    env, destinations = opened(
        manifest(name, tables=[PEOPLE], postgres={"ledgerSchema": f"{name}_ledger"}, parquet=None)
    )
    run = env.complete(destinations)
    role, ledger = sql.Identifier(f"reader {name}"), sql.Identifier(f"{name}_ledger")
    database.execute(sql.SQL("CREATE ROLE {} LOGIN PASSWORD 'reads'").format(role))
    database.execute(
        sql.SQL(
            "GRANT USAGE ON SCHEMA {1} TO {0}; GRANT SELECT ON ALL TABLES IN SCHEMA {1} TO {0}"
        ).format(role, ledger)
    )
    assert reach.postgres is not None
    known = {**reach.postgres(), "PGUSER": f"reader {name}", "PGPASSWORD": "reads"}
    env.connections = replace(reach, engine="reader", postgres=KnownCredentials(known))
    try:
        with closing(env.open_destinations()) as theirs:
            seen = published(theirs)
            assert seen is not None
            assert seen.id == run.id
            with pytest.raises(DestinationRefused, match="GRANT"):
                env.prepare(theirs)
    finally:
        database.execute(sql.SQL("DROP OWNED BY {0}; DROP ROLE {0}").format(role))


@pytest.mark.parametrize("postgres", [{}, None], ids=["both", "bucket"])
def test_a_run_that_is_started_over_leaves_no_work_in_the_ledger(
    name: str, opened: Opened, postgres: dict[str, str] | None
) -> None:
    env, destinations = opened(manifest(name, postgres=postgres))
    run = env.prepare(destinations).run
    env.load(destinations, run)
    assert destinations.ledger.work.pending_parts(run.id)
    env.prepare(destinations, mode=Mode.RESTART)
    assert destinations.ledger.work.pending_parts(run.id) == {}
    assert destinations.ledger.work.done_batches(run.id) == {}
