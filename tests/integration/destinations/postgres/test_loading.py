"""A batch is loaded exactly once, whatever happens to workers, connections and answers."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from rowmill.destinations.errors import DestinationRefused, Fenced
from rowmill.destinations.ledger import PendingPart
from rowmill.destinations.postgres.connection import PostgresAddress
from rowmill.destinations.postgres.ledger.advisory_locks import fence, fenced_transaction
from rowmill.destinations.postgres.session import PostgresSession
from rowmill.plan.runs import RunState
from tests.integration.destinations.postgres.env import Experiment, batches, dataset, table
from tests.integration.destinations.postgres.proxy import LossyProxy
from tests.postgres_login import connect


def rows_of(database: dict[str, str], run_id: str, name: str = "orders") -> list[int]:
    with connect(database) as connection:
        query = f'SELECT id FROM rowmill_run_{run_id}."{name}" ORDER BY 1'
        return [int(str(row[0])) for row in connection.execute(query)]


@pytest.fixture
def shop(address: PostgresAddress) -> Experiment:
    return Experiment(address, dataset(table("orders", rows=23)))


def test_every_planned_row_is_loaded_and_every_batch_recorded(
    shop: Experiment, database: dict[str, str]
) -> None:
    run = shop.start()
    shop.load(run)
    assert rows_of(database, run.id) == list(range(23))
    assert shop.ledger.work.done_batches(run.id) == {"orders": [(0, 5)]}


def test_a_batch_loaded_again_changes_nothing_and_says_so(
    shop: Experiment, database: dict[str, str]
) -> None:
    run = shop.start()
    loader = shop.loader(run)
    batch = batches(run)[1]
    assert loader.load(batch, shop.encoded(batch)) is True
    assert loader.load(batch, shop.encoded(batch)) is False
    assert rows_of(database, run.id) == [5, 6, 7, 8, 9]
    assert shop.ledger.work.done_batches(run.id) == {"orders": [(1, 2)]}


def test_twins_that_load_the_same_batches_at_once_load_each_once(
    shop: Experiment, database: dict[str, str]
) -> None:
    run = shop.start(batch_rows=1)

    def twin(_: int) -> int:
        loader = shop.loader(run)
        return sum(loader.load(batch, shop.encoded(batch)) for batch in batches(run))

    with ThreadPoolExecutor(4) as pool:
        counts = list(pool.map(twin, range(4)))
    assert sum(counts) == 23
    assert rows_of(database, run.id) == list(range(23))


def test_a_batch_that_holds_other_rows_than_planned_leaves_nothing(
    shop: Experiment, database: dict[str, str]
) -> None:
    run = shop.start()
    first, second, *_, last = batches(run)
    with pytest.raises(DestinationRefused, match="holds 3 rows, the plan says 5") as refusal:
        shop.loader(run).load(first, shop.encoded(last))
    assert refusal.value.reason == "BatchIncomplete"
    assert rows_of(database, run.id) == []
    assert shop.ledger.work.done_batches(run.id) == {}
    assert shop.loader(run).load(second, shop.encoded(second))


@pytest.mark.parametrize("state", [s for s in RunState if s is not RunState.RUNNING])
def test_a_worker_of_a_run_that_is_not_running_writes_nothing(
    shop: Experiment, database: dict[str, str], state: RunState
) -> None:
    run = shop.start()
    shop.ledger.runs.transition(run.id, frozenset({RunState.RUNNING}), state)
    batch = batches(run)[0]
    with pytest.raises(Fenced, match=f"is {state}, not RUNNING"):
        shop.loader(run).load(batch, shop.encoded(batch))
    assert rows_of(database, run.id) == []


def test_a_worker_of_a_deleted_experiment_writes_nothing(
    shop: Experiment, database: dict[str, str]
) -> None:
    run = shop.start()
    shop.ledger.forget_experiment(shop.owner)
    batch = batches(run)[0]
    with pytest.raises(Fenced, match="not in the ledger any more"):
        shop.loader(run).load(batch, shop.encoded(batch))
    assert rows_of(database, run.id) == []


class Gate(list[bytes]):
    """Encoded bytes that halt within the COPY until they are let through."""

    def __init__(self, pieces: list[bytes]) -> None:
        super().__init__(pieces)
        self.reached, self.open = threading.Event(), threading.Event()

    def __iter__(self) -> Iterator[bytes]:
        for piece in super().__iter__():
            self.reached.set()
            assert self.open.wait(60)
            yield piece


def test_an_abort_waits_for_the_batch_in_flight_and_lets_none_in_after_it(
    shop: Experiment, database: dict[str, str]
) -> None:
    run = shop.start()
    first, second = batches(run)[:2]
    gate = Gate(shop.encoded(first))
    with ThreadPoolExecutor(2) as pool:
        worker = shop.loader(run)
        load = pool.submit(worker.load, first, gate)
        assert gate.reached.wait(60)
        running = frozenset({RunState.RUNNING})
        abort = pool.submit(shop.ledger.runs.transition, run.id, running, RunState.ABORTED)
        wait_for_waiter(database)
        assert not abort.done()
        gate.open.set()
        assert load.result() is True
        assert abort.result() is True
    with pytest.raises(Fenced):
        worker.load(second, shop.encoded(second))
    assert rows_of(database, run.id) == [0, 1, 2, 3, 4]
    assert shop.ledger.work.done_batches(run.id) == {"orders": [(0, 1)]}


def test_a_worker_that_waits_for_an_abort_finds_itself_fenced(
    shop: Experiment, database: dict[str, str]
) -> None:
    """With a plain read of the state in the statement that waits, it would commit."""
    run = shop.start()
    batch = batches(run)[0]
    with connect(database) as aborter, ThreadPoolExecutor(1) as pool:
        aborter.execute("BEGIN")
        fence(aborter.cursor(), run.id)
        load = pool.submit(shop.loader(run).load, batch, shop.encoded(batch))
        wait_for_waiter(database)
        aborter.execute("UPDATE rowmill.runs SET state = 'ABORTED'")
        aborter.execute("COMMIT")
        with pytest.raises(Fenced, match="is ABORTED"):
            load.result()
    assert rows_of(database, run.id) == []


def test_a_worker_that_froze_amid_its_copy_is_cut_off_by_an_abort(
    shop: Experiment, database: dict[str, str]
) -> None:
    run = shop.start()
    batch = batches(run)[0]
    gate = Gate(shop.encoded(batch))
    with ThreadPoolExecutor(1) as pool:
        load = pool.submit(shop.loader(run).load, batch, gate)
        assert gate.reached.wait(60)
        session = PostgresSession(shop.address)
        fenced_transaction(
            session,
            run.id,
            lambda cursor: cursor.execute("UPDATE rowmill.runs SET state = 'ABORTED'"),
            frozen_seconds=0.2,
        )
        gate.open.set()
        with pytest.raises(Fenced):
            load.result()
    assert rows_of(database, run.id) == []


def test_a_twin_that_froze_amid_its_copy_does_not_block_the_batch(
    shop: Experiment, database: dict[str, str]
) -> None:
    run = shop.start()
    batch = batches(run)[0]
    gate = Gate(shop.encoded(batch))
    with ThreadPoolExecutor(1) as pool:
        frozen = pool.submit(shop.loader(run).load, batch, gate)
        assert gate.reached.wait(60)
        assert shop.loader(run, lock_seconds=0.2).load(batch, shop.encoded(batch)) is True
        gate.open.set()
        assert frozen.result() is False
    assert rows_of(database, run.id) == [0, 1, 2, 3, 4]


def test_a_lost_answer_to_commit_doubles_nothing(
    shop: Experiment, database: dict[str, str]
) -> None:
    run = shop.start()
    with LossyProxy(database["PGHOST"], int(database["PGPORT"])) as proxy:
        through = {**database, "PGHOST": "127.0.0.1", "PGPORT": str(proxy.port)}
        far = Experiment(PostgresAddress(lambda: through), shop.data)
        loader = far.loader(run)
        for batch in batches(run):
            proxy.lose_answer_to(b"COMMIT")
            assert loader.load(batch, shop.encoded(batch)) is False
        assert loader.retries == len(batches(run))
    assert rows_of(database, run.id) == list(range(23))
    assert shop.ledger.work.done_batches(run.id) == {"orders": [(0, 5)]}


def test_terminated_backends_lose_and_double_nothing(
    shop: Experiment, database: dict[str, str]
) -> None:
    run = shop.start(batch_rows=1)
    done, struck = threading.Event(), threading.Event()

    def terminate() -> None:
        """Cut the loader's session whenever it got one batch further."""
        seen: object = None
        with connect(database) as admin:
            while not done.wait(0.001):
                count = admin.execute("SELECT count(*) FROM rowmill.batches").fetchone()
                if count == seen:
                    continue
                seen = count
                admin.execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                    "WHERE application_name = 'rowmill' AND datname = current_database()"
                )
                if count != (0,):
                    struck.set()

    killer = threading.Thread(target=terminate)
    killer.start()
    loader = shop.loader(run)
    try:
        for batch in batches(run):
            loader.load(batch, shop.encoded(batch))
            # Between the first two at the latest, and amid any of the others.
            assert struck.wait(60)
    finally:
        done.set()
        killer.join()
    assert rows_of(database, run.id) == list(range(23))
    assert loader.retries > 0


