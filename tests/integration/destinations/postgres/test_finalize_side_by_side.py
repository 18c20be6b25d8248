"""Finalize over several connections: no step waits for another, and the first failure ends all."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import psycopg
import pytest
from psycopg import sql

from rowmill.destinations.errors import DestinationRefused, DestinationUnavailable, Fenced
from rowmill.destinations.patience import Patience
from rowmill.destinations.postgres.connection import Cursor, PostgresAddress
from rowmill.destinations.postgres.session import PostgresSession
from rowmill.destinations.postgres.tables.constraints import validate
from rowmill.destinations.postgres.tables.staging import staging_schema
from rowmill.destinations.postgres.warehouse import finalize_steps, step_lanes
from rowmill.destinations.postgres.warehouse.step_order import FinalizeStep
from rowmill.plan.runs import RunState
from tests.integration.destinations.postgres.env import (
    CONSTRAINTS,
    Experiment,
    all_rows,
    dataset,
    loaded,
    star,
    table,
)
from tests.postgres_login import connect

Work = Callable[..., None]
FINALIZING = frozenset({RunState.FINALIZING})


@pytest.fixture
def shop(address: PostgresAddress) -> Experiment:
    return Experiment(address, star())


def meeting(monkeypatch: pytest.MonkeyPatch, name: str, parties: int) -> None:
    """Each step of that function waits amid its transaction for others that do the same."""
    real: Work = getattr(finalize_steps, name)
    barrier = threading.Barrier(parties)

    def meet(cursor: Cursor, **arguments: object) -> None:
        real(cursor, **arguments)
        barrier.wait(60)

    monkeypatch.setattr(finalize_steps, name, meet)


@pytest.mark.parametrize(
    ("name", "parties"), [("perform", 4), ("validate", 3), ("_analyze_and_count", 4)]
)
def test_steps_of_several_tables_run_at_once_to_one_parent_too(
    shop: Experiment,
    database: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    parties: int,
) -> None:
    run = loaded(shop)
    if name == "perform":
        keys = Experiment(shop.address, dataset(*(table(f"t{n}") for n in range(4))))
        shop, run = keys, loaded(keys)
    meeting(monkeypatch, name, parties)
    shop.finalize(run, connections=4)
    shop.warehouse.publish(run, shop.data)
    with connect(database) as reader:
        assert all(valid for *_, valid in all_rows(reader, CONSTRAINTS))


def test_all_is_made_whatever_the_number_of_connections(
    shop: Experiment, database: dict[str, str]
) -> None:
    found = []
    for connections in (1, 2, 9):
        run = loaded(shop)
        shop.finalize(run, connections)
        shop.warehouse.publish(run, shop.data)
        with connect(database) as reader:
            defined = "SELECT indexdef FROM pg_indexes WHERE schemaname = 'shop' ORDER BY 1"
            found.append((all_rows(reader, CONSTRAINTS), all_rows(reader, defined)))
    assert found[0] == found[1] == found[2]
    assert len(found[0][0]) == 11


def allow(database: dict[str, str], role: dict[str, str], connections: int) -> None:
    """No more connections of the role from now on; those that there are stay."""
    with connect(database) as admin:
        admin.execute(
            sql.SQL("ALTER ROLE {} CONNECTION LIMIT {}").format(
                sql.Identifier(role["PGUSER"]), sql.Literal(connections)
            )
        )


def test_fewer_connections_than_wanted_do_all_the_same(
    loader: dict[str, str], database: dict[str, str]
) -> None:
    shop = Experiment(PostgresAddress(lambda: loader, patience=Patience(seconds=1)), star())
    run = loaded(shop)
    allow(database, loader, 1)
    shop.finalize(run, connections=4)
    with connect(database) as admin:
        assert all_rows(admin, f"SELECT count(*) FROM {staging_schema(run.id)}.hub") == [(10,)]


def test_a_step_whose_connection_is_lost_for_good_is_left_to_the_others(
    loader: dict[str, str], database: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    shop = Experiment(PostgresAddress(lambda: loader, patience=Patience(seconds=1)), star())
    run = loaded(shop)
    kept = shop.warehouse._session.connection().info.backend_pid
    lost = threading.Event()

    def lose(cursor: Cursor, **arguments: Any) -> None:
        process = cursor.connection.info.backend_pid
        if process == kept:
            assert lost.wait(60), "one connection alone got all the steps"
        elif not lost.is_set():
            allow(database, loader, 1)
            with connect(database) as admin:
                admin.execute("SELECT pg_terminate_backend(%s)", (process,))
            lost.set()
        validate(cursor, **arguments)

    monkeypatch.setattr(finalize_steps, "validate", lose)
    shop.finalize(run, connections=2)
    monkeypatch.undo()
    shop.warehouse.publish(run, shop.data)
    with connect(database) as reader:
        assert all(valid for *_, valid in all_rows(reader, CONSTRAINTS))


# Spent by the first failure: of each trouble two tries, without a wait between them.
SPENT = Patience(seconds=1e-9)


def test_a_failure_of_the_step_itself_is_not_met_by_every_connection(
    database: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    shop = Experiment(PostgresAddress(lambda: database, patience=SPENT), star())
    run = loaded(shop)
    tries: list[str] = []

    def never_free(cursor: Cursor, **arguments: Any) -> None:
        if arguments["step"].table == "ray1":
            tries.append(str(cursor.connection.info.backend_pid))
            raise psycopg.errors.LockNotAvailable("canceling statement due to lock timeout")
        validate(cursor, **arguments)

    monkeypatch.setattr(finalize_steps, "validate", never_free)
    with pytest.raises(DestinationUnavailable, match="reference from ray1"):
        shop.finalize(run, connections=4)
    assert len(tries) == 2, "the patience began anew"
    assert len(set(tries)) == 1, "a connection that works was given up"


def test_a_server_that_is_gone_is_waited_for_once_however_many_connections_there_were(
    loader: dict[str, str], database: dict[str, str]
) -> None:
    begun: list[PostgresSession] = []
    seen = (
        "SELECT count(*) FROM pg_stat_activity WHERE usename = %s AND datname = current_database()"
    )

    def do(session: PostgresSession, step: FinalizeStep, wanted: Callable[[], bool]) -> None:
        begun.append(session)
        session.transaction(step.work, wanted=wanted)

    def end_all(cursor: Cursor) -> None:
        with connect(database) as admin:
            while admin.execute(seen, (loader["PGUSER"],)).fetchone() != (3,):
                pause.wait(0.05)
            allow(database, loader, 0)
            admin.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = %s",
                (loader["PGUSER"],),
            )
        cursor.execute("SELECT 1")

    pause = threading.Event()
    steps = [FinalizeStep("the only step", {}, 1, end_all)]
    with PostgresSession(PostgresAddress(lambda: loader, patience=SPENT)) as session:
        session.connection()
        with pytest.raises(DestinationUnavailable):
            step_lanes.do_steps(session, steps, 3, do, lambda label: None, lambda: None)
    assert len(begun) == 1, "another connection began with a patience of its own"


class Interrupted(Exception):
    """Ctrl-C."""


@pytest.mark.timeout(120)
@pytest.mark.parametrize("ending", ["a step fails", "somebody stops it"])
def test_the_end_of_one_cancels_the_statements_of_all(
    shop: Experiment,
    database: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
    ending: str,
) -> None:
    run = loaded(shop)
    shop.ledger.runs.transition(run.id, frozenset({RunState.RUNNING}), RunState.FINALIZING)
    all_run = threading.Barrier(3)
    begun: list[int] = []

    def last_for_ever(cursor: Cursor, **_: object) -> None:
        begun.append(cursor.connection.info.backend_pid)
        if len(begun) > 3:
            raise AssertionError("a step that nobody wants any more was tried again")
        number = all_run.wait(60)
        if ending == "a step fails" and number == 0:
            cursor.execute("SELECT 1 / 0")
        cursor.execute("SELECT pg_sleep(86400)")

    def look() -> None:
        if ending == "somebody stops it" and sleeping(database) == 3:
            raise Interrupted

    monkeypatch.setattr(finalize_steps, "validate", last_for_ever)
    expected = DestinationRefused if ending == "a step fails" else Interrupted
    with pytest.raises(expected) as failure:
        shop.warehouse.finalize(run, shop.data, 3, lambda label: None, look)
    assert sleeping(database) == 0
    assert len(set(begun)) == len(begun) == 3
    if ending == "a step fails":
        said = r"Postgres at .*, reference from ray\d \(parent_id\) to hub: division by zero"
        assert failure.match(said)
    monkeypatch.undo()
    shop.finalize(run, connections=3)


def test_only_connections_amid_a_step_are_cancelled(
    address: PostgresAddress, monkeypatch: pytest.MonkeyPatch
) -> None:
    cancelled: set[PostgresSession] = set()
    busy: set[PostgresSession] = set()
    begun = threading.Event()
    real = PostgresSession.cancel

    def cancel(session: PostgresSession) -> None:
        cancelled.add(session)
        real(session)

    def do(session: PostgresSession, step: FinalizeStep, wanted: Callable[[], bool]) -> None:
        busy.add(session)
        session.transaction(step.work, wanted=wanted)

    def last_for_ever(cursor: Cursor) -> None:
        begun.set()
        cursor.execute("SELECT pg_sleep(86400)")

    def look() -> None:
        if begun.is_set():
            raise Interrupted

    monkeypatch.setattr(PostgresSession, "cancel", cancel)
    steps = [FinalizeStep("the only step", {}, 1, last_for_ever)]
    with PostgresSession(address) as session, pytest.raises(Interrupted):
        step_lanes.do_steps(session, steps, 3, do, lambda label: None, look)
    assert cancelled == busy


@pytest.mark.timeout(45)
def test_what_goes_first_can_be_stopped_while_it_waits_for_a_lock(
    shop: Experiment, database: dict[str, str]
) -> None:
    run = loaded(shop)
    waiting = (
        "SELECT count(*) FROM pg_locks l JOIN pg_database d ON d.oid = l.database "
        "WHERE datname = current_database() AND NOT granted AND mode = 'AccessExclusiveLock'"
    )
    with connect(database) as holder, connect(database) as admin:
        admin.execute(f"CREATE INDEX stray ON {staging_schema(run.id)}.hub (size DESC)")
        holder.execute(f"BEGIN; SELECT FROM {staging_schema(run.id)}.hub")

        def look() -> None:
            if all_rows(admin, waiting) == [(1,)]:
                raise Interrupted

        states = frozenset({RunState.RUNNING})
        shop.ledger.runs.transition(run.id, states, RunState.FINALIZING)
        with pytest.raises(Interrupted):
            shop.warehouse.finalize(run, shop.data, 2, lambda label: None, look)
        assert all_rows(admin, waiting) == [(0,)]


def sleeping(database: dict[str, str]) -> object:
    query = (
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() "
        "AND state = 'active' AND query LIKE 'SELECT pg_sleep(8%'"
    )
    with connect(database) as admin:
        return (admin.execute(query).fetchone() or (None,))[0]


def test_an_abort_undoes_the_steps_of_every_connection(
    shop: Experiment, database: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    run = loaded(shop)
    real, all_made = finalize_steps._analyze_and_count, threading.Barrier(3)

    def count_then_abort(cursor: Cursor, **arguments: Any) -> None:
        cursor.execute(
            sql.SQL("COMMENT ON COLUMN {}.id IS 'made by a stale finalize'").format(
                sql.Identifier(str(arguments["schema"]), str(arguments["table"]))
            )
        )
        real(cursor, **arguments)
        if all_made.wait(60) == 0:
            shop.ledger.runs.transition(run.id, FINALIZING, RunState.ABORTED)
        all_made.wait(60)

    monkeypatch.setattr(finalize_steps, "_analyze_and_count", count_then_abort)
    with pytest.raises(Fenced, match="is ABORTED"):
        shop.finalize(run, connections=3)
    with connect(database) as reader:
        written = "SELECT count(*) FROM pg_description WHERE description LIKE '%stale finalize'"
        assert all_rows(reader, written) == [(0,)]


def test_connections_share_the_memory_that_one_alone_had(
    shop: Experiment, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = loaded(shop)
    monkeypatch.setattr("rowmill.destinations.postgres.warehouse.finalize._MEMORY", 2**31)
    real = finalize_steps._analyze_and_count
    seen: set[object] = set()

    def count_and_look(cursor: Cursor, **arguments: Any) -> None:
        seen.update(cursor.execute("SHOW maintenance_work_mem").fetchone() or ())
        real(cursor, **arguments)

    monkeypatch.setattr(finalize_steps, "_analyze_and_count", count_and_look)
    shop.finalize(run, connections=2)
    assert seen == {"1GB"}
