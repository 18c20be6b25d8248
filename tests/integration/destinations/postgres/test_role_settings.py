"""What a role sets for its sessions neither ends our work nor changes what it means."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest
from psycopg import sql

from rowmill.destinations.postgres.connection import Cursor, PostgresAddress
from rowmill.destinations.postgres.read.published_tables import PostgresReader
from rowmill.destinations.postgres.session import PostgresSession
from rowmill.destinations.postgres.session_settings import DURABLE, NEUTRAL, SESSION
from tests.integration.destinations.postgres.env import (
    Connection,
    Experiment,
    all_rows,
    count,
    dataset,
    table,
)
from tests.integration.destinations.postgres.proxy import LossyProxy
from tests.integration.destinations.postgres.settings_left import LEFT
from tests.postgres_login import connect

# Whatever a role can do to itself; each ends work by the clock, or changes a meaning.
HOSTILE = {
    "array_nulls": "off",
    "bytea_output": "escape",
    "client_min_messages": "debug1",
    "datestyle": "SQL, DMY",
    "default_transaction_deferrable": "on",
    "default_transaction_isolation": "serializable",
    "default_transaction_read_only": "on",
    "enable_tidscan": "off",
    "exit_on_error": "on",
    "extra_float_digits": "-15",
    "idle_in_transaction_session_timeout": "100ms",
    "idle_session_timeout": "100ms",
    "intervalstyle": "sql_standard",
    "lock_timeout": "1ms",
    "quote_all_identifiers": "on",
    "row_security": "on",
    "search_path": "nowhere",
    "standard_conforming_strings": "off",
    "statement_timeout": "100ms",
    "synchronous_commit": "off",
    "timezone": "Asia/Kathmandu",
    "transaction_timeout": "100ms",
    "transform_null_equals": "on",
    "vacuum_cost_delay": "100ms",
    "vacuum_cost_limit": "1",
    "xmloption": "document",
}


SANE = (
    "total::float8 <> '0.12345678901234568'::float8 AND total <> ALL ('{1000,NULL}'::bigint[]) "
    "AND interval '-1 day 2 hours' < interval '1 day'"
)


@pytest.fixture
def hostile(loader: dict[str, str]) -> PostgresAddress:
    """The address of a loader with all such settings of its own."""
    with connect(loader) as connection:
        role = sql.Identifier(loader["PGUSER"])
        for name, value in HOSTILE.items():
            connection.execute(
                sql.SQL("ALTER ROLE {} SET {} = {}").format(
                    role, sql.Identifier(name), sql.Literal(value)
                )
            )
    return PostgresAddress(lambda: loader)


def settings_within(session: PostgresSession) -> dict[str, str]:
    """All settings as a transaction of ours finds them."""

    def read(cursor: Cursor) -> dict[str, str]:
        rows = cursor.execute("SELECT name, setting FROM pg_settings").fetchall()
        return {str(name).lower(): str(value) for name, value in rows}

    return session.transaction(read)


def test_of_every_setting_of_the_server_it_is_decided_whether_we_undo_it(
    database: dict[str, str],
) -> None:
    with connect(database) as connection:
        rows = connection.execute(
            "SELECT lower(name) FROM pg_settings "
            "WHERE context IN ('user', 'superuser', 'backend', 'superuser-backend')"
        ).fetchall()
    left = " ".join(names for _, names in LEFT).split()
    decided = [*NEUTRAL, *SESSION, DURABLE, *left]
    assert sorted(decided) == sorted(set(decided))
    assert {str(name) for (name,) in rows} - set(decided) == set()


def test_a_transaction_is_the_same_whatever_its_role_sets(
    hostile: PostgresAddress, address: PostgresAddress
) -> None:
    with PostgresSession(hostile) as bad, PostgresSession(address) as plain:
        found, wanted = settings_within(bad), settings_within(plain)
    differing = {name for name in HOSTILE if found[name] != wanted[name]}
    assert differing == {
        # BEGIN says what holds instead.
        "default_transaction_isolation",
        "default_transaction_read_only",
        "vacuum_cost_limit",
        "synchronous_commit",
    }
    assert found["synchronous_commit"] == "local"
    assert (found["transaction_isolation"], found["transaction_read_only"]) == (
        "read committed",
        "off",
    )


def test_no_limit_of_time_ends_our_work_or_begins_it_again(hostile: PostgresAddress) -> None:
    """An index takes longer than its role allows, and a worker that generates leaves it idle."""
    with PostgresSession(hostile) as session:
        for _ in range(2):
            session.transaction(lambda cursor: cursor.execute("SELECT pg_sleep(0.25)"))
            time.sleep(0.25)
        session.transaction(lambda cursor: cursor.execute("SELECT"))
        assert session.retries == 0


def test_users_definitions_are_made_again_as_they_were(
    hostile: PostgresAddress, database: dict[str, str]
) -> None:
    shop = Experiment(hostile, dataset(table("orders", extra=("total",))))
    shop.complete()
    with connect(database) as admin:
        admin.execute(f"ALTER TABLE shop.orders ADD CONSTRAINT sane CHECK ({SANE})")
        before = definition(admin)
        shop.complete()
        assert definition(admin) == before
        assert count(admin) == 10


def test_a_snapshot_is_read_for_as_long_as_it_takes(
    hostile: PostgresAddress, database: dict[str, str]
) -> None:
    data = dataset(table("orders"))
    Experiment(hostile, data).complete()
    with PostgresReader(hostile, "shop", ["orders"], "tests") as reader:
        # Longer than the role's every limit.
        time.sleep(0.25)
        orders = data.table("orders")
        assert reader.inspect(orders) == []
        found = [rows.count for rows in reader.rows(orders, 0)]
        time.sleep(0.25)
        assert [rows.count for rows in reader.rows(orders, 0)] == found
        assert sum(found) == 10


@pytest.mark.parametrize("late", [b"FROM pg_catalog.pg_type", b"SET TRANSACTION SNAPSHOT"])
def test_a_reader_on_a_slow_machine_is_not_cut_before_its_settings_hold(
    hostile: PostgresAddress, loader: dict[str, str], late: bytes
) -> None:
    """The driver's first statements come later than the role's every limit."""
    data = dataset(table("orders"))
    Experiment(hostile, data).complete()
    with LossyProxy(loader["PGHOST"], int(loader["PGPORT"])) as proxy:
        slow = PostgresAddress(lambda: {**loader, "PGPORT": str(proxy.port)})
        proxy.hold_back(late, seconds=0.3)
        with PostgresReader(slow, "shop", ["orders"], "tests") as reader:
            assert sum(rows.count for rows in reader.rows(data.table("orders"), 0)) == 10


def test_behind_a_pooler_a_login_asks_for_no_limits_of_time(
    hostile: PostgresAddress, loader: dict[str, str]
) -> None:
    """It would be refused, and poolers keep their sessions alive themselves."""
    data = dataset(table("orders"))
    Experiment(hostile, data).complete()
    host, port = loader["PGHOST"], int(loader["PGPORT"])
    with LossyProxy(host, port, own_process_id=True) as proxy:
        pooled = PostgresAddress(lambda: {**loader, "PGPORT": str(proxy.port)})
        with PostgresReader(pooled, "shop", ["orders"], "tests") as reader:
            assert sum(rows.count for rows in reader.rows(data.table("orders"), 0)) == 10
    drivers = [login for login in proxy.logins if b"quote_all_identifiers" in login]
    assert drivers != []
    assert [login for login in drivers if b"_timeout=" in login] == []


def definition(admin: Connection) -> list[tuple[object, ...]]:
    query = "SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conname = 'sane'"
    return all_rows(admin, query)


def test_a_login_that_acts_as_another_role_stays_that_role(
    loader: dict[str, str], role: Callable[[str], dict[str, str]], database: dict[str, str]
) -> None:
    """What users put on a table is made as the table's owner; then it is the team's turn again."""
    team, owner = role("team")["PGUSER"], role("owner")["PGUSER"]
    names = {"loader": sql.Identifier(loader["PGUSER"]), "db": sql.Identifier(loader["PGDATABASE"])}
    names |= {"team": sql.Identifier(team), "owner": sql.Identifier(owner)}
    grants = (
        "GRANT CREATE ON DATABASE {db} TO {team}",
        "ALTER ROLE {loader} NOINHERIT",
        "GRANT {team}, {owner} TO {loader}",
        "GRANT {owner} TO {team}",
        "ALTER ROLE {loader} SET role = {team}",
    )
    shop = Experiment(PostgresAddress(lambda: loader), dataset(table("orders", extra=("total",))))
    with connect(database) as admin:
        for grant in grants:
            admin.execute(sql.SQL(grant).format(**names))
        shop.complete()
        admin.execute(f"ALTER TABLE shop.orders ADD CONSTRAINT sane CHECK ({SANE})")
        for grant in (
            "GRANT USAGE, CREATE ON SCHEMA shop TO {owner}",
            "ALTER TABLE shop.orders OWNER TO {owner}",
        ):
            admin.execute(sql.SQL(grant).format(**names))
        try:
            shop.complete()
            assert len(definition(admin)) == 1
        finally:
            admin.execute("DROP SCHEMA shop CASCADE")