def test_a_staging_table_that_vanished_is_made_and_loaded_again(
    shop: Experiment, database: dict[str, str]
) -> None:
    run = shop.start()
    shop.load(run)
    with connect(database) as connection:
        connection.execute(f"DROP SCHEMA rowmill_run_{run.id} CASCADE")
    shop.warehouse.stage(run, shop.data)
    assert shop.ledger.work.done_batches(run.id) == {}
    shop.load(run)
    assert rows_of(database, run.id) == list(range(23))


def test_staging_keeps_what_is_loaded(shop: Experiment, database: dict[str, str]) -> None:
    run = shop.start()
    shop.load(run)
    shop.warehouse.stage(run, shop.data)
    assert rows_of(database, run.id) == list(range(23))
    assert shop.ledger.work.done_batches(run.id) == {"orders": [(0, 5)]}


def test_a_roles_own_defaults_change_nothing(shop: Experiment, database: dict[str, str]) -> None:
    """Repeatable read would make the fence blind; a statement time-out would cut a COPY."""
    with connect(database) as connection:
        name = database["PGDATABASE"]
        for setting in (
            "default_transaction_isolation = 'serializable'",
            "default_transaction_read_only = on",
            "statement_timeout = '1ms'",
            "search_path = 'nowhere'",
            "datestyle = 'SQL, DMY'",
            "timezone = 'Asia/Kathmandu'",
            "standard_conforming_strings = off",
        ):
            connection.execute(f'ALTER DATABASE "{name}" SET {setting}')
    run = shop.start()
    shop.load(run)
    running = frozenset({RunState.RUNNING})
    shop.ledger.runs.transition(run.id, running, RunState.ABORTED)
    batch = batches(run)[0]
    with pytest.raises(Fenced):
        shop.loader(run).load(batch, shop.encoded(batch))


