"""Users' additions that come during a run, that its rows do not bear, or that do not fit it."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from rowmill.destinations.errors import DestinationRefused, LateAdditions
from rowmill.destinations.postgres.connection import PostgresAddress
from rowmill.destinations.postgres.tables.constraints import steps
from rowmill.plan.runs import RunState
from tests.integration.destinations.postgres.env import (
    Experiment,
    all_rows,
    dataset,
    loaded,
    table,
    target,
    two_tables,
)
from tests.postgres_login import connect

_BUILDS = (
    "ALTER TABLE shop.orders ADD COLUMN double bigint GENERATED ALWAYS AS (total * 2) STORED; "
    "CREATE UNIQUE INDEX mine ON shop.orders (double); "
    "ALTER TABLE shop.orders ADD CONSTRAINT positive CHECK (double >= 0); "
    "CREATE STATISTICS shop.both ON id, total FROM shop.orders; "
    "ALTER TABLE shop.lines ADD CONSTRAINT other FOREIGN KEY (id) REFERENCES shop.orders (id)"
)
_FOUND = (
    "SELECT conname::text FROM pg_constraint WHERE conname IN ('positive', 'other') "
    "AND connamespace = 'shop'::regnamespace UNION ALL "
    "SELECT relname FROM pg_class WHERE relname = 'mine' AND relnamespace = 'shop'::regnamespace "
    "UNION ALL SELECT attname FROM pg_attribute WHERE attrelid = 'shop.orders'::regclass "
    "AND attgenerated = 's' UNION ALL SELECT stxname FROM pg_statistic_ext "
    "WHERE stxnamespace = 'shop'::regnamespace ORDER BY 1"
)
_ALL = [("both",), ("double",), ("mine",), ("other",), ("positive",)]
_COMMENTS = (
    "SELECT description FROM pg_description WHERE description LIKE 'rowmill %'"
    " AND classoid <> 'pg_type'::regclass"
)


@pytest.fixture
def shop(address: PostgresAddress) -> Experiment:
    return Experiment(address, two_tables())


def test_what_came_since_finalize_is_built_before_the_publish(
    shop: Experiment, database: dict[str, str]
) -> None:
    shop.complete()
    run = loaded(shop)
    shop.finalize(run)
    with connect(database) as admin:
        admin.execute(_BUILDS)
        admin.execute("CREATE POLICY late ON shop.orders USING (id < 5)")
        with pytest.raises(LateAdditions, match=r"generated column shop\.orders\.double"):
            shop.warehouse.publish(run, shop.data)
        left = shop.ledger.runs.find(run.id)
        assert left is not None
        assert left.state is RunState.FINALIZING
        shop.finalize(run)
        shop.warehouse.publish(run, shop.data)
        assert all_rows(admin, _FOUND) == _ALL
        assert all_rows(admin, "SELECT polname FROM pg_policy") == [("late",)]
        assert all_rows(admin, _COMMENTS) == []


def test_what_was_taken_off_or_changed_since_it_was_built_is_not_published(
    shop: Experiment, database: dict[str, str]
) -> None:
    shop.complete()
    with connect(database) as admin:
        admin.execute(_BUILDS)
        run = loaded(shop)
        shop.finalize(run)
        admin.execute(
            "ALTER TABLE shop.orders DROP COLUMN double; DROP STATISTICS shop.both; "
            "ALTER TABLE shop.lines DROP CONSTRAINT other; "
            "ALTER TABLE shop.orders ADD CONSTRAINT positive CHECK (total < 7000)"
        )
        with pytest.raises(LateAdditions):
            shop.warehouse.publish(run, shop.data)
        shop.finalize(run)
        shop.warehouse.publish(run, shop.data)
        assert all_rows(admin, _FOUND) == [("positive",)]
        check = "SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conname = 'positive'"
        assert all_rows(admin, check) == [("CHECK ((total < 7000))",)]


@pytest.mark.parametrize(
    ("addition", "mended"),
    [
        ("ADD CONSTRAINT few CHECK (id < 10)", "DROP CONSTRAINT few"),
        ("ADD CONSTRAINT few EXCLUDE USING btree ((id / 15) WITH =)", "DROP CONSTRAINT few"),
    ],
)
def test_a_constraint_that_new_rows_break_stops_the_run_and_can_be_mended(
    shop: Experiment, database: dict[str, str], addition: str, mended: str
) -> None:
    few = Experiment(shop.address, two_tables(rows=2) if "EXCLUDE" in addition else shop.data)
    few.complete()
    with connect(database) as admin:
        if "EXCLUDE" in addition:
            admin.execute("DELETE FROM shop.lines; DELETE FROM shop.orders WHERE id = 1")
        admin.execute(f"ALTER TABLE shop.orders {addition}")
        more = Experiment(shop.address, two_tables(rows=20))
        run = loaded(more)
        with pytest.raises(DestinationRefused, match=r"few on shop\.orders") as refusal:
            more.finalize(run)
        assert refusal.value.reason == "UserConstraint"
        admin.execute(f"ALTER TABLE shop.orders {mended}")
        more.finalize(run)
        more.warehouse.publish(run, more.data)
        assert all_rows(admin, "SELECT count(*) FROM shop.orders") == [(20,)]


@pytest.mark.parametrize("connections", [1, 3])
@pytest.mark.parametrize("broken_after", range(0, 14, 2))
def test_finalize_killed_after_any_build_is_taken_up_again(
    shop: Experiment, database: dict[str, str], broken_after: int, connections: int
) -> None:
    shop.complete()
    with connect(database) as admin:
        admin.execute(_BUILDS)
        run = loaded(shop)
        done = shop.finalize_until(run, broken_after, connections)
        again = shop.finalize(run, connections)
        # Of those at once only the last that was told is sure to be under way.
        sure = done[:-connections]
        assert not {label for label in sure if "mine" in label or "positive" in label} & set(again)
        shop.warehouse.publish(run, shop.data)
        assert all_rows(admin, _FOUND) == _ALL
        assert all_rows(admin, _COMMENTS) == []


def test_two_that_finalize_at_once_build_each_thing_once(
    shop: Experiment, database: dict[str, str]
) -> None:
    shop.complete()
    with connect(database) as admin:
        admin.execute(_BUILDS)
        run = loaded(shop)
        shop.ledger.runs.transition(run.id, frozenset({RunState.RUNNING}), RunState.FINALIZING)
        twin = Experiment(shop.address, shop.data)
        with ThreadPoolExecutor(1) as beside:
            twins = beside.submit(twin.finalize, run)
            shop.finalize(run)
        twins.result()
        shop.warehouse.publish(run, shop.data)
        assert all_rows(admin, _FOUND) == _ALL


def test_keys_that_the_manifest_no_longer_has_go_and_users_stay_though_of_the_same_shape(
    shop: Experiment, database: dict[str, str]
) -> None:
    shop.complete()
    with connect(database) as admin:
        admin.execute("CREATE INDEX mine ON shop.orders (total)")
        orders, lines = shop.data.tables
        bare = dataset(replace(orders, unique=(), indexes=()), lines)
        Experiment(shop.address, bare).complete()
        indexes = "SELECT indexname::text FROM pg_indexes WHERE tablename = 'orders' ORDER BY 1"
        key = next(s.name for s in steps(bare, "all") if (s.kind, s.table) == ("p", "orders"))
        assert all_rows(admin, indexes) == [("mine",), (key,)]
        # What the user made is the user's, also once the manifest wants the same.
        shop.complete()
        shop.complete()
        assert ("mine",) in all_rows(admin, indexes)
        assert len(all_rows(admin, indexes)) == 4


def test_what_is_on_a_column_that_the_manifest_drops_goes_with_it_unless_it_reads_it(
    shop: Experiment, database: dict[str, str], role: Callable[[str], dict[str, str]]
) -> None:
    shop.complete()
    reader = role("reader")["PGUSER"]
    fewer = Experiment(shop.address, dataset(table("orders"), table("lines", parent="orders")))
    with connect(database) as admin:
        admin.execute("COMMENT ON COLUMN shop.orders.total IS 'x'")
        admin.execute("ALTER TABLE shop.orders ALTER COLUMN total SET STATISTICS 7")
        admin.execute(f'GRANT SELECT (total) ON shop.orders TO "{reader}"')
        admin.execute("CREATE POLICY p ON shop.orders USING (total > 3)")
        with pytest.raises(DestinationRefused, match=r'policy p .* reads orders\."total"'):
            fewer.start()
        admin.execute("DROP POLICY p ON shop.orders")
        admin.execute("CREATE INDEX i ON shop.orders (total, id)")
        with pytest.raises(DestinationRefused, match=r'index i on shop.orders \(.*"total"'):
            fewer.start()
        admin.execute("DROP INDEX shop.i")
        fewer.complete()
        assert all_rows(admin, "SELECT count(*) FROM shop.orders") == [(10,)]


def test_a_privilege_that_was_taken_back_does_not_return_by_default(
    shop: Experiment, database: dict[str, str], role: Callable[[str], dict[str, str]]
) -> None:
    reader = role("reader")["PGUSER"]
    acl = "SELECT relname, relacl::text FROM pg_class WHERE relname IN ('orders', 'v') ORDER BY 1"
    with connect(database) as admin:
        admin.execute(f'ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO "{reader}"')
        shop.complete()
        admin.execute("CREATE VIEW public.v AS SELECT * FROM shop.orders")
        admin.execute(f'REVOKE ALL ON shop.orders, public.v FROM "{reader}"')
        before = all_rows(admin, acl)
        assert reader not in repr(before)
        shop.complete()
        assert all_rows(admin, acl) == before
        assert all_rows(
            admin, f"SELECT has_table_privilege('{reader}', 'shop.lines', 'SELECT')"
        ) == [(True,)]


def test_a_role_that_may_see_some_rows_sees_no_more_after_the_next_run(
    shop: Experiment, database: dict[str, str], role: Callable[[str], dict[str, str]]
) -> None:
    shop.complete()
    reader = role("reader")
    with connect(database) as admin:
        name = reader["PGUSER"]
        admin.execute("ALTER TABLE shop.orders ENABLE ROW LEVEL SECURITY")
        admin.execute("CREATE POLICY few ON shop.orders USING (id < 4)")
        admin.execute(f'GRANT USAGE ON SCHEMA shop TO "{name}"')
        admin.execute(f'GRANT SELECT ON shop.orders TO "{name}"')
    seen: set[object] = set()
    done = threading.Event()

    def look() -> None:
        with connect(reader) as connection:
            while not done.is_set():
                seen.add(all_rows(connection, "SELECT count(*) FROM shop.orders")[0][0])

    with ThreadPoolExecutor(1) as beside:
        watching = beside.submit(look)
        try:
            for rows in (20, 30):
                Experiment(shop.address, two_tables(rows)).complete()
        finally:
            done.set()
    watching.result()
    assert seen == {4}


def test_rights_that_the_loader_lacks_are_told_before_the_load(
    database: dict[str, str], loader: dict[str, str]
) -> None:
    shop = Experiment(PostgresAddress(lambda: loader), two_tables())
    shop.complete()
    with connect(database) as admin:
        admin.execute("CREATE PUBLICATION theirs FOR TABLE shop.orders")
        admin.execute(
            "CREATE SCHEMA hidden; CREATE FUNCTION hidden.f() RETURNS trigger "
            "LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'"
        )
        admin.execute("REVOKE ALL ON FUNCTION hidden.f() FROM PUBLIC")
        admin.execute(
            "CREATE TRIGGER t BEFORE INSERT ON shop.lines FOR EACH ROW EXECUTE FUNCTION hidden.f()"
        )
        admin.execute("CREATE TABLE public.far (id bigint PRIMARY KEY)")
        admin.execute(
            "ALTER TABLE shop.lines ADD CONSTRAINT away FOREIGN KEY (id) "
            "REFERENCES public.far NOT VALID"
        )
        with pytest.raises(DestinationRefused, match=r"foreign key away on shop\.lines"):
            shop.start()
        admin.execute("ALTER TABLE shop.lines DROP CONSTRAINT away")
        with pytest.raises(DestinationRefused) as refusal:
            shop.start()
        assert "publication theirs of shop.orders (must be owner of publication" in str(
            refusal.value
        )
        assert "trigger t on shop.lines (permission denied for" in str(refusal.value)
        assert (
            all_rows(admin, "SELECT nspname FROM pg_namespace WHERE nspname ~ 'trial|_run_'") == []
        )


def test_of_a_table_that_is_replaced_by_leave_what_restricts_stays(
    address: PostgresAddress, database: dict[str, str], role: Callable[[str], dict[str, str]]
) -> None:
    reader = role("reader")["PGUSER"]
    with connect(database) as admin:
        admin.execute(
            "CREATE SCHEMA shop; "
            "CREATE TABLE shop.orders (id serial PRIMARY KEY, old text UNIQUE); "
            "ALTER TABLE shop.orders ENABLE ROW LEVEL SECURITY; "
            "CREATE POLICY p ON shop.orders USING (id < 3); CREATE INDEX ON shop.orders (old); "
            "CREATE PUBLICATION those FOR TABLE shop.orders; "
            f'GRANT SELECT ON shop.orders TO "{reader}"'
        )
        shop = Experiment(address, two_tables(), target(replace=True))
        shop.complete()
        for _ in range(2):
            assert all_rows(
                admin,
                "SELECT polname, relrowsecurity FROM pg_policy JOIN pg_class c ON c.oid = polrelid",
            ) == [("p", True)]
            assert all_rows(admin, "SELECT tablename FROM pg_publication_tables") == [("orders",)]
            assert reader in repr(
                all_rows(admin, "SELECT relacl::text FROM pg_class WHERE relname = 'orders'")
            )
            shop.complete()
        admin.execute(
            "DROP POLICY p ON shop.orders; CREATE TABLE shop.more (old text); "
            "CREATE POLICY q ON shop.more USING (old = 'x')"
        )
        more = Experiment(
            address, dataset(*two_tables().tables, table("more")), target(replace=True)
        )
        with pytest.raises(DestinationRefused, match=r"policy q on table shop\.more reads"):
            more.start()


def test_what_hangs_on_adopted_tables_stays_and_their_keys_are_known(
    shop: Experiment, database: dict[str, str]
) -> None:
    shop.complete()
    orders, lines = shop.data.tables
    heir = Experiment(
        shop.address, dataset(replace(orders, indexes=()), lines), owner="engine/local/heir"
    )
    with connect(database) as admin:
        admin.execute("CREATE POLICY p ON shop.orders USING (id < 3)")
        admin.execute("CREATE INDEX mine ON shop.orders (total, id)")
        heir.complete(adopt=shop.owner)
        assert all_rows(admin, "SELECT polname FROM pg_policy") == [("p",)]
        indexes = "SELECT count(*) FROM pg_indexes WHERE tablename = 'orders'"
        assert all_rows(admin, indexes) == [(3,)]


def test_a_reference_to_another_table_over_a_column_that_goes_is_refused_before_the_load(
    shop: Experiment, database: dict[str, str]
) -> None:
    shop.complete()
    fewer = Experiment(shop.address, dataset(table("orders"), table("lines", parent="orders")))
    with connect(database) as admin:
        admin.execute(
            "CREATE TABLE public.far (id bigint PRIMARY KEY); ALTER TABLE shop.orders "
            "ADD CONSTRAINT away FOREIGN KEY (total) REFERENCES public.far NOT VALID"
        )
        with pytest.raises(DestinationRefused, match=r"away on shop\.orders, whose column total"):
            fewer.start()


def test_what_uses_a_sequence_or_refers_to_a_table_that_goes_is_refused_before_the_load(
    shop: Experiment, database: dict[str, str]
) -> None:
    shop.complete()
    without_orders = Experiment(shop.address, dataset(table("lines", extra=("parent_id",))))
    elsewhere = Experiment(shop.address, shop.data, target(schema="other"))
    with connect(database) as admin:
        admin.execute(
            "CREATE SEQUENCE shop.mine OWNED BY shop.orders.id; "
            "CREATE TABLE public.d (n bigint DEFAULT nextval('shop.mine'))"
        )
        with pytest.raises(DestinationRefused, match=r"column n of table public\.d, which uses"):
            without_orders.start()
        with pytest.raises(DestinationRefused, match=r"sequence shop\.mine .* another schema"):
            elsewhere.start()
        shop.complete()
        admin.execute(
            "DROP TABLE public.d; DROP SEQUENCE shop.mine; "
            "ALTER TABLE shop.lines ADD CONSTRAINT mine FOREIGN KEY (id) REFERENCES shop.orders"
        )
        with pytest.raises(DestinationRefused, match=r"mine on shop\.lines, which refers to"):
            without_orders.start()
        admin.execute(
            "ALTER TABLE shop.lines DROP CONSTRAINT mine; "
            "ALTER TABLE shop.lines ALTER id ADD GENERATED ALWAYS AS IDENTITY; "
            "CREATE TABLE public.d (n bigint DEFAULT nextval('shop.lines_id_seq'))"
        )
        with pytest.raises(DestinationRefused, match=r"uses sequence shop\.lines_id_seq"):
            shop.start()
        admin.execute("DROP TABLE public.d")
        without_orders.complete()
        elsewhere.complete()
        assert all_rows(admin, "SELECT count(*) FROM other.lines") == [(10,)]
