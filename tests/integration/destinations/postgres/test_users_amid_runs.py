"""What users change while a run loads or publishes is neither undone nor dropped."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest

from rowmill.destinations.errors import DestinationRefused
from rowmill.destinations.postgres.connection import PostgresAddress
from tests.integration.destinations.postgres.env import (
    Experiment,
    all_rows,
    dataset,
    table,
    target,
    two_tables,
)
from tests.postgres_login import connect


@pytest.fixture
def shop(address: PostgresAddress) -> Experiment:
    return Experiment(address, two_tables())


def test_what_users_hung_on_staged_tables_is_not_dropped_with_them(
    shop: Experiment, database: dict[str, str]
) -> None:
    run = shop.start()
    schema = f"rowmill_run_{run.id}"
    with connect(database) as admin:
        admin.execute(f"CREATE VIEW public.peek AS SELECT count(*) FROM {schema}.orders")
        admin.execute(f"CREATE TABLE {schema}.mine (id bigint)")
        with pytest.raises(DestinationRefused, match=r'mine, view "public"\."peek"') as refusal:
            shop.warehouse.drop_staging(run.id)
        assert refusal.value.reason == "DependantsInTheWay"
        admin.execute(f"DROP VIEW public.peek; DROP TABLE {schema}.mine")
        shop.warehouse.drop_staging(run.id)
        left = "SELECT count(*) FROM pg_namespace WHERE nspname ~ '^rowmill_run_'"
        assert all_rows(admin, left) == [(0,)]


def test_partitions_are_not_dropped_by_leave_to_replace(
    address: PostgresAddress, database: dict[str, str]
) -> None:
    with connect(database) as admin:
        admin.execute(
            "CREATE SCHEMA shop; CREATE TABLE shop.orders (id bigint) PARTITION BY RANGE (id); "
            "CREATE TABLE public.part PARTITION OF shop.orders FOR VALUES FROM (0) TO (9); "
            "INSERT INTO shop.orders VALUES (1)"
        )
        with pytest.raises(DestinationRefused, match="partitioned table") as refusal:
            Experiment(address, two_tables(), target(replace=True)).start()
        assert refusal.value.reason == "TableExists"
        assert all_rows(admin, "SELECT count(*) FROM public.part") == [(1,)]


def test_readers_of_views_wait_for_a_publish_and_do_not_fail(
    shop: Experiment, database: dict[str, str]
) -> None:
    shop.complete()
    with connect(database) as admin:
        admin.execute("CREATE VIEW public.v AS SELECT o.id FROM shop.orders o, shop.lines l")
        admin.execute("CREATE VIEW public.w AS SELECT * FROM public.v")
    failed: list[str] = []
    done = threading.Event()

    def look() -> None:
        with connect(database) as reader:
            while not done.is_set():
                try:
                    reader.execute("SELECT count(*) FROM public.w")
                except psycopg.errors.DeadlockDetected as error:
                    failed.append(str(error))
                except psycopg.Error:
                    # Names resolved just before the commit; the view of that name is another.
                    continue

    with ThreadPoolExecutor(4) as beside:
        readers = [beside.submit(look) for _ in range(4)]
        try:
            for _ in range(4):
                shop.complete()
        finally:
            done.set()
    for reader in readers:
        reader.result()
    assert failed == []


def test_what_is_said_of_a_view_while_the_publish_waits_for_it_stays(
    shop: Experiment, database: dict[str, str]
) -> None:
    shop.complete()
    with (
        ThreadPoolExecutor(1) as beside,
        connect(database) as admin,
        connect(database) as holder,
    ):
        admin.execute("CREATE VIEW public.v AS SELECT id FROM shop.orders")
        admin.execute("CREATE VIEW public.w AS SELECT id FROM public.v")
        admin.execute("COMMENT ON VIEW public.w IS 'a'")
        run = shop.start()
        shop.load(run)
        shop.finalize(run)
        holder.execute("BEGIN; COMMENT ON VIEW public.w IS 'b'")
        publishing = beside.submit(shop.warehouse.publish, run, shop.data)
        waits = (
            "SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = 'public.w'::regclass"
        )
        while all_rows(admin, waits) == [(0,)]:
            assert not publishing.done()
        holder.execute("COMMIT")
        publishing.result()
        comment = "SELECT obj_description('public.w'::regclass)"
        assert all_rows(admin, comment) == [("b",)]


def test_options_that_are_reset_during_a_run_do_not_come_back(
    shop: Experiment, database: dict[str, str]
) -> None:
    shop.complete()
    with connect(database) as admin:
        admin.execute(
            "ALTER TABLE shop.orders SET (autovacuum_enabled = false, fillfactor = 50); "
            "ALTER TABLE shop.orders ALTER total SET STATISTICS 7"
        )
        run = shop.start()
        shop.load(run)
        admin.execute(
            "ALTER TABLE shop.orders RESET (autovacuum_enabled); "
            "ALTER TABLE shop.orders ALTER total SET STATISTICS -1"
        )
        shop.finalize(run)
        shop.warehouse.publish(run, shop.data)
        options = "SELECT reloptions::text FROM pg_class WHERE oid = 'shop.orders'::regclass"
        assert all_rows(admin, options) == [("{fillfactor=50}",)]
        targets = (
            "SELECT count(*) FROM pg_attribute WHERE attrelid = 'shop.orders'::regclass "
            "AND attstattarget >= 0"
        )
        assert all_rows(admin, targets) == [(0,)]


def test_an_identity_and_its_table_get_no_privileges_by_default(
    shop: Experiment, database: dict[str, str], role: Callable[[str], dict[str, str]]
) -> None:
    shop.complete()
    reader = role("reader")["PGUSER"]
    acl = (
        "SELECT relname, relacl::text FROM pg_class WHERE relname = 'orders_id_seq' UNION ALL "
        "SELECT 'ctid', attacl::text FROM pg_attribute WHERE attrelid = 'shop.orders'::regclass "
        "AND attname = 'ctid'"
    )
    with connect(database) as admin:
        admin.execute("ALTER TABLE shop.orders ALTER id ADD GENERATED ALWAYS AS IDENTITY")
        admin.execute("COMMENT ON SEQUENCE shop.orders_id_seq IS 'counts'")
        admin.execute(f'GRANT SELECT (ctid) ON shop.orders TO "{reader}"')
        before = all_rows(admin, acl)
        admin.execute("ALTER DEFAULT PRIVILEGES GRANT ALL ON SEQUENCES TO PUBLIC")
        for _ in range(2):
            shop.complete()
            assert all_rows(admin, acl)[1:] == before[1:]
            public = "SELECT has_sequence_privilege('public', 'shop.orders_id_seq', 'USAGE')"
            assert all_rows(admin, public) == [(False,)]
            comment = "SELECT obj_description('shop.orders_id_seq'::regclass)"
            assert all_rows(admin, comment) == [("counts",)]


def test_a_schema_on_which_users_put_something_outlives_a_reset(
    shop: Experiment, database: dict[str, str]
) -> None:
    shop.complete()
    with connect(database) as admin:
        admin.execute("CREATE PUBLICATION all_of_it FOR TABLES IN SCHEMA shop")
        shop.warehouse.remove_tables()
        there = "SELECT count(*) FROM pg_namespace WHERE nspname = 'shop'"
        assert all_rows(admin, there) == [(1,)]
        admin.execute("DROP PUBLICATION all_of_it")


def test_a_sequence_of_a_column_that_goes_stays_for_whoever_uses_it(
    shop: Experiment, database: dict[str, str]
) -> None:
    shop.complete()
    fewer = Experiment(shop.address, dataset(table("orders"), table("lines", parent="orders")))
    with connect(database) as admin:
        admin.execute(
            "CREATE SEQUENCE shop.s OWNED BY shop.orders.total; "
            "ALTER TABLE shop.lines ALTER id SET DEFAULT nextval('shop.s'); "
            "ALTER TABLE shop.lines ADD CONSTRAINT self CHECK (tableoid <> 'shop.lines'::regclass "
            "OR id >= 0)"
        )
        with pytest.raises(DestinationRefused, match=r"CHECK self, which names shop\.lines"):
            fewer.start()
        admin.execute("ALTER TABLE shop.lines DROP CONSTRAINT self")
        fewer.complete()
        default = "SELECT count(*) FROM pg_attrdef WHERE adrelid = 'shop.lines'::regclass"
        assert all_rows(admin, default) == [(1,)]


def test_a_view_of_another_role_that_comes_during_a_run_is_refused_by_name(
    database: dict[str, str], loader: dict[str, str]
) -> None:
    with connect(database) as admin:
        shop = Experiment(PostgresAddress(lambda: loader), two_tables())
        shop.complete()
        run = shop.start()
        shop.load(run)
        shop.finalize(run)
        admin.execute("CREATE VIEW public.theirs AS SELECT id FROM shop.orders")
        with pytest.raises(DestinationRefused, match=r'"theirs" \(owned by') as refusal:
            shop.warehouse.publish(run, shop.data)
        assert refusal.value.reason == "DependantsInTheWay"
        admin.execute("DROP VIEW public.theirs")
        shop.warehouse.publish(run, shop.data)
