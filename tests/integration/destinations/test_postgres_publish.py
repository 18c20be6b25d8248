"""Finalize and publish: readers see the last complete run or none, and what hangs on it stays."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace

import psycopg
import pytest
from postgres_bed import Connection, Experiment, column, connect, dataset, table, target

from rowmill.destinations import publish_postgres, warehouse
from rowmill.destinations.constraints import steps
from rowmill.destinations.errors import DestinationRefused, DestinationUnavailable, Fenced
from rowmill.destinations.ledger import RunState
from rowmill.destinations.postgres_connection import Cursor, Patience, PostgresAddress
from rowmill.spec.dataset import Dataset

HOSTILE = '"; drop table x; --'


def two_tables(rows: int = 10) -> Dataset:
    return dataset(
        table("orders", rows=rows, extra=("total",)), table("lines", rows=rows, parent="orders")
    )


@pytest.fixture
def shop(address: PostgresAddress) -> Experiment:
    return Experiment(address, two_tables())


def all_rows(connection: Connection, query: str) -> list[tuple[object, ...]]:
    return connection.execute(query).fetchall()


CONSTRAINTS = (
    "SELECT conrelid::regclass::text, contype::text, convalidated FROM pg_constraint c "
    "JOIN pg_namespace n ON n.oid = connamespace WHERE nspname = 'shop' AND contype IN "
    "('p', 'u', 'f') ORDER BY 1, 2"
)
INDEXES = "SELECT count(*) FROM pg_indexes WHERE schemaname = 'shop'"


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


@pytest.mark.parametrize(
    ("constraints", "kinds", "indexes"), [("keys", ["p", "p", "u"], 3), ("none", [], 0)]
)
def test_constraints_can_be_left_out(
    address: PostgresAddress,
    database: dict[str, str],
    constraints: str,
    kinds: list[str],
    indexes: int,
) -> None:
    Experiment(address, two_tables(), target(constraints=constraints)).complete()
    with connect(database) as reader:
        assert sorted(str(row[1]) for row in all_rows(reader, CONSTRAINTS)) == kinds
        assert all_rows(reader, INDEXES) == [(indexes,)]


def test_a_table_of_no_rows_is_published_empty(
    address: PostgresAddress, database: dict[str, str]
) -> None:
    shop = Experiment(address, dataset(table("orders", rows=0), table("lines", rows=1)))
    run = shop.complete()
    assert shop.warehouse.published(run)
    with connect(database) as reader:
        assert all_rows(reader, "SELECT count(*) FROM shop.orders") == [(0,)]


def test_names_of_keys_are_short_distinct_and_the_same_every_time() -> None:
    long = "é" * 30
    data = dataset(
        table(long, extra=("a" * 50, "a" * 49 + "b")), table(long[:-1] + "x", parent=long)
    )
    names = [step.name for step in steps(data, "all")]
    assert len(set(names)) == len(names) == 6
    assert all(len(name.encode()) <= 63 for name in names)
    assert names == [step.name for step in steps(data, "all")]


@pytest.mark.parametrize("broken_after", range(8))
def test_finalize_killed_after_any_step_is_taken_up_again(
    shop: Experiment, database: dict[str, str], broken_after: int
) -> None:
    run = shop.start()
    shop.load(run)
    running = frozenset({RunState.RUNNING})
    shop.ledger.transition(run.id, running, RunState.FINALIZING)
    first = shop.warehouse.finalize(run, shop.data)
    labels = [next(first) for _ in range(broken_after) if broken_after]
    first.close()
    again = list(shop.warehouse.finalize(run, shop.data))
    assert len(again) == 7
    assert again[: len(labels)] == labels[:7]
    shop.warehouse.publish(run, shop.data)
    with connect(database) as reader:
        assert len(all_rows(reader, CONSTRAINTS)) == 4
        assert all_rows(reader, INDEXES) == [(4,)]


def test_a_key_of_the_right_name_but_another_shape_is_made_again(
    shop: Experiment, database: dict[str, str]
) -> None:
    run = shop.start()
    shop.load(run)
    schema = f"rowmill_run_{run.id}"
    by_kind = {(step.kind, step.table): step.name for step in steps(shop.data, "all")}
    with connect(database) as admin:
        for statement in (
            f"CREATE INDEX {by_kind['i', 'orders']} ON {schema}.orders (id)",
            f"ALTER TABLE {schema}.orders ADD CONSTRAINT {by_kind['u', 'orders']} UNIQUE (total)",
            f"ALTER TABLE {schema}.orders ADD UNIQUE (id)",
            f"ALTER TABLE {schema}.lines ADD CONSTRAINT {by_kind['f', 'lines']} "
            f"FOREIGN KEY (parent_id) REFERENCES {schema}.orders (id) NOT VALID",
        ):
            admin.execute(statement)
    shop.finalize(run)
    shop.warehouse.publish(run, shop.data)
    with connect(database) as reader:
        assert ("shop.lines", "f", True) in all_rows(reader, CONSTRAINTS)
        indexed = all_rows(
            reader,
            f"SELECT indexdef FROM pg_indexes WHERE indexname IN ('{by_kind['i', 'orders']}', "
            f"'{by_kind['u', 'orders']}') ORDER BY 1",
        )
        assert [str(row[0]).partition("(")[2] for row in indexed] == ["total)", "id, total)"]


def test_a_row_too_many_or_too_few_stops_finalize(
    shop: Experiment, database: dict[str, str]
) -> None:
    run = shop.start()
    shop.load(run)
    with connect(database) as admin:
        admin.execute(f"DELETE FROM rowmill_run_{run.id}.lines WHERE id = 3")
    with pytest.raises(DestinationRefused, match="holds 9 rows, the plan says 10") as refusal:
        shop.finalize(run)
    assert refusal.value.reason == "RowsDiffer"


def test_an_aborted_finalize_and_publish_change_nothing(
    shop: Experiment, database: dict[str, str]
) -> None:
    run = shop.start()
    shop.load(run)
    running = frozenset({RunState.RUNNING})
    with pytest.raises(Fenced, match="is RUNNING, not FINALIZING"):
        shop.warehouse.publish(run, shop.data)
    shop.ledger.transition(run.id, running, RunState.FINALIZING)
    walk = shop.warehouse.finalize(run, shop.data)
    next(walk)
    finalizing = frozenset({RunState.FINALIZING})
    shop.ledger.transition(run.id, finalizing, RunState.ABORTED)
    with pytest.raises(Fenced, match="is ABORTED"):
        next(walk)
    with pytest.raises(Fenced, match="is ABORTED"):
        shop.warehouse.publish(run, shop.data)
    with connect(database) as reader:
        assert all_rows(reader, "SELECT nspname FROM pg_namespace WHERE nspname = 'shop'") == []


def test_an_abort_during_a_step_of_finalize_undoes_the_step(
    shop: Experiment, database: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    run = shop.start()
    shop.load(run)
    shop.ledger.transition(run.id, frozenset({RunState.RUNNING}), RunState.FINALIZING)

    def perform_then_abort(cursor: Cursor, **arguments: object) -> None:
        real(cursor, **arguments)
        shop.ledger.transition(run.id, frozenset({RunState.FINALIZING}), RunState.ABORTED)

    real = warehouse.perform
    monkeypatch.setattr(warehouse, "perform", perform_then_abort)
    with pytest.raises(Fenced, match="is ABORTED"):
        list(shop.warehouse.finalize(run, shop.data))
    with connect(database) as reader:
        query = (
            "SELECT count(*) FROM pg_constraint WHERE contype IN ('p', 'u', 'f') AND "
            f"connamespace = 'rowmill_run_{run.id}'::regnamespace"
        )
        assert all_rows(reader, query) == [(0,)]


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
        assert shop.ledger.run(run.id).state is RunState.FINALIZING
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
    monkeypatch.setattr(publish_postgres, "_LOCK_SECONDS", 0.1)
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
    monkeypatch.setattr(publish_postgres, "_LOCK_SECONDS", 0.1)
    shop.complete()
    impatient = PostgresAddress(lambda: database, patience=Patience(seconds=0.1))
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
        reader.execute("ROLLBACK")
    again.warehouse.publish(run, again.data)
    assert again.warehouse.published(run)


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
    assert shop.ledger.done_batches(run.id) == {t.name: [(0, 2)] for t in data.tables}
    shop.ledger.collapse(run.id)
    assert shop.ledger.done_batches(run.id) == {t.name: [(0, 2)] for t in data.tables}
    shop.ledger.forget_experiment(shop.owner)
    assert shop.ledger.runs(shop.owner) == []
    with connect(database) as admin:
        assert all_rows(admin, "SELECT count(*) FROM public.x") == [(0,)]
