"""The ledger in Postgres: runs, states, parts, pools, locks."""

from __future__ import annotations

import os
import socket
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from rowmill.destinations.errors import DestinationRefused, DestinationUnavailable, Fenced, LiveRun
from rowmill.destinations.ledger import Ledger, PendingPart
from rowmill.destinations.postgres.connection import PostgresAddress
from rowmill.destinations.postgres.ledger import experiment_hold, locks
from rowmill.destinations.postgres.ledger.advisory_locks import fence
from rowmill.destinations.postgres.ledger.experiment_hold import hold_experiment
from rowmill.destinations.postgres.ledger.postgres_ledger import PostgresLedger
from rowmill.destinations.postgres.ledger.progress import PostgresProgress
from rowmill.destinations.postgres.ledger.statements import LedgerStatements
from rowmill.destinations.postgres.session import PostgresSession
from rowmill.plan.runs import SUSPENDED, RunState, because
from tests.integration.destinations.postgres.env import (
    Connection,
    Experiment,
    batches,
    dataset,
    table,
)
from tests.integration.destinations.postgres.proxy import LossyProxy
from tests.postgres_login import connect

RUNNING = frozenset({RunState.RUNNING})
PART = PendingPart("orders", 1, "shop/orders/part-1", "upload", ("a", "b"), 10, 2**40, "f" * 64)


@pytest.fixture
def shop(address: PostgresAddress) -> Experiment:
    return Experiment(address, dataset(table("orders", rows=23), table("lines", rows=23)))


def test_it_is_a_ledger(address: PostgresAddress) -> None:
    ledger: Ledger = PostgresLedger(PostgresSession(address), "rowmill")
    ledger.close()


def test_a_run_is_read_as_it_was_written(shop: Experiment) -> None:
    run = shop.start()
    assert shop.ledger.runs.find(run.id) == run
    assert shop.ledger.runs.of(shop.owner) == [run]
    assert shop.ledger.runs.owners() == [shop.owner]
    assert shop.ledger.runs.find("unknown") is None
    assert run.started_at.tzinfo is not None


def test_the_first_to_take_a_number_has_it(shop: Experiment) -> None:
    run = shop.start()
    second = replace(run, id="another", started_at=datetime.now(UTC))
    assert shop.ledger.runs.create(second) == run
    assert shop.ledger.runs.create(run) == run


def test_many_that_make_the_ledger_at_once_make_one(address: PostgresAddress) -> None:
    with ThreadPoolExecutor(8) as pool:
        ledgers = [PostgresLedger(PostgresSession(address), "the ledger") for _ in range(8)]
        list(pool.map(lambda ledger: ledger.ensure(), ledgers))
    assert ledgers[0].runs.owners() == []


def test_a_ledger_of_a_newer_layout_is_refused(shop: Experiment, database: dict[str, str]) -> None:
    shop.ledger.ensure()
    with connect(database) as admin:
        admin.execute("UPDATE rowmill.layout SET version = 99")
    with pytest.raises(DestinationRefused, match="newer Rowmill") as refusal:
        shop.ledger.ensure()
    assert refusal.value.reason == "LedgerTooNew"


def test_a_schema_with_other_tables_of_the_ledgers_names_is_refused(
    shop: Experiment, database: dict[str, str]
) -> None:
    with connect(database) as admin:
        admin.execute("CREATE SCHEMA rowmill; CREATE TABLE rowmill.layout (theirs int)")
    with pytest.raises(DestinationRefused, match="not Rowmill's") as refusal:
        shop.ledger.ensure()
    assert refusal.value.reason == "LedgerForeign"


