"""A ledger in Postgres is taken to a newer layout, beside all who are at work on it."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
from postgres_bed import Experiment, batches, connect, dataset, table

from rowmill.destinations.errors import DestinationRefused
from rowmill.destinations.ledger_layout import Layout, Step
from rowmill.destinations.ledger_migration import stored_layout
from rowmill.destinations.ledger_tables import ensure_tables, tables_found
from rowmill.destinations.patience import Patience
from rowmill.destinations.postgres_connection import PostgresAddress, PostgresSession
from rowmill.plan.runs import RunState

MORE = Step(2, "ALTER TABLE {0}.runs ADD COLUMN more text;")
YET_MORE = Step(3, "CREATE TABLE {0}.yet_more (id integer);")


@pytest.fixture
def shop(address: PostgresAddress) -> Experiment:
    return Experiment(address, dataset(table("orders", rows=23)))


def layout(address: PostgresAddress) -> Layout | None:
    with PostgresSession(address) as session:
        return session.transaction(lambda cursor: stored_layout(cursor, "rowmill"))


def migrated(address: PostgresAddress, *steps: Step) -> list[str]:
    with PostgresSession(address) as session:
        return list(ensure_tables(session, "rowmill", steps))


def test_a_new_ledger_and_an_old_one_come_to_the_same(address: PostgresAddress) -> None:
    assert migrated(address) == []
    assert layout(address) == Layout(step=1, oldest_writer=1)
    assert migrated(address, MORE, YET_MORE) == []
    assert layout(address) == Layout(step=3, oldest_writer=1)


def test_a_run_on_its_way_is_finished_by_its_old_client(shop: Experiment) -> None:
    """The old client is the ledger's code, which knows nothing of the added column."""
    run = shop.start()
    loader, (first, *others) = shop.loader(run), batches(run)
    loader.load(first, shop.encoded(first))
    migrated(shop.address, MORE)
    for batch in others:
        loader.load(batch, shop.encoded(batch))
    shop.ledger.ensure()
    shop.finalize(run)
    shop.warehouse.publish(run, shop.data)
    publishing = frozenset({RunState.PUBLISHING})
    assert shop.ledger.runs.transition(run.id, publishing, RunState.COMPLETED)
    again = shop.start()
    assert shop.ledger.runs.find(again.id) == again


def test_of_many_that_migrate_at_once_one_does_each_step(address: PostgresAddress) -> None:
    migrated(address)
    with ThreadPoolExecutor(6) as pool:
        assert list(pool.map(lambda _: migrated(address, MORE, YET_MORE), range(6))) == [[]] * 6
    assert layout(address) == Layout(step=3)


def test_a_migration_that_was_cut_goes_on_with_the_step_that_is_not_done(
    address: PostgresAddress, database: dict[str, str]
) -> None:
    broken = replace(YET_MORE, statements=f"{YET_MORE.statements} SELECT 1 / 0;")
    with pytest.raises(DestinationRefused):
        migrated(address, MORE, broken)
    assert layout(address) == Layout(step=2)
    with connect(database) as admin:
        assert admin.execute("SELECT to_regclass('rowmill.yet_more')").fetchone() == (None,)
    migrated(address, MORE, YET_MORE)
    assert layout(address) == Layout(step=3)


def test_a_role_that_may_not_change_the_ledger_tells_the_owner_how_and_goes_on(
    shop: Experiment, database: dict[str, str], role: Callable[[str], dict[str, str]]
) -> None:
    shop.ledger.ensure()
    loader = role("loader")
    name = loader["PGUSER"]
    with connect(database) as admin:
        admin.execute(
            f'GRANT USAGE ON SCHEMA rowmill TO "{name}"; '
            f'GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA rowmill TO "{name}"'
        )
    theirs = PostgresAddress(lambda: loader)
    [told] = migrated(theirs, MORE, YET_MORE)
    assert f"only the role {database['PGUSER']} may change" in told
    assert layout(theirs) == Layout(step=1)
    script = told[told.index("BEGIN;") :]
    with connect(database) as admin:
        admin.execute(script)
    assert layout(theirs) == Layout(step=3)
    assert migrated(theirs, MORE, YET_MORE) == []


def test_a_migration_keeps_nobody_waiting_behind_a_long_batch(
    shop: Experiment, database: dict[str, str]
) -> None:
    shop.ledger.ensure()
    with connect(database) as copying, connect(database) as other:
        copying.autocommit = False
        copying.execute("SELECT FROM rowmill.runs")
        other.execute("SET lock_timeout = 1")

        def paused(_: float) -> None:
            other.execute("SELECT FROM rowmill.runs")
            copying.commit()

        migrated(PostgresAddress(lambda: database, patience=Patience(sleep=paused)), MORE)
    assert layout(shop.address) == Layout(step=2)


def test_a_ledger_that_stays_busy_is_worked_with_as_it_is(
    shop: Experiment, database: dict[str, str]
) -> None:
    shop.ledger.ensure()
    pauses: list[float] = []
    patience = Patience(sleep=pauses.append)
    with connect(database) as copying:
        copying.autocommit = False
        copying.execute("SELECT FROM rowmill.runs")
        assert migrated(PostgresAddress(lambda: database, patience=patience), MORE) == []
    assert len(pauses) == 4
    assert layout(shop.address) == Layout(step=1)


def test_steps_of_a_newer_rowmill_that_only_added_are_worked_with(shop: Experiment) -> None:
    migrated(shop.address, MORE, YET_MORE)
    run = shop.complete()
    assert shop.ledger.found()
    known = shop.ledger.runs.find(run.id)
    assert known is not None
    assert known.state is RunState.COMPLETED
    assert layout(shop.address) == Layout(step=3)


def test_a_step_that_older_clients_would_harm_shuts_them_out(
    shop: Experiment, database: dict[str, str]
) -> None:
    migrated(shop.address, MORE, replace(YET_MORE, oldest_writer=2))
    with connect(database) as admin:
        # What clients of before there were steps compare with 1.
        assert admin.execute("SELECT max(version) FROM rowmill.layout").fetchone() == (2,)
    with PostgresSession(shop.address) as session:
        assert tables_found(session, "rowmill", [MORE])
    for refused in (shop.ledger.ensure, shop.ledger.found):
        with pytest.raises(DestinationRefused, match="newer Rowmill") as refusal:
            refused()
        assert refusal.value.reason == "LedgerTooNew"
