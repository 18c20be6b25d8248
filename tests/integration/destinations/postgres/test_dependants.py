"""What hangs on published tables is made again at the next publish, or refused by name."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from rowmill.destinations.errors import DestinationRefused
from rowmill.destinations.postgres.connection import PostgresAddress
from rowmill.plan.runs import RunState
from tests.integration.destinations.postgres.env import (
    Experiment,
    all_rows,
    column,
    dataset,
    table,
    two_tables,
)
from tests.postgres_login import connect


@pytest.fixture
def shop(address: PostgresAddress) -> Experiment:
    return Experiment(address, two_tables())


def test_views_on_the_old_tables_are_made_again_as_they_were(
    shop: Experiment, database: dict[str, str], role: Callable[[str], dict[str, str]]
) -> None:
    shop.complete()
    reader = role("reader")["PGUSER"]
    with connect(database) as admin:
        for statement in (
            'CREATE SCHEMA "re""port"',
            'CREATE VIEW "re""port"."v{1}" WITH (security_barrier) AS '
            "SELECT o.id AS \"i%d\", count(*) AS n, '{}%s'::text AS t FROM shop.orders o "
            "JOIN shop.lines l ON l.parent_id = o.id GROUP BY o.id",
            'CREATE VIEW public."over" AS SELECT "i%d" FROM "re""port"."v{1}" WHERE n > 0',
            "CREATE VIEW public.whole AS SELECT o FROM shop.orders o",
            "COMMENT ON VIEW public.\"over\" IS 'it''s a view'",
            'COMMENT ON COLUMN public."over"."i%d" IS \'a column\'',
            f'GRANT SELECT ON public."over" TO "{reader}" WITH GRANT OPTION',
            f'GRANT SELECT ("i%d") ON "re""port"."v{{1}}" TO "{reader}"',
            f'GRANT SELECT, INSERT ON shop.orders TO "{reader}"',
            f'GRANT UPDATE (total) ON shop.orders TO "{reader}"',
            "GRANT SELECT ON shop.lines TO PUBLIC",
            f'ALTER VIEW public.whole OWNER TO "{reader}"',
        ):
            admin.execute(statement)
        query = (
            "SELECT c.oid::regclass::text, relkind::text, relacl::text, reloptions, "
            "pg_get_userbyid(relowner), obj_description(c.oid), pg_get_viewdef(c.oid), "
            "(SELECT array_agg((attname, attacl, col_description(attrelid, attnum))::text "
            "ORDER BY attnum) FROM pg_attribute WHERE attrelid = c.oid AND attnum > 0) "
            "FROM pg_class c WHERE relkind IN ('v', 'r') "
            "AND relnamespace NOT IN ('pg_catalog'::regnamespace, 'rowmill'::regnamespace, "
            "'information_schema'::regnamespace) ORDER BY 1"
        )
        before = all_rows(admin, query)
        oids = all_rows(admin, "SELECT 'public.over'::regclass::oid")
        shop.complete()
        assert all_rows(admin, query) == before
        assert len(before) == 5
        assert all_rows(admin, "SELECT 'public.over'::regclass::oid") != oids
        assert all_rows(admin, 'SELECT count(*) FROM public."over"') == [(10,)]


def test_default_privileges_of_the_schema_reach_the_first_tables(
    shop: Experiment, database: dict[str, str], role: Callable[[str], dict[str, str]]
) -> None:
    reader = role("reader")
    with connect(database) as admin:
        admin.execute("CREATE SCHEMA shop")
        admin.execute(
            "ALTER DEFAULT PRIVILEGES IN SCHEMA shop GRANT SELECT ON TABLES TO "
            f'"{reader["PGUSER"]}"'
        )
        admin.execute(f'GRANT USAGE ON SCHEMA shop TO "{reader["PGUSER"]}"')
    shop.complete()
    with connect(reader) as connection:
        assert all_rows(connection, "SELECT count(*) FROM shop.orders") == [(10,)]


UNMAKEABLE = {
    "materialised view": "CREATE MATERIALIZED VIEW public.d AS SELECT id FROM shop.orders",
    "materialised view over a view": "CREATE VIEW public.v AS SELECT id FROM shop.orders; "
    "CREATE MATERIALIZED VIEW public.d AS SELECT id FROM public.v",
    "outside foreign key": "CREATE TABLE public.d (id bigint REFERENCES shop.orders (id))",
    "function with a body": "CREATE FUNCTION public.d() RETURNS bigint "
    "BEGIN ATOMIC SELECT count(*) FROM shop.orders; END",
    "function on the row type": "CREATE FUNCTION public.d(o shop.orders) RETURNS bigint "
    "LANGUAGE sql AS 'SELECT 1::bigint'",
    "column of the row type": "CREATE TABLE public.d (o shop.orders)",
    "column of an array of the row type": "CREATE TABLE public.d (o shop.orders[])",
    "inheriting table": "CREATE TABLE public.d () INHERITS (shop.orders)",
    "view with a trigger": "CREATE VIEW public.d AS SELECT id FROM shop.orders; "
    "CREATE FUNCTION public.f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'; "
    "CREATE TRIGGER t INSTEAD OF INSERT ON public.d FOR EACH ROW EXECUTE FUNCTION public.f()",
    "view with a default": "CREATE VIEW public.d AS SELECT id FROM shop.orders; "
    "ALTER VIEW public.d ALTER id SET DEFAULT 1",
    "view with a rule": "CREATE VIEW public.d AS SELECT id FROM shop.orders; "
    "CREATE RULE r AS ON INSERT TO public.d DO INSTEAD NOTHING",
    "view with a security label": "CREATE VIEW public.d AS SELECT id FROM shop.orders; "
    "SET allow_system_table_mods = on; INSERT INTO pg_seclabel SELECT 'public.d'::regclass, "
    "'pg_class'::regclass, 1, 'dummy', 'secret'",
    "rule of another table": "CREATE TABLE public.d (id bigint); CREATE RULE r AS ON INSERT "
    "TO public.d DO ALSO DELETE FROM shop.orders",
    "policy of another table": "CREATE TABLE public.d (id bigint); CREATE POLICY p ON public.d "
    "USING (id IN (SELECT id FROM shop.orders))",
}


@pytest.mark.parametrize("dependant", UNMAKEABLE)
def test_dependants_that_cannot_be_made_again_are_refused_by_name(
    shop: Experiment, database: dict[str, str], dependant: str
) -> None:
    shop.complete()
    with connect(database) as admin:
        admin.execute(UNMAKEABLE[dependant])
        with pytest.raises(DestinationRefused, match="public") as early:
            shop.start()
        assert early.value.reason == "DependantsInTheWay"
        with pytest.raises(DestinationRefused) as refusal:
            shop.warehouse.remove_tables()
        assert refusal.value.reason == "DependantsInTheWay"
        assert all_rows(admin, "SELECT count(*) FROM shop.orders") == [(10,)]


def test_a_dependant_that_came_during_the_run_stops_the_publish_and_can_be_mended(
    shop: Experiment, database: dict[str, str]
) -> None:
    shop.complete()
    run = shop.start()
    shop.load(run)
    shop.finalize(run)
    with connect(database) as admin:
        admin.execute("CREATE MATERIALIZED VIEW public.late AS SELECT id FROM shop.orders")
        with pytest.raises(DestinationRefused, match=r"public\.late"):
            shop.warehouse.publish(run, shop.data)
        left = shop.ledger.runs.find(run.id)
        assert left is not None
        assert left.state is RunState.FINALIZING
        admin.execute("DROP MATERIALIZED VIEW public.late")
    shop.warehouse.publish(run, shop.data)
    assert shop.warehouse.published(run)


def test_a_view_that_the_new_tables_will_not_fit_is_refused_before_the_load(
    shop: Experiment, database: dict[str, str]
) -> None:
    shop.complete()
    with connect(database) as admin:
        admin.execute("CREATE VIEW public.v AS SELECT total FROM shop.orders")
    without = Experiment(shop.address, dataset(table("orders"), table("lines", parent="orders")))
    with pytest.raises(DestinationRefused, match=r'"public"\."v" reads orders\."total"'):
        without.start()
    gone = Experiment(shop.address, dataset(table("lines")))
    with pytest.raises(DestinationRefused, match=r'reads "shop"\."orders", which goes away'):
        gone.start()


def test_a_view_that_does_not_fit_a_changed_type_stops_the_publish_and_stays(
    shop: Experiment, database: dict[str, str]
) -> None:
    shop.complete()
    orders = shop.data.table("orders")
    changed = replace(
        orders,
        columns=tuple(
            column("total", "boolean", nullable=True) if each.name == "total" else each
            for each in orders.columns
        ),
        rows=0,
    )
    with connect(database) as admin:
        admin.execute("CREATE VIEW public.v AS SELECT sum(total) FROM shop.orders")
        with pytest.raises(DestinationRefused, match="does not fit the new tables") as refusal:
            Experiment(shop.address, dataset(changed)).complete()
        assert refusal.value.reason == "DependantsInTheWay"
        assert all_rows(admin, "SELECT * FROM public.v") == [(45,)]