def test_a_transition_needs_the_expected_state_and_merges_the_summary(shop: Experiment) -> None:
    run = shop.start()
    move = shop.ledger.runs.transition
    finalizing = frozenset({RunState.FINALIZING})
    assert not move(run.id, finalizing, RunState.PUBLISHING)
    assert move(run.id, RUNNING, RunState.FINALIZING, summary={"rows": 23})
    assert move(run.id, finalizing, RunState.FAILED, message="it broke", summary={"bytes": 1})
    failed = shop.ledger.runs.find(run.id)
    assert failed is not None
    assert failed.state is RunState.FAILED
    assert failed.message == "it broke"
    assert failed.summary == {**run.summary, "rows": 23, "bytes": 1}
    assert failed.finished_at is not None
    assert move(run.id, frozenset({RunState.FAILED}), RunState.RUNNING)
    resumed = shop.ledger.runs.find(run.id)
    assert resumed is not None
    assert resumed.finished_at is None
    assert resumed.message == ""
    assert not move("unknown", RUNNING, RunState.FAILED)


def test_a_note_adds_to_the_summary_and_changes_nothing_else(shop: Experiment) -> None:
    run = shop.complete()
    shop.ledger.runs.note(run.id, {"removal": {"tables": 1}})
    shop.ledger.runs.note(run.id, {"removal": {"tables": 2}})
    shop.ledger.runs.note("unknown", {"removal": {}})
    before = shop.ledger.runs.find(run.id)
    assert before is not None
    assert before.summary["removal"] == {"tables": 2}
    assert before.summary["source"] == run.summary["source"]
    assert (before.state, before.finished_at is None) == (RunState.COMPLETED, False)


def test_of_many_that_move_a_run_at_once_one_did(shop: Experiment) -> None:
    run = shop.start()

    def move(_: int) -> bool:
        ledger = PostgresLedger(PostgresSession(shop.address), "rowmill")
        return ledger.runs.transition(run.id, RUNNING, RunState.FINALIZING)

    with ThreadPoolExecutor(6) as pool:
        assert sorted(pool.map(move, range(6))) == [False] * 5 + [True]


def test_lost_answers_are_asked_again_and_told_right(
    shop: Experiment, database: dict[str, str]
) -> None:
    run = shop.start()
    with LossyProxy(database["PGHOST"], int(database["PGPORT"])) as proxy:
        through = {**database, "PGHOST": "127.0.0.1", "PGPORT": str(proxy.port)}
        ledger = PostgresLedger(PostgresSession(PostgresAddress(lambda: through)), "rowmill")
        ledger.runs.owners()
        proxy.lose_answer_to(b"COMMIT")
        assert ledger.work.record_part(run.id, PART)
        proxy.lose_answer_to(b"COMMIT")
        assert ledger.runs.transition(run.id, RUNNING, RunState.FINALIZING)
    assert shop.ledger.runs.find(run.id) == replace(run, state=RunState.FINALIZING)


def test_parts_are_recorded_once_and_only_while_the_run_is_running(shop: Experiment) -> None:
    run = shop.start()
    assert shop.ledger.work.record_part(run.id, PART)
    assert not shop.ledger.work.record_part(run.id, replace(PART, upload_id="twin"))
    assert shop.ledger.work.pending_parts(run.id) == {("orders", 1): PART}
    shop.ledger.runs.transition(run.id, RUNNING, RunState.PUBLISHING)
    again = replace(PART, upload_id="again", etags=("e3",), bytes=PART.bytes + 1)
    shop.ledger.work.replace_part(run.id, again)
    shop.ledger.work.replace_part(run.id, again)
    assert shop.ledger.work.pending_parts(run.id) == {("orders", 1): again}
    shop.ledger.runs.transition(run.id, frozenset({RunState.PUBLISHING}), RunState.ABORTED)
    with pytest.raises(Fenced, match="is ABORTED"):
        shop.ledger.work.record_part(run.id, PART)
    with pytest.raises(Fenced, match="knows no run"):
        shop.ledger.work.record_part("unknown", PART)


def test_a_part_of_other_rows_takes_a_recorded_ones_place(shop: Experiment) -> None:
    run = shop.start()
    assert shop.ledger.work.record_part(run.id, replace(PART, rows=PART.rows + 1, bytes=1))
    mine = replace(PART, upload_id="mine", etags=("e3",), sha256="cd")
    assert shop.ledger.work.record_part(run.id, mine)
    assert not shop.ledger.work.record_part(run.id, PART)
    assert shop.ledger.work.pending_parts(run.id) == {("orders", 1): mine}


