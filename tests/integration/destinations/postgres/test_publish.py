"""Finalize and publish: readers see the last complete run or none, and what hangs on it stays."""

from __future__ import annotations

import threading
from contextlib import ExitStack

import psycopg
import pytest

from rowmill.destinations.errors import DestinationUnavailable, Fenced
from rowmill.destinations.patience import Patience, Wait
from rowmill.destinations.postgres.connection import PostgresAddress
from rowmill.destinations.postgres.read.published_tables import PostgresReader
from rowmill.destinations.postgres.reading_names import Reading, application_of
from rowmill.destinations.postgres.tables import tables_in_use
from rowmill.plan.runs import RunState
from tests.integration.destinations.postgres.env import (
    CONSTRAINTS,
    INDEXES,
    Experiment,
    all_rows,
    dataset,
    table,
    target,
    two_tables,
)
from tests.postgres_login import connect

HOSTILE = '"; drop table x; --'


@pytest.fixture
def shop(address: PostgresAddress) -> Experiment:
    return Experiment(address, two_tables())


def test_a_published_run_has_its_rows_keys_and_indexes(
    shop: Experiment, database: dict[str, str]
) -> None:
    run = shop.complete()
    with connect(database) as reader:
        assert all_rows(reader, "SELECT id FROM shop.orders ORDER BY 1") == [
            (n,) for n in range(10)
        ]
        assert all_rows(reader, CONSTRAINTS) == [
            ("shop.lines", "f", True),
            ("shop.lines", "p", True),
            ("shop.orders", "p", True),
            ("shop.orders", "u", True),
        ]
        assert all_rows(reader, INDEXES) == [(4,)]
        assert (
            all_rows(
                reader,
                "SELECT attname FROM pg_attribute WHERE attrelid = "
                "'shop.orders'::regclass AND attnum > 0 AND NOT attnotnull",
            )
            == []
        )
        assert all_rows(reader, "SELECT count(*) FROM pg_stats WHERE schemaname = 'shop'") == [(4,)]
        assert all_rows(reader, "SELECT nspname FROM pg_namespace WHERE nspname ~ '_run_'") == []
    assert shop.warehouse.published(run)


def test_a_table_of_no_rows_is_published_empty(
    address: PostgresAddress, database: dict[str, str]
) -> None:
    shop = Experiment(address, dataset(table("orders", rows=0), table("lines", rows=1)))
    run = shop.complete()
    assert shop.warehouse.published(run)
    with connect(database) as reader:
        assert all_rows(reader, "SELECT count(*) FROM shop.orders") == [(0,)]


def test_an_aborted_finalize_and_publish_change_nothing(
    shop: Experiment, database: dict[str, str]
) -> None:
    run = shop.start()
    shop.load(run)
    running = frozenset({RunState.RUNNING})
    with pytest.raises(Fenced, match="is RUNNING, not FINALIZING"):
        shop.warehouse.publish(run, shop.data)
    shop.ledger.runs.transition(run.id, running, RunState.FINALIZING)
    shop.finalize_until(run, 1)
    finalizing = frozenset({RunState.FINALIZING})
    shop.ledger.runs.transition(run.id, finalizing, RunState.ABORTED)
    with pytest.raises(Fenced, match="is ABORTED"):
        shop.finalize(run)
    with pytest.raises(Fenced, match="is ABORTED"):
        shop.warehouse.publish(run, shop.data)
    with connect(database) as reader:
        assert all_rows(reader, "SELECT nspname FROM pg_namespace WHERE nspname = 'shop'") == []


def test_publishing_twice_is_publishing_once(shop: Experiment, database: dict[str, str]) -> None:
    run = shop.start()
    shop.load(run)
    shop.finalize(run)
    shop.warehouse.publish(run, shop.data)
    with connect(database) as reader:
        before = all_rows(reader, "SELECT 'shop.orders'::regclass::oid")
        shop.warehouse.publish(run, shop.data)
        assert all_rows(reader, "SELECT 'shop.orders'::regclass::oid") == before


def test_readers_see_one_run_or_the_other_and_never_a_mixture(
    shop: Experiment, database: dict[str, str]
) -> None:
    shop.complete()
    bigger = Experiment(shop.address, two_tables(rows=20))
    seen: set[tuple[object, ...]] = set()
    errors: list[str] = []
    done, polled = threading.Event(), threading.Event()

    def poll() -> None:
        with connect(database) as reader:
            while not done.is_set():
                try:
                    seen.update(
                        all_rows(
                            reader,
                            "SELECT (SELECT count(*) FROM shop.orders), "
                            "(SELECT count(*) FROM shop.lines)",
                        )
                    )
                except psycopg.Error as error:
                    # Names resolved just before the commit; the table of that name is another.
                    errors.append(str(error.sqlstate))
                polled.set()

    poller = threading.Thread(target=poll)
    poller.start()
    assert polled.wait(60)
    try:
        bigger.complete()
        polled.clear()
        assert polled.wait(60)
        polled.clear()
        assert polled.wait(60)
    finally:
        done.set()
        poller.join()
    assert seen == {(10, 10), (20, 20)}
    assert set(errors) <= {"XX000", "42P01"}