def wait_for_waiter(database: dict[str, str]) -> None:
    """Return once a session waits for an advisory lock."""
    with connect(database) as observer:
        for _ in range(3000):
            row = observer.execute(
                "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
            ).fetchone()
            if row != (0,):
                return
            threading.Event().wait(0.01)
    raise AssertionError("nobody waits")


def test_batches_alone_commit_without_waiting_for_the_disk(
    shop: Experiment, database: dict[str, str]
) -> None:
    shop.ledger.ensure()
    with connect(database) as admin:
        admin.execute(
            "CREATE TABLE public.waits (relation text, setting text); "
            "CREATE FUNCTION public.note() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
            "INSERT INTO public.waits VALUES (TG_RELNAME, current_setting('synchronous_commit')); "
            "RETURN NULL; END $$; "
            "CREATE TRIGGER note AFTER INSERT ON rowmill.batches EXECUTE FUNCTION public.note(); "
            "CREATE TRIGGER note AFTER INSERT ON rowmill.parts EXECUTE FUNCTION public.note(); "
            "CREATE TRIGGER note AFTER INSERT OR UPDATE ON rowmill.runs "
            "EXECUTE FUNCTION public.note()"
        )
        run = shop.start()
        shop.load(run)
        part = PendingPart("orders", 0, "key", "upload", ("a",), 5, 1, "f" * 64)
        shop.ledger.work.record_part(run.id, part)
        shop.finalize(run)
        waits = "SELECT DISTINCT relation, setting FROM public.waits ORDER BY 1"
        assert admin.execute(waits).fetchall() == [
            ("batches", "off"),
            ("parts", "on"),
            ("runs", "on"),
        ]