def test_done_batches_are_sorted_intervals_before_and_after_they_collapse(
    shop: Experiment, database: dict[str, str]
) -> None:
    run = shop.start(batch_rows=1)
    wanted = {"orders": [4, 0, 1, 2, 7, 22, 21], "lines": [3]}
    loader = shop.loader(run)
    for batch in batches(run):
        if batch.number in wanted[batch.table]:
            loader.load(batch, shop.encoded(batch))
    expected = {"orders": [(0, 3), (4, 5), (7, 8), (21, 23)], "lines": [(3, 4)]}
    assert shop.ledger.work.done_batches(run.id) == expected
    shop.ledger.work.collapse(run.id)
    assert shop.ledger.work.done_batches(run.id) == expected
    shop.ledger.work.collapse(run.id)
    assert shop.ledger.work.done_batches(run.id) == expected
    with connect(database) as reader:
        assert reader.execute("SELECT count(*) FROM rowmill.batches").fetchone() == (0,)
        query = "SELECT tbl, part, first_batch, stop_batch FROM rowmill.lineage ORDER BY 1, 2, 3"
        assert reader.execute(query).fetchall() == [
            (0, 0, 0, 2),
            (0, 1, 2, 3),
            (0, 2, 4, 5),
            (0, 3, 7, 8),
            (0, 10, 21, 22),
            (0, 11, 22, 23),
            (1, 1, 3, 4),
        ]