def test_tables_that_the_new_manifest_leaves_out_go_at_publish(
    shop: Experiment, database: dict[str, str]
) -> None:
    old = shop.complete()
    fewer = Experiment(shop.address, dataset(table("orders", rows=3)))
    run = fewer.complete()
    with connect(database) as reader:
        assert all_rows(reader, "SELECT tablename FROM pg_tables WHERE schemaname = 'shop'") == [
            ("orders",)
        ]
    assert fewer.warehouse.published(run)
    assert not shop.warehouse.published(old)


def test_a_reader_that_holds_the_old_table_delays_the_publish_but_does_not_fail_it(
    shop: Experiment, database: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tables_in_use, "_LOCK_SECONDS", 0.1)
    shop.complete()
    run = shop.start()
    shop.load(run)
    shop.finalize(run)
    with connect(database) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT FROM shop.orders")
        release = threading.Timer(0.5, lambda: reader.execute("COMMIT"))
        release.start()
        shop.warehouse.publish(run, shop.data)
        release.join()
    assert shop.warehouse.published(run)


def test_a_reader_that_never_lets_go_is_named(
    shop: Experiment, database: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tables_in_use, "_LOCK_SECONDS", 0.1)
    shop.complete()
    told: list[Wait] = []
    patience = Patience(seconds=0.3, report=told.append)
    impatient = PostgresAddress(lambda: database, patience=patience)
    again = Experiment(impatient, shop.data)
    run = again.start()
    again.load(run)
    again.finalize(run)
    with connect(database) as reader:
        reader.execute("BEGIN")
        reader.execute("SET LOCAL application_name = 'the report'")
        reader.execute("SELECT FROM shop.orders")
        session = reader.info.backend_pid
        with pytest.raises(DestinationUnavailable, match=f"session {session} .*the report"):
            again.warehouse.publish(run, again.data)
        # While it waits too, not only once it gave up.
        assert f"are in use by session {session} of {database['PGUSER']} (the report" in str(
            told[0]
        )
        told.clear()
        with pytest.raises(DestinationUnavailable, match=f"session {session} .*the report"):
            again.warehouse.remove_tables()
        assert f"session {session} " in str(told[0])
        reader.execute("ROLLBACK")
    again.warehouse.publish(run, again.data)
    assert again.warehouse.published(run)


def test_a_verification_that_is_waited_for_is_named_and_the_lock_is_said_to_be_given(
    shop: Experiment, database: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tables_in_use, "_LOCK_SECONDS", 0.1)
    shop.complete()
    waits: list[Wait] = []
    with ExitStack() as reading:

        def heard(wait: Wait) -> None:
            waits.append(wait)
            reading.close()

        patience = Patience(report=heard)
        again = Experiment(PostgresAddress(lambda: database, patience=patience), shop.data)
        run = again.start()
        again.load(run)
        again.finalize(run)
        waits.clear()
        application = application_of(Reading.VERIFY, 7)
        tables = [each.name for each in shop.data.tables]
        opened = PostgresReader(shop.address, "shop", tables, application)
        reading.enter_context(opened)
        # Each thread that reads has a session of its own.
        assert sum(rows.count for rows in opened.rows(shop.data.tables[0], 0)) > 0
        again.warehouse.publish(run, again.data)
    user = database["PGUSER"]
    assert f"the tables are in use by the verification of run 7 (as {user});" in str(waits[0])
    assert str(waits[-1]).endswith(": the lock was given")


@pytest.mark.parametrize("name", [HOSTILE, "50%", "%s %(x)s", "{0} {}", "é" * 31, "select", " "])
def test_hostile_names_are_names_like_any_other(
    address: PostgresAddress, database: dict[str, str], name: str
) -> None:
    data = dataset(
        table(name, key=name, extra=(f"{name[:40]}2",)),
        table(f"{name[:25]}3", key=name, parent=name),
    )
    where = target(schema=f"{name[:25]}4", ledger=f"{name[:25]}5")
    shop = Experiment(address, data, where, owner=f"engine/local/{name.strip() or 'x'}")
    with connect(database) as admin:
        admin.execute("CREATE TABLE public.x (id int)")
    run = shop.complete()
    schema = where.schema.replace('"', '""')
    view = f'CREATE VIEW "{schema}"."v{name[:20].replace(chr(34), chr(34) * 2)}" AS SELECT * FROM '
    with connect(database) as admin:
        admin.execute(view + f'"{schema}"."{name.replace(chr(34), chr(34) * 2)}"')
    run = shop.complete()
    assert shop.warehouse.published(run)
    assert shop.ledger.work.done_batches(run.id) == {t.name: [(0, 2)] for t in data.tables}
    shop.ledger.work.collapse(run.id)
    assert shop.ledger.work.done_batches(run.id) == {t.name: [(0, 2)] for t in data.tables}
    shop.ledger.forget_experiment(shop.owner)
    assert shop.ledger.runs.of(shop.owner) == []
    with connect(database) as admin:
        assert all_rows(admin, "SELECT count(*) FROM public.x") == [(0,)]
