"""What is not the experiment's own is never dropped; who owns it is said, with what to do."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from psycopg import sql

from rowmill.destinations.errors import DestinationRefused
from rowmill.destinations.patience import Patience
from rowmill.destinations.postgres.connection import PostgresAddress
from rowmill.plan.runs import RunState
from tests.integration.destinations.postgres.env import (
    Connection,
    Experiment,
    count,
    dataset,
    entries,
    refused,
    table,
    target,
)
from tests.integration.destinations.postgres.proxy import LossyProxy
from tests.postgres_login import connect

OTHER = "other/local/shop"


@pytest.fixture
def shop(address: PostgresAddress) -> Experiment:
    return Experiment(address, dataset(table("orders")))


@pytest.fixture
def admin(database: dict[str, str]) -> Connection:
    return connect(database)


def test_a_table_of_nobody_is_refused_and_kept(shop: Experiment, admin: Connection) -> None:
    admin.execute("CREATE SCHEMA shop; CREATE TABLE shop.orders AS SELECT 1 AS theirs")
    refusal = refused(shop)
    assert refusal.reason == "TableExists"
    assert '"shop"."orders" is a table that is not this experiment\'s' in str(refusal)
    assert "ifExists: replace" in str(refusal)
    assert count(admin) == 1


def test_replace_gives_leave_for_a_table_of_nobody(shop: Experiment, admin: Connection) -> None:
    admin.execute("CREATE SCHEMA shop; CREATE TABLE shop.orders AS SELECT 1 AS theirs")
    Experiment(shop.address, shop.data, target(replace=True)).complete()
    assert count(admin) == 10


@pytest.mark.parametrize(
    ("statement", "words"),
    [
        ("CREATE VIEW shop.orders AS SELECT 1 AS x", "is a view"),
        ("CREATE MATERIALIZED VIEW shop.orders AS SELECT 1 AS x", "is a materialised view"),
        ("CREATE SEQUENCE shop.orders", "is a sequence"),
        ("CREATE TYPE shop.orders AS ENUM ('a')", "is a type"),
        ("CREATE TABLE shop.t (x int); CREATE INDEX orders ON shop.t (x)", "is an index"),
    ],
)
def test_what_is_no_table_is_refused_even_with_leave_to_replace(
    shop: Experiment, admin: Connection, statement: str, words: str
) -> None:
    admin.execute(f"CREATE SCHEMA shop; {statement}")
    refusal = refused(Experiment(shop.address, shop.data, target(replace=True)))
    assert refusal.reason == "TableExists"
    assert words in str(refusal)


def test_an_index_that_bears_a_planned_name_is_refused(shop: Experiment, admin: Connection) -> None:
    """A table of ours that was renamed keeps the names of its indexes."""
    shop.complete()
    admin.execute("ALTER TABLE shop.orders RENAME TO kept")
    refusal = refused(shop)
    assert refusal.reason == "NameTaken"
    assert "on shop.kept" in str(refusal)
    assert count(admin, "shop.kept") == 10


@pytest.mark.parametrize("replace", [False, True])
def test_another_owners_table_is_refused_with_the_line_that_takes_it_over(
    shop: Experiment, admin: Connection, replace: bool
) -> None:
    Experiment(shop.address, shop.data, owner=OTHER).complete()
    refusal = refused(Experiment(shop.address, shop.data, target(replace=replace)))
    assert refusal.reason == "TargetInUse"
    assert "another spec.destinations.postgres.schema" in str(refusal)
    assert f"\n--adopt {OTHER}\n" in str(refusal)
    assert f"rowmill.dev/adopt: {OTHER}" in str(refusal)
    assert count(admin) == 10


@pytest.mark.parametrize("adopted", [False, True])
def test_a_claim_that_is_given_back_is_as_it_was(
    shop: Experiment, admin: Connection, monkeypatch: pytest.MonkeyPatch, adopted: bool
) -> None:
    """Also if its COMMIT was done and not answered, so that it was claimed twice."""
    other = Experiment(shop.address, shop.data, owner=OTHER)
    run = other.complete() if adopted else None
    shop.ledger.ensure()
    before = entries(admin)
    session = shop.warehouse._session
    transaction = session.transaction
    monkeypatch.setattr(session, "transaction", lambda work: [transaction(work) for _ in "ab"][1])
    taken = shop.warehouse.check_target(shop.data, OTHER)
    assert [owner for _, owner, _ in entries(admin)] == [shop.owner]
    shop.warehouse.give_back(taken)
    assert entries(admin) == before
    if run is not None:
        assert other.warehouse.published(run)


def test_what_changed_hands_since_a_claim_is_not_given_back(
    shop: Experiment, admin: Connection
) -> None:
    shop.ledger.ensure()
    taken = shop.warehouse.check_target(shop.data)
    run = Experiment(shop.address, shop.data, owner=OTHER).complete(adopt=shop.owner)
    shop.warehouse.give_back(taken)
    assert entries(admin) == [("orders", OTHER, run.id)]


def test_a_table_whose_ledger_is_gone_is_known_by_its_comment(
    shop: Experiment, admin: Connection
) -> None:
    shop.complete()
    admin.execute("DROP SCHEMA rowmill CASCADE")
    refusal = refused(shop)
    assert refusal.reason == "TargetInUse"
    shop.complete(adopt=shop.owner)


def test_two_experiments_that_are_to_publish_the_same_name_meet_at_the_start(
    shop: Experiment,
) -> None:
    other = Experiment(shop.address, shop.data, owner=OTHER)
    theirs = other.start()
    refusal = refused(shop)
    assert refusal.reason == "TargetInUse"
    running = frozenset({RunState.RUNNING})
    other.ledger.runs.transition(theirs.id, running, RunState.FAILED)
    shop.complete()


def test_a_claim_counts_before_there_is_a_run_and_no_longer_than_its_prepare(
    shop: Experiment,
) -> None:
    other = Experiment(shop.address, shop.data, owner=OTHER)
    other.ledger.ensure()
    with other.ledger.locks.preparing(OTHER):
        other.warehouse.check_target(shop.data)
        assert OTHER in str(refused(shop))
        shop.start(adopt=OTHER)
        other.warehouse.check_target(shop.data, shop.owner)
    shop.start()


def test_a_claim_that_was_taken_over_stops_the_publish(shop: Experiment, admin: Connection) -> None:
    run = shop.start()
    shop.load(run)
    shop.finalize(run)
    Experiment(shop.address, shop.data, owner=OTHER).start(adopt=shop.owner)
    with pytest.raises(DestinationRefused, match=OTHER) as refusal:
        shop.warehouse.publish(run, shop.data)
    assert refusal.value.reason == "TargetInUse"


def test_a_table_made_during_the_run_stops_the_publish(shop: Experiment, admin: Connection) -> None:
    run = shop.start()
    shop.load(run)
    shop.finalize(run)
    admin.execute("CREATE SCHEMA shop; CREATE TABLE shop.orders AS SELECT 1 AS theirs")
    with pytest.raises(DestinationRefused) as refusal:
        shop.warehouse.publish(run, shop.data)
    assert refusal.value.reason == "TableExists"
    assert count(admin) == 1


@pytest.mark.parametrize(
    "change",
    [
        "COMMENT ON TABLE shop.orders IS 'the orders'",
        "ALTER TABLE shop.orders RENAME TO kept; CREATE TABLE shop.orders AS SELECT 1 AS theirs",
        "DROP TABLE shop.orders; CREATE TABLE shop.orders AS SELECT 1 AS theirs",
    ],
)
def test_reset_leaves_a_table_that_is_not_ours_in_every_respect(
    shop: Experiment, admin: Connection, change: str
) -> None:
    run = shop.complete()
    admin.execute(change)
    before = count(admin)
    assert not shop.warehouse.published(run)
    assert refused(shop).reason in {"TableExists", "NameTaken"}
    assert shop.warehouse.remove_tables() == []
    assert count(admin) == before


def test_a_changed_comment_is_told_with_the_line_that_sets_it_back(
    shop: Experiment, admin: Connection
) -> None:
    shop.complete()
    admin.execute("COMMENT ON TABLE shop.orders IS 'the orders'")
    line = str(refused(shop)).splitlines()[-1]
    assert line == f'COMMENT ON TABLE "shop"."orders" IS \'{shop.owner}\';'
    admin.execute(line)
    shop.complete()


def test_reset_drops_the_tables_and_the_schema_that_was_made_for_them(
    shop: Experiment, admin: Connection
) -> None:
    shop.complete()
    assert [str(table) for table in shop.warehouse.remove_tables()] == ['"shop"."orders"']
    assert shop.warehouse.remove_tables() == []
    query = "SELECT count(*) FROM pg_namespace WHERE nspname = 'shop'"
    assert admin.execute(query).fetchone() == (0,)


def test_dropped_tables_are_told_also_if_the_answer_was_lost(
    shop: Experiment, database: dict[str, str]
) -> None:
    shop.complete()
    with LossyProxy(database["PGHOST"], int(database["PGPORT"])) as proxy:
        through = {**database, "PGHOST": "127.0.0.1", "PGPORT": str(proxy.port)}
        away = Experiment(PostgresAddress(lambda: through), shop.data)
        assert away.warehouse.strayed_tables() == []
        proxy.lose_answer_to(b"COMMIT")
        assert [str(table) for table in away.warehouse.remove_tables()] == ['"shop"."orders"']


@pytest.mark.parametrize(
    "statement", ["CREATE TABLE shop.theirs (x int)", "COMMENT ON SCHEMA shop IS 'theirs'"]
)
def test_reset_keeps_a_schema_that_others_use(
    shop: Experiment, admin: Connection, statement: str
) -> None:
    shop.complete()
    admin.execute(statement)
    shop.warehouse.remove_tables()
    query = "SELECT count(*) FROM pg_namespace WHERE nspname = 'shop'"
    assert admin.execute(query).fetchone() == (1,)


def test_reset_refuses_to_take_a_view_along(shop: Experiment, admin: Connection) -> None:
    shop.complete()
    admin.execute("CREATE VIEW public.v AS SELECT id FROM shop.orders")
    with pytest.raises(DestinationRefused, match=r'view "public"\."v"'):
        shop.warehouse.remove_tables()
    assert count(admin, "public.v") == 10


def test_a_staging_schema_is_dropped_only_if_it_is_a_runs(
    shop: Experiment, admin: Connection
) -> None:
    run = shop.start()
    admin.execute("CREATE SCHEMA rowmill_run_theirs")
    shop.warehouse.drop_staging(run.id)
    shop.warehouse.drop_staging(run.id)
    shop.warehouse.drop_staging("theirs")
    query = "SELECT nspname FROM pg_namespace WHERE nspname ~ '^rowmill_run'"
    assert admin.execute(query).fetchall() == [("rowmill_run_theirs",)]


def test_missing_rights_are_answered_with_the_grants_that_suffice(
    shop: Experiment,
    admin: Connection,
    role: Callable[[str], dict[str, str]],
) -> None:
    """Run what the refusals say, one after another, until a run goes through."""
    environment = role("load er")
    admin.execute("CREATE SCHEMA shop; CREATE SCHEMA rowmill")
    address = PostgresAddress(lambda: environment, patience=Patience(seconds=5))
    weak = Experiment(address, shop.data)
    asked: list[str] = []
    for _ in range(3):
        refusal = refused(weak)
        assert refusal.reason == "PermissionDenied"
        assert environment["PGPASSWORD"] not in str(refusal)
        grants = [line for line in str(refusal).splitlines() if line.startswith("GRANT")]
        asked += grants
        for grant in grants:
            admin.execute(grant)
        if len(asked) == 3:
            break
    weak.complete()
    quoted = sql.Identifier(environment["PGUSER"]).as_string()
    assert asked == [
        f"GRANT USAGE, CREATE ON SCHEMA rowmill TO {quoted};",
        f"GRANT CREATE ON DATABASE {environment['PGDATABASE']} TO {quoted};",
        f"GRANT USAGE, CREATE ON SCHEMA shop TO {quoted};",
    ]
    assert count(admin) == 10


def test_a_role_that_shares_anothers_ledger_is_told_the_grants(
    shop: Experiment, admin: Connection, role: Callable[[str], dict[str, str]]
) -> None:
    shop.complete()
    environment = role("second")
    second = Experiment(
        PostgresAddress(lambda: environment), shop.data, target(schema="second"), owner=OTHER
    )
    with pytest.raises(DestinationRefused) as refusal:
        second.ledger.ensure()
    grants = [line for line in str(refusal.value).splitlines() if line.startswith("GRANT")]
    assert [grant.partition(" TO ")[0] for grant in grants] == [
        "GRANT USAGE ON SCHEMA rowmill",
        "GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA rowmill",
    ]
    for grant in grants:
        admin.execute(grant)
    admin.execute(
        sql.SQL("GRANT CREATE ON DATABASE {} TO {}").format(
            sql.Identifier(environment["PGDATABASE"]), sql.Identifier(environment["PGUSER"])
        )
    )
    second.complete()


def test_a_table_of_another_role_is_refused_before_the_load(
    shop: Experiment, admin: Connection, role: Callable[[str], dict[str, str]]
) -> None:
    environment = role("loader")
    name = sql.Identifier(environment["PGUSER"])
    admin.execute("CREATE SCHEMA shop; CREATE TABLE shop.orders AS SELECT 1 AS theirs")
    database = sql.Identifier(environment["PGDATABASE"])
    admin.execute(sql.SQL("GRANT CREATE ON DATABASE {} TO {}").format(database, name))
    admin.execute(sql.SQL("GRANT ALL ON SCHEMA shop TO {}").format(name))
    weak = Experiment(PostgresAddress(lambda: environment), shop.data, target(replace=True))
    refusal = refused(weak)
    assert refusal.reason == "PermissionDenied"
    assert 'ALTER TABLE "shop"."orders" OWNER TO' in str(refusal)


def test_a_database_that_cannot_hold_all_text_is_refused(
    shop: Experiment, database: dict[str, str], admin: Connection
) -> None:
    name = database["PGDATABASE"] + "_latin1"
    made = sql.Identifier(name)
    admin.execute(
        sql.SQL(
            "CREATE DATABASE {} ENCODING 'LATIN1' LOCALE 'C' LOCALE_PROVIDER libc "
            "TEMPLATE template0"
        ).format(made)
    )
    try:
        latin = {**database, "PGDATABASE": name}
        refusal = refused(Experiment(PostgresAddress(lambda: latin), shop.data))
        assert refusal.reason == "EncodingUnfit"
    finally:
        admin.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(made))


def test_the_owner_of_data_is_found_by_its_tables(shop: Experiment) -> None:
    reader = Experiment(shop.address, shop.data, owner="reader/local/shop")
    shop.ledger.ensure()
    assert reader.warehouse.data_owner() is None
    shop.complete()
    assert reader.warehouse.data_owner() == shop.owner
    Experiment(shop.address, dataset(table("others")), owner=OTHER).complete()
    assert reader.warehouse.data_owner() is None