def test_a_runs_plan_is_not_read_again_with_each_look_at_its_work(
    shop: Experiment, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = shop.start()
    assert shop.ledger.work.done_batches(run.id) == {}
    monkeypatch.setattr(shop.ledger.runs, "find", lambda run_id: None)
    assert shop.ledger.work.record_part(run.id, PART)
    assert shop.ledger.work.pending_parts(run.id) == {("orders", 1): PART}


def test_a_deleted_experiment_leaves_no_record_and_others_keep_theirs(
    shop: Experiment, database: dict[str, str]
) -> None:
    other = Experiment(shop.address, dataset(table("others")), owner="other/local/shop")
    kept, run = other.start(), shop.start()
    shop.load(run)
    shop.ledger.work.record_part(run.id, PART)
    shop.ledger.pools.store("digest", b"content")
    shop.ledger.forget_experiment(shop.owner)
    assert shop.ledger.runs.uid(shop.owner) is None
    assert shop.ledger.runs.find(run.id) is None
    assert shop.ledger.runs.owners() == [other.owner]
    assert shop.ledger.runs.of(other.owner) == [kept]
    assert shop.ledger.pools.find("digest") == b"content"
    shop.ledger.forget_experiment(other.owner)
    with connect(database) as reader:
        for name in ("experiments", "runs", "batches", "lineage", "parts", "pools", "tables"):
            assert reader.execute(f"SELECT count(*) FROM rowmill.{name}").fetchone() == (0,)


def test_a_new_uid_starts_a_history_of_its_own(shop: Experiment) -> None:
    run = shop.start()
    shop.ledger.runs.claim(shop.owner, run.uid)
    assert shop.ledger.runs.of(shop.owner) == [run]
    shop.ledger.runs.claim(shop.owner, "new")
    assert shop.ledger.runs.uid(shop.owner) == "new"
    assert shop.ledger.runs.of(shop.owner) == []


def test_the_runs_of_several_experiments_are_read_at_once(shop: Experiment) -> None:
    other = Experiment(shop.address, dataset(table("others", rows=23)), owner="engine/local/other")
    one, two, another = shop.start(), shop.start(), other.start()
    runs, owners = shop.ledger.runs, [shop.owner, other.owner, "engine/local/none"]
    assert runs.of_each(owners) == {shop.owner: [one, two], other.owner: [another]}
    assert runs.of_each(owners, newest=True) == {shop.owner: [two], other.owner: [another]}
    assert runs.of_each([other.owner]) == {other.owner: [another]}
    assert runs.of_each([]) == {}
    runs.claim(shop.owner, "new")
    assert runs.of_each(owners, newest=True) == {other.owner: [another]}


def test_pools_are_stored_once_by_digest(shop: Experiment) -> None:
    shop.ledger.ensure()
    assert shop.ledger.pools.find("d") is None
    shop.ledger.pools.store("d", b"\0\xff" * 100_000)
    shop.ledger.pools.store("d", b"other")
    assert shop.ledger.pools.find("d") == b"\0\xff" * 100_000


def test_a_run_keeps_the_moment_at_which_it_ended(shop: Experiment) -> None:
    aborted = frozenset({RunState.ABORTED})
    run = shop.start()
    assert shop.ledger.runs.transition(run.id, RUNNING, RunState.ABORTED)
    first = shop.ledger.runs.find(run.id)
    assert first is not None
    assert first.finished_at is not None
    assert shop.ledger.runs.transition(run.id, aborted, RunState.ABORTED)
    assert shop.ledger.runs.transition(run.id, aborted, RunState.RESET)
    reset = shop.ledger.runs.find(run.id)
    assert reset is not None
    assert reset.finished_at == first.finished_at


def test_of_a_run_that_was_reset_before_it_ended_no_end_is_known(shop: Experiment) -> None:
    run = shop.start()
    assert shop.ledger.runs.transition(run.id, RUNNING, RunState.RESET)
    reset = shop.ledger.runs.find(run.id)
    assert reset is not None
    assert reset.finished_at is None


def test_a_second_supervisor_is_refused_at_once_and_told_who_holds(shop: Experiment) -> None:
    with shop.ledger.locks.hold_experiment(shop.owner) as hold:
        assert not hold.lost()
        with pytest.raises(LiveRun, match="another thread of this process") as refusal:
            shop.ledger.locks.hold_experiment(shop.owner).__enter__()
        assert refusal.value.reason == "LiveRunElsewhere"
        assert f"(pid {os.getpid()}, since 20" in str(refusal.value)
        assert shop.ledger.locks.is_held(shop.owner)
        with shop.ledger.locks.hold_experiment("other/local/shop") as other:
            assert not other.lost()
    with shop.ledger.locks.hold_experiment(shop.owner) as hold:
        assert not hold.lost()


def test_a_host_of_a_long_name_leaves_room_for_the_holders_process_id(
    shop: Experiment, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(socket, "gethostname", lambda: "h" * 63)
    # Of the most digits.
    monkeypatch.setattr(os, "getpid", lambda: 4_194_304)
    with (
        shop.ledger.locks.hold_experiment(shop.owner),
        pytest.raises(LiveRun, match=r"another thread of this process \(pid 4194304, since 20"),
    ):
        shop.ledger.locks.hold_experiment(shop.owner).__enter__()


def test_a_hold_whose_session_ended_is_taken_again(
    shop: Experiment, database: dict[str, str]
) -> None:
    with shop.ledger.locks.hold_experiment(shop.owner) as hold:
        end_supervisors(database)
        assert not hold.lost()
        with pytest.raises(LiveRun, match="another thread of this process"):
            shop.ledger.locks.hold_experiment(shop.owner).__enter__()
    with shop.ledger.locks.hold_experiment(shop.owner) as hold:
        assert not hold.lost()


def test_a_hold_whose_session_the_server_does_not_miss_yet_is_taken_from_it(
    shop: Experiment, database: dict[str, str]
) -> None:
    with shop.ledger.locks.hold_experiment(shop.owner) as hold:
        # Our end alone is gone, as where a network forgets a connection: the copy keeps it open.
        with socket.socket(fileno=os.dup(hold._connection.fileno())) as ours:
            ours.shutdown(socket.SHUT_RD)
            assert not hold.lost()
        with pytest.raises(LiveRun, match="another thread of this process"):
            shop.ledger.locks.hold_experiment(shop.owner).__enter__()


def test_a_hold_that_another_took_is_lost_for_good(
    shop: Experiment, database: dict[str, str]
) -> None:
    with shop.ledger.locks.hold_experiment(shop.owner) as hold:
        end_supervisors(database)
        with shop.ledger.locks.hold_experiment(shop.owner) as other:
            assert hold.lost()
            assert not other.lost()
        assert hold.lost()


@pytest.mark.parametrize(
    "trouble",
    [DestinationRefused("PostgresRefused", "out of lock memory"), DestinationUnavailable("away")],
)
def test_trouble_in_taking_a_hold_again_is_no_other_run_and_leaves_no_connection(
    shop: Experiment,
    database: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
    trouble: DestinationRefused | DestinationUnavailable,
) -> None:
    def fail(*_: object) -> None:
        raise trouble

    with shop.ledger.locks.hold_experiment(shop.owner) as hold:
        end_supervisors(database)
        with monkeypatch.context() as patched:
            patched.setattr(experiment_hold, "_claim", fail)
            with pytest.raises(type(trouble)) as raised:
                hold.lost()
        assert raised.value is trouble
        with connect(database) as admin:
            for _ in range(100):
                # A session that was closed just now is in the view for a moment.
                if (left := admin.execute(SUPERVISORS).fetchone()) == (0,):
                    break
                threading.Event().wait(0.05)
        assert left == (0,)
        assert not hold.lost()


def test_of_a_server_just_started_a_live_run_has_its_lock_back_before_another_asks_for_it(
    shop: Experiment, address: PostgresAddress, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(locks, "seconds_to_return", lambda cursor: 3.0)
    waits: list[float] = []
    with ExitStack() as former:

        def sleep(seconds: float) -> None:
            waits.append(seconds)
            former.enter_context(hold_experiment(address, shop.owner))

        patience = replace(address.patience, sleep=sleep)
        monkeypatch.setattr(shop.ledger._ledger.session.address, "patience", patience)
        with shop.ledger.locks.hold_experiment(shop.owner):
            assert waits == [], "it has no run"
        run = shop.start()
        assert shop.ledger.locks.is_held(shop.owner)
        with pytest.raises(LiveRun, match="is live"):
            shop.ledger.locks.hold_experiment(shop.owner).__enter__()
        assert waits == [3.0]
        shop.ledger.runs.transition(run.id, RUNNING, RunState.ABORTED)
    with shop.ledger.locks.hold_experiment(shop.owner):
        assert waits == [3.0], "it was ended"


def test_a_new_state_that_nobody_wants_any_more_once_the_writers_are_gone_is_given_up(
    shop: Experiment, database: dict[str, str]
) -> None:
    run, gone_on = shop.start(), threading.Event()
    waits = "SELECT FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
    with ThreadPoolExecutor(1) as pool, connect(database) as writer, connect(database) as admin:
        with writer.transaction():
            fence(writer.cursor(), run.id)
            moved = pool.submit(
                shop.ledger.runs.transition,
                run.id,
                RUNNING,
                RunState.ABORTED,
                wanted=lambda: not gone_on.is_set(),
            )
            while not moved.done() and admin.execute(waits).fetchone() is None:
                threading.Event().wait(0.01)
            gone_on.set()
        assert not moved.result(60)
    found = shop.ledger.runs.find(run.id)
    assert found is not None
    assert found.state is RunState.RUNNING


SUPERVISORS = (
    "SELECT count(*) FROM pg_stat_activity "
    "WHERE application_name ~ '^rowmill supervisor' AND datname = current_database()"
)


def end_supervisors(database: dict[str, str]) -> None:
    with connect(database) as admin:
        admin.execute(
            "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity "
            "WHERE application_name ~ '^rowmill supervisor' AND datname = current_database()"
        )


def test_prepare_runs_once_at_a_time(shop: Experiment) -> None:
    inside, most = 0, 0
    gate = threading.Lock()

    def prepare(_: int) -> None:
        nonlocal inside, most
        with PostgresLedger(PostgresSession(shop.address), "rowmill").locks.preparing(shop.owner):
            with gate:
                inside += 1
                most = max(most, inside)
            threading.Event().wait(0.02)
            with gate:
                inside -= 1

    with ThreadPoolExecutor(5) as pool:
        list(pool.map(prepare, range(10)))
    assert most == 1


def test_behind_a_pooler_a_supervisor_is_refused_and_workers_are_not(
    shop: Experiment, database: dict[str, str]
) -> None:
    port = int(database["PGPORT"])
    with LossyProxy(database["PGHOST"], port, own_process_id=True) as proxy:
        through = {**database, "PGHOST": "127.0.0.1", "PGPORT": str(proxy.port)}
        far = Experiment(PostgresAddress(lambda: through), shop.data)
        run = far.start()
        far.load(run)
        with pytest.raises(DestinationRefused, match="pooler") as refusal:
            far.ledger.locks.hold_experiment(shop.owner).__enter__()
        assert refusal.value.reason == "PoolerInTheWay"
    assert shop.ledger.work.done_batches(run.id) == {"orders": [(0, 5)], "lines": [(0, 5)]}


BODY = {"step": "loading", "tables": [{"name": "orders", "rows": 5}]}


def test_progress_is_read_as_it_was_written_last_with_the_servers_own_age(
    shop: Experiment, database: dict[str, str]
) -> None:
    run, progress = shop.start(), shop.ledger.progress
    assert progress.read(run.id) is None
    progress.write(run.id, {"step": "preparing"})
    progress.write(run.id, BODY)
    fresh = progress.read(run.id)
    assert fresh is not None
    assert (fresh.body, fresh.at.tzinfo is not None) == (BODY, True)
    with connect(database) as admin:
        admin.execute("UPDATE rowmill.progress SET updated_at = updated_at - interval '1 hour'")
    old = progress.read(run.id)
    assert old is not None
    assert old.at == fresh.at - timedelta(hours=1)
    assert old.age > 3_600 > progress.fresh_seconds > fresh.age


def test_a_writer_of_progress_waits_for_no_fence_and_no_disk(
    shop: Experiment, database: dict[str, str]
) -> None:
    run = shop.start()
    with connect(database) as writer:
        writer.autocommit = False
        fence(writer.cursor(), run.id)
        with PostgresSession(shop.address) as session:
            statements = LedgerStatements(session, "rowmill")
            with connect(database) as admin:
                admin.execute(
                    "ALTER TABLE rowmill.progress ADD COLUMN waits text "
                    "DEFAULT current_setting('synchronous_commit')"
                )
            PostgresProgress(statements).write(run.id, BODY)
            assert statements.all("SELECT run_id, waits FROM {}.progress") == [(run.id, "off")]


@pytest.mark.parametrize(
    "trouble",
    [
        "DROP TABLE rowmill.progress",
        "ALTER TABLE rowmill.progress RENAME COLUMN body TO theirs",
        "BEGIN; LOCK rowmill.progress",
    ],
)
def test_progress_that_cannot_be_kept_is_done_without(
    shop: Experiment, database: dict[str, str], trouble: str
) -> None:
    run = shop.start()
    with connect(database) as admin:
        admin.execute(trouble)
        shop.ledger.progress.write(run.id, BODY)
        assert shop.ledger.progress.read(run.id) is None
    assert shop.ledger.runs.find(run.id) == run


def test_progress_that_the_server_refuses_is_not_tried_again_and_again(
    shop: Experiment, database: dict[str, str], address: PostgresAddress
) -> None:
    run, tried = shop.start(), shop.ledger.progress
    with connect(database) as admin:
        admin.execute("ALTER TABLE rowmill.progress RENAME TO away")
        tried.write(run.id, BODY)
        assert tried.read(run.id) is None
        admin.execute("ALTER TABLE rowmill.away RENAME TO progress")
    tried.write(run.id, BODY)
    with PostgresSession(address) as session:
        other = PostgresProgress(LedgerStatements(session, "rowmill"))
        assert other.read(run.id) is None
        other.write(run.id, BODY)
        assert other.read(run.id) is not None
    assert tried.read(run.id) is None


def test_the_progress_of_a_run_goes_with_the_run_also_by_an_older_client(
    shop: Experiment, database: dict[str, str]
) -> None:
    run, other = shop.start(), shop.start()
    for each in (run, other):
        shop.ledger.progress.write(each.id, BODY)
    with connect(database) as admin:
        admin.execute("DELETE FROM rowmill.runs WHERE id = %s", (other.id,))
    assert shop.ledger.progress.read(other.id) is None
    shop.ledger.forget_experiment(shop.owner)
    shop.ledger.progress.write(run.id, BODY)
    assert shop.ledger.progress.read(run.id) is None, "nobody writes of a run that is gone"


def test_the_server_misses_a_machine_that_died_within_a_minute(database: dict[str, str]) -> None:
    made: list[Connection] = []

    class Seen(PostgresAddress):
        def connect(self) -> Connection:
            made.append(super().connect())
            return made[-1]

    with hold_experiment(Seen(lambda: database), "engine/local/shop"):
        [holder] = made
        kernel = holder.execute(
            "SELECT name, setting::integer FROM pg_settings WHERE name LIKE 'tcp%' ORDER BY 1"
        ).fetchall()
    assert kernel == [
        ("tcp_keepalives_count", 3),
        ("tcp_keepalives_idle", 20),
        ("tcp_keepalives_interval", 10),
        # Milliseconds; keep-alives alone do not end a session whose answer is on its way.
        ("tcp_user_timeout", 60_000),
    ]


def test_the_reason_of_a_state_goes_with_that_state(shop: Experiment) -> None:
    run, runs = shop.start(), shop.ledger.runs
    aborted = frozenset({RunState.ABORTED})
    why = because(SUSPENDED, "")
    assert runs.transition(run.id, RUNNING, RunState.ABORTED, summary=why)
    stopped = runs.find(run.id)
    assert stopped is not None
    assert (stopped.reason, stopped.suspended) == (SUSPENDED, True)
    assert runs.transition(run.id, aborted, RunState.ABORTED)
    assert runs.find(run.id) == replace(stopped, summary=run.summary)


def test_queries_are_kept_by_name_until_the_experiment_is_forgotten(shop: Experiment) -> None:
    queries = shop.ledger.queries
    shop.ledger.ensure()
    assert queries.of(shop.owner) == []
    assert queries.save(shop.owner, "all", "table orders") is None, "nobody has claimed it"
    run = shop.start()
    for name, text in (("é%s", "select 1"), ("all", "table orders"), ("all", "table lines")):
        saved = queries.save(shop.owner, name, text)
        assert saved is not None
        assert (saved.name, saved.sql, saved.saved_at.tzinfo is None) == (name, text, False)
    assert [(each.name, each.sql) for each in queries.of(shop.owner)] == [
        ("all", "table lines"),
        ("é%s", "select 1"),
    ]
    assert queries.of("another/local/shop") == []
    assert queries.forget(shop.owner, "é%s")
    assert not queries.forget(shop.owner, "é%s")
    shop.ledger.forget_runs([run])
    assert [each.name for each in queries.of(shop.owner)] == ["all"]
    shop.ledger.forget_experiment(shop.owner)
    assert queries.of(shop.owner) == []


def test_a_ledger_of_an_older_layout_keeps_no_queries_and_says_so(shop: Experiment) -> None:
    shop.start()
    with PostgresSession(shop.address) as session:
        session.transaction(lambda cursor: cursor.execute("DROP TABLE rowmill.queries"))
    assert shop.ledger.queries.of(shop.owner) == []
    assert not shop.ledger.queries.forget(shop.owner, "all")
    with pytest.raises(DestinationRefused) as refusal:
        shop.ledger.queries.save(shop.owner, "all", "table orders")
    assert refusal.value.reason == "LedgerOlder"
