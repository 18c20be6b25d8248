"""Whose rights and locks count while users' additions are taken over; odd ones among them."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from rowmill.destinations.errors import DestinationRefused, DestinationUnavailable
from rowmill.destinations.patience import Patience
from rowmill.destinations.postgres.additions import staged
from rowmill.destinations.postgres.additions.model import Build
from rowmill.destinations.postgres.connection import Cursor, PostgresAddress
from rowmill.destinations.postgres.tables import tables_in_use
from rowmill.destinations.postgres.warehouse import finalize_steps
from tests.integration.destinations.postgres.env import (
    Experiment,
    all_rows,
    dataset,
    target,
    two_tables,
)
from tests.postgres_login import connect


@pytest.fixture
def shop(address: PostgresAddress) -> Experiment:
    return Experiment(address, two_tables())


def test_default_privileges_open_no_staged_rows(
    shop: Experiment, database: dict[str, str], role: Callable[[str], dict[str, str]]
) -> None:
    reader = role("reader")["PGUSER"]
    with connect(database) as admin:
        admin.execute(f'ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO PUBLIC, "{reader}"')
        admin.execute(f'ALTER DEFAULT PRIVILEGES GRANT USAGE ON SCHEMAS TO PUBLIC, "{reader}"')
        run = shop.start()
        shop.load(run)
        may = f"SELECT has_schema_privilege('{reader}', 'rowmill_run_{run.id}', 'USAGE')"
        assert all_rows(admin, may) == [(False,)]


def test_functions_of_a_tables_owner_run_with_his_rights_and_names(
    shop: Experiment, database: dict[str, str], role: Callable[[str], dict[str, str]]
) -> None:
    shop.complete()
    owner = role("owner")
    with connect(database) as admin:
        name = owner["PGUSER"]
        admin.execute(f'GRANT ALL ON SCHEMA shop, public TO "{name}"')
        admin.execute(f'ALTER TABLE shop.orders OWNER TO "{name}"')
        admin.execute(f'GRANT REFERENCES ON shop.lines TO "{name}"')
        admin.execute("CREATE TABLE public.seen (who text)")
        admin.execute("GRANT ALL ON public.seen TO PUBLIC")
    with connect(owner) as theirs:
        theirs.execute(
            "CREATE FUNCTION public.helper() RETURNS void LANGUAGE sql AS "
            "'INSERT INTO seen VALUES (current_user)'; "
            "CREATE FUNCTION public.fine(bigint) RETURNS boolean LANGUAGE plpgsql IMMUTABLE AS "
            "'BEGIN PERFORM helper(); RETURN true; END'; "
            "ALTER TABLE shop.orders ADD CONSTRAINT spying CHECK (public.fine(total)); "
            "ALTER TABLE shop.orders ADD CONSTRAINT spy CHECK (public.fine(1))"
        )
    with connect(database) as admin:
        for _ in range(2):
            admin.execute("TRUNCATE public.seen")
            shop.complete()
            assert all_rows(admin, "SELECT DISTINCT who FROM public.seen") == [(name,)]
            found = "SELECT count(*) FROM pg_constraint WHERE conname IN ('spy', 'spying')"
            assert all_rows(admin, found) == [(2,)]
        admin.execute("DROP SCHEMA shop CASCADE")


def test_a_loader_without_special_rights_takes_all_of_its_own_over(
    database: dict[str, str], loader: dict[str, str]
) -> None:
    shop = Experiment(PostgresAddress(lambda: loader), two_tables())
    shop.complete()
    with connect(loader) as theirs:
        theirs.execute(
            "ALTER TABLE shop.orders ENABLE ROW LEVEL SECURITY; "
            "CREATE POLICY p ON shop.orders USING (id < 3); "
            "CREATE INDEX mine ON shop.orders ((total + 1)); "
            "ALTER TABLE shop.orders ADD CHECK (total >= 0); "
            "ALTER TABLE shop.lines ADD COLUMN t bigint GENERATED ALWAYS AS (id + 1) STORED; "
            "CREATE STATISTICS shop.s ON id, total FROM shop.orders; "
            "CREATE PUBLICATION theirs FOR TABLE shop.orders"
        )
        shop.complete()
        assert all_rows(theirs, "SELECT polname FROM pg_policy") == [("p",)]
        assert all_rows(theirs, "SELECT count(*) FROM pg_statistic_ext") == [(1,)]
        assert all_rows(theirs, "SELECT count(*) FROM pg_publication_tables") == [(1,)]


def test_writers_of_a_table_that_is_referred_to_wait_for_no_check_of_rows(
    shop: Experiment, database: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    shop.complete()
    with connect(database) as admin, connect(database) as writer:
        admin.execute(
            "CREATE TABLE public.far (id bigint PRIMARY KEY); "
            "INSERT INTO public.far SELECT generate_series(0, 99); "
            "ALTER TABLE shop.lines ADD CONSTRAINT away FOREIGN KEY (id) REFERENCES public.far"
        )
        seen = []

        def finish(cursor: Cursor, schema: str, build: Build) -> None:
            query = (
                "SELECT convalidated, (SELECT count(*) FROM pg_locks WHERE relation = "
                "'public.far'::regclass AND mode = 'ShareRowExclusiveLock') FROM pg_constraint "
                f"WHERE conname = 'away' AND connamespace = '{schema}'::regnamespace"
            )
            seen.append(all_rows(writer, query))
            staged.finish(cursor, schema, build)
            seen.append(all_rows(writer, query))

        monkeypatch.setattr(finalize_steps, "finish", finish)
        run = shop.start()
        shop.load(run)
        shop.finalize(run)
        # Committed before the rows are looked at, and nothing locked while they are.
        assert seen == [[(False, 0)], [(False, 0)]]
        monkeypatch.setattr(tables_in_use, "_LOCK_SECONDS", 0.1)
        impatient = PostgresAddress(lambda: database, patience=Patience(seconds=0.1))
        again = Experiment(impatient, shop.data)
        writer.execute("BEGIN; SELECT FROM public.far")
        with pytest.raises(DestinationUnavailable, match=f"session {writer.info.backend_pid} "):
            again.warehouse.publish(run, again.data)
        writer.execute("ROLLBACK")
        shop.warehouse.publish(run, shop.data)


def test_a_finalize_killed_between_the_two_halves_of_a_reference_does_the_second(
    shop: Experiment, database: dict[str, str]
) -> None:
    shop.complete()
    with connect(database) as admin:
        admin.execute(
            "CREATE TABLE public.far (id bigint PRIMARY KEY); "
            "INSERT INTO public.far SELECT generate_series(0, 99); "
            "ALTER TABLE shop.lines ADD CONSTRAINT away FOREIGN KEY (id) REFERENCES public.far"
        )
        for broken_after in (7, 8):
            run = shop.start()
            shop.load(run)
            shop.finalize_until(run, broken_after, connections=1)
            shop.finalize(run)
            shop.warehouse.publish(run, shop.data)
            valid = "SELECT convalidated FROM pg_constraint WHERE conname = 'away'"
            assert all_rows(admin, valid) == [(True,)]


def test_statistics_of_one_name_in_two_schemas_stay_where_they_were(
    shop: Experiment, database: dict[str, str]
) -> None:
    shop.complete()
    where = (
        "SELECT stxnamespace::regnamespace::text, stxname, stxrelid::regclass::text, "
        "obj_description(oid, 'pg_statistic_ext') FROM pg_statistic_ext ORDER BY 1, 2"
    )
    with connect(database) as admin:
        admin.execute(
            'CREATE SCHEMA "s t"; CREATE TABLE shop.other (a int, b int); '
            "CREATE STATISTICS shop.both ON a, b FROM shop.other; "
            'CREATE STATISTICS "s t".both ON id, total FROM shop.orders; '
            "CREATE STATISTICS public.both ON id, total FROM shop.orders; "
            "COMMENT ON STATISTICS \"s t\".both IS 'x'"
        )
        before = all_rows(admin, where)
        shop.complete()
        assert all_rows(admin, where) == before


def test_an_index_of_the_replica_identity_that_is_gone_is_no_obstacle(
    shop: Experiment, database: dict[str, str]
) -> None:
    shop.complete()
    with connect(database) as admin:
        admin.execute(
            "CREATE UNIQUE INDEX u ON shop.orders (total, id); "
            "ALTER TABLE shop.orders REPLICA IDENTITY USING INDEX u; DROP INDEX shop.u"
        )
        shop.complete()
        identity = "SELECT relreplident FROM pg_class WHERE oid = 'shop.orders'::regclass"
        # So Postgres takes it while the index is gone.
        assert all_rows(admin, identity) == [("n",)]


def test_a_default_by_a_sequence_of_a_table_that_goes_is_refused_before_the_load(
    shop: Experiment, database: dict[str, str]
) -> None:
    shop.complete()
    only_orders = Experiment(shop.address, dataset(two_tables().tables[0]))
    with connect(database) as admin:
        admin.execute(
            "CREATE SEQUENCE shop.s OWNED BY shop.lines.id; "
            "ALTER TABLE shop.orders ALTER id SET DEFAULT nextval('shop.s')"
        )
        with pytest.raises(DestinationRefused, match=r"uses sequence shop\.s"):
            only_orders.start()
        shop.complete()


def test_two_tables_whose_place_one_would_take_are_refused_by_name(
    address: PostgresAddress, database: dict[str, str]
) -> None:
    one = Experiment(address, two_tables())
    one.complete()
    theirs = Experiment(address, two_tables(), target(schema="other"), owner="engine/local/other")
    theirs.complete()
    moved = Experiment(address, two_tables(), target(schema="other"))
    with connect(database) as admin:
        admin.execute("CREATE INDEX a ON shop.orders (total); CREATE INDEX b ON other.orders (id)")
        with pytest.raises(DestinationRefused, match=r'"shop"\."orders" and "other"\."orders"'):
            moved.start(adopt=theirs.owner)


def test_without_the_records_of_a_run_what_the_new_table_lacks_is_a_users(
    address: PostgresAddress, database: dict[str, str]
) -> None:
    theirs = Experiment(address, two_tables(), target(ledger="elsewhere"), owner="a/local/theirs")
    theirs.complete()
    heir = Experiment(address, two_tables(), owner="a/local/heir")
    with connect(database) as admin:
        admin.execute("ALTER TABLE shop.orders ADD COLUMN extra text DEFAULT 'x'")
        with pytest.raises(DestinationRefused, match=r"column shop\.orders\.extra"):
            heir.start(adopt=theirs.owner)
        admin.execute("ALTER TABLE shop.orders DROP COLUMN extra")
        heir.complete(adopt=theirs.owner)
        assert all_rows(admin, "SELECT count(*) FROM shop.orders") == [(10,)]
