"""A ledger in Postgres is taken to a newer layout, beside all who are at work on it."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from rowmill.destinations.errors import DestinationRefused
from rowmill.destinations.ledger_layout import STEPS, Layout, Step, newest
from rowmill.destinations.patience import Patience
from rowmill.destinations.postgres.connection import PostgresAddress
from rowmill.destinations.postgres.ledger.migration import stored_layout
from rowmill.destinations.postgres.ledger.tables import ensure_tables, tables_found
from rowmill.destinations.postgres.session import PostgresSession
from rowmill.plan.runs import RunState
from tests.integration.destinations.postgres.env import (
    Connection,
    Experiment,
    all_rows,
    batches,
    dataset,
    table,
)
from tests.postgres_login import connect

# As if these steps came after those that there are.
NOW = newest(STEPS)
MORE = Step(NOW + 1, "ALTER TABLE {0}.runs ADD COLUMN IF NOT EXISTS more text;")
YET_MORE = Step(NOW + 2, "CREATE TABLE IF NOT EXISTS {0}.yet_more (id integer);")


@pytest.fixture
def shop(address: PostgresAddress) -> Experiment:
    return Experiment(address, dataset(table("orders", rows=23)))


def layout(address: PostgresAddress) -> Layout | None:
    with PostgresSession(address) as session:
        return session.transaction(lambda cursor: stored_layout(cursor, "rowmill"))


def migrated(address: PostgresAddress, *steps: Step) -> list[str]:
    with PostgresSession(address) as session:
        return list(ensure_tables(session, "rowmill", [*STEPS, *steps]))


def allow(database: dict[str, str], role: dict[str, str]) -> None:
    """Grant what a role needs to use the ledger's tables."""
    name = role["PGUSER"]
    with connect(database) as admin:
        admin.execute(
            f'GRANT USAGE ON SCHEMA rowmill TO "{name}"; '
            f'GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA rowmill TO "{name}"'
        )


def ledger_of_a_role(database: dict[str, str], role: dict[str, str]) -> dict[str, str]:
    """Make the ledger's tables as a role, in a schema that is another's."""
    with connect(database) as admin:
        admin.execute(
            f'CREATE SCHEMA rowmill; GRANT USAGE, CREATE ON SCHEMA rowmill TO "{role["PGUSER"]}"'
        )
    migrated(PostgresAddress(lambda: role))
    return role


def run_grants(database: dict[str, str], told: str) -> None:
    """Run the GRANTs of a message as an administrator."""
    with connect(database) as admin:
        for line in told.splitlines():
            if line.startswith("GRANT"):
                admin.execute(line.encode())


def grants(admin: Connection, name: str) -> list[tuple[object, ...]]:
    """Who may do what with a table of the ledger, and pass it on."""
    return all_rows(
        admin,
        "SELECT grantee, privilege_type, is_grantable FROM pg_class, aclexplode(relacl) "
        f"WHERE pg_class.oid = 'rowmill.{name}'::regclass ORDER BY 1, 2",
    )


def test_a_new_ledger_and_an_old_one_come_to_the_same(address: PostgresAddress) -> None:
    assert migrated(address) == []
    assert layout(address) == Layout(step=NOW, oldest_writer=1)
    assert migrated(address, MORE, YET_MORE) == []
    assert layout(address) == Layout(step=NOW + 2, oldest_writer=1)


def test_a_run_goes_on_over_a_step_that_its_client_does_not_know(shop: Experiment) -> None:
    """The client is today's, without the step; what an older one does is in integration/older."""
    run = shop.start()
    loader, (first, *others) = shop.loader(run), batches(run)
    loader.load(first, shop.encoded(first))
    migrated(shop.address, MORE)
    for batch in others:
        loader.load(batch, shop.encoded(batch))
    shop.ledger.ensure()
    shop.finalize(run)
    shop.warehouse.publish(run, shop.data)
    publishing = frozenset({RunState.PUBLISHING})
    assert shop.ledger.runs.transition(run.id, publishing, RunState.COMPLETED)
    again = shop.start()
    assert shop.ledger.runs.find(again.id) == again


def test_of_many_that_migrate_at_once_one_does_each_step(address: PostgresAddress) -> None:
    migrated(address)
    with ThreadPoolExecutor(6) as pool:
        assert list(pool.map(lambda _: migrated(address, MORE, YET_MORE), range(6))) == [[]] * 6
    assert layout(address) == Layout(step=NOW + 2)


def test_a_migration_that_was_cut_goes_on_with_the_step_that_is_not_done(
    address: PostgresAddress, database: dict[str, str]
) -> None:
    broken = replace(YET_MORE, statements=f"{YET_MORE.statements} SELECT 1 / 0;")
    with pytest.raises(DestinationRefused):
        migrated(address, MORE, broken)
    assert layout(address) == Layout(step=NOW + 1)
    with connect(database) as admin:
        assert admin.execute("SELECT to_regclass('rowmill.yet_more')").fetchone() == (None,)
    migrated(address, MORE, YET_MORE)
    assert layout(address) == Layout(step=NOW + 2)


def test_a_role_that_may_not_change_the_ledger_tells_the_owner_how_and_goes_on(
    shop: Experiment, database: dict[str, str], role: Callable[[str], dict[str, str]]
) -> None:
    shop.ledger.ensure()
    loader = role("loader")
    allow(database, loader)
    theirs = PostgresAddress(lambda: loader)
    [told] = migrated(theirs, MORE, YET_MORE)
    assert f"only the role {database['PGUSER']} may change" in told
    assert layout(theirs) == Layout(step=NOW)
    script = told[told.index("BEGIN;") :]
    with connect(database) as admin:
        admin.execute(script)
    assert layout(theirs) == Layout(step=NOW + 2)
    assert migrated(theirs, MORE, YET_MORE) == []


def test_statements_that_an_owner_runs_once_more_turn_no_number_back(
    shop: Experiment, database: dict[str, str], role: Callable[[str], dict[str, str]]
) -> None:
    shop.ledger.ensure()
    loader = role("loader")
    allow(database, loader)
    [told] = migrated(PostgresAddress(lambda: loader), MORE)
    shutting = replace(YET_MORE, oldest_writer=NOW + 1)
    migrated(shop.address, MORE, shutting)
    with connect(database) as admin:
        admin.execute(told[told.index("BEGIN;") :])
    assert layout(shop.address) == Layout(step=NOW + 2, oldest_writer=NOW + 1)


def test_a_table_that_a_step_makes_is_granted_as_runs_is(
    shop: Experiment, database: dict[str, str], role: Callable[[str], dict[str, str]]
) -> None:
    shop.ledger.ensure()
    loader, reader = role("loader"), role("reader")
    allow(database, loader)
    with connect(database) as admin:
        admin.execute(
            f"GRANT SELECT ON rowmill.runs TO PUBLIC; "
            f'GRANT SELECT ON rowmill.runs TO "{reader["PGUSER"]}" WITH GRANT OPTION'
        )
    migrated(shop.address, MORE, YET_MORE)
    assert migrated(PostgresAddress(lambda: loader), MORE, YET_MORE) == []
    with connect(loader) as theirs:
        theirs.execute("INSERT INTO rowmill.yet_more VALUES (1)")
    with connect(database) as admin:
        assert grants(admin, "yet_more") == grants(admin, "runs")


def test_a_table_that_another_role_makes_is_granted_to_the_owner_of_runs(
    database: dict[str, str], role: Callable[[str], dict[str, str]]
) -> None:
    owner = ledger_of_a_role(database, role("owner"))
    migrated(PostgresAddress(lambda: database), YET_MORE)
    assert migrated(PostgresAddress(lambda: owner), YET_MORE) == []
    with connect(owner) as theirs:
        theirs.execute("INSERT INTO rowmill.yet_more VALUES (1)")


def test_a_role_that_may_not_use_a_steps_table_is_told_the_grants(
    shop: Experiment, database: dict[str, str], role: Callable[[str], dict[str, str]]
) -> None:
    migrated(shop.address, MORE, YET_MORE)
    loader = role("loader")
    allow(database, loader)
    with connect(database) as admin:
        admin.execute(f'REVOKE ALL ON rowmill.yet_more FROM "{loader["PGUSER"]}"')
    theirs = PostgresAddress(lambda: loader)
    assert migrated(theirs, MORE) == [], "who does not know the table needs it not"
    with pytest.raises(DestinationRefused) as refusal:
        migrated(theirs, MORE, YET_MORE)
    assert refusal.value.reason == "PermissionDenied"
    run_grants(database, str(refusal.value))
    assert migrated(theirs, MORE, YET_MORE) == []


def test_an_owner_that_may_not_make_tables_is_told_the_grant_and_goes_on(
    database: dict[str, str], role: Callable[[str], dict[str, str]]
) -> None:
    owner = ledger_of_a_role(database, role("owner"))
    with connect(database) as admin:
        admin.execute(f'REVOKE CREATE ON SCHEMA rowmill FROM "{owner["PGUSER"]}"')
    theirs = PostgresAddress(lambda: owner)
    [told] = migrated(theirs, MORE, YET_MORE)
    assert layout(theirs) == Layout(step=NOW + 1)
    assert "which only" not in told
    run_grants(database, told)
    assert migrated(theirs, MORE, YET_MORE) == []
    assert layout(theirs) == Layout(step=NOW + 2)


def test_who_does_not_own_the_tables_is_told_what_their_owner_lacks_as_well(
    database: dict[str, str], role: Callable[[str], dict[str, str]]
) -> None:
    owner, loader = ledger_of_a_role(database, role("owner")), role("loader")
    allow(database, loader)
    with connect(database) as admin:
        admin.execute(f'REVOKE CREATE ON SCHEMA rowmill FROM "{owner["PGUSER"]}"')
    theirs = PostgresAddress(lambda: loader)
    [told] = migrated(theirs, MORE, YET_MORE)
    assert f"only the role {owner['PGUSER']} may change" in told
    run_grants(database, told)
    with connect(owner) as admin:
        admin.execute(told[told.index("BEGIN;") :])
    assert migrated(theirs, MORE, YET_MORE) == []
    assert layout(theirs) == Layout(step=NOW + 2)


def test_a_migration_keeps_nobody_waiting_behind_a_long_batch(
    shop: Experiment, database: dict[str, str]
) -> None:
    shop.ledger.ensure()
    with connect(database) as copying, connect(database) as other:
        copying.autocommit = False
        copying.execute("SELECT FROM rowmill.runs")
        other.execute("SET lock_timeout = 1")

        def paused(_: float) -> None:
            other.execute("SELECT FROM rowmill.runs")
            copying.commit()

        migrated(PostgresAddress(lambda: database, patience=Patience(sleep=paused)), MORE)
    assert layout(shop.address) == Layout(step=NOW + 1)


def test_a_ledger_that_stays_busy_is_worked_with_as_it_is(
    shop: Experiment, database: dict[str, str]
) -> None:
    shop.ledger.ensure()
    pauses: list[float] = []
    patience = Patience(sleep=pauses.append)
    with connect(database) as copying:
        copying.autocommit = False
        copying.execute("SELECT FROM rowmill.runs")
        assert migrated(PostgresAddress(lambda: database, patience=patience), MORE) == []
    assert len(pauses) == 4
    assert layout(shop.address) == Layout(step=NOW)


def test_steps_of_a_newer_rowmill_that_only_added_are_worked_with(shop: Experiment) -> None:
    migrated(shop.address, MORE, YET_MORE)
    run = shop.complete()
    assert shop.ledger.found()
    known = shop.ledger.runs.find(run.id)
    assert known is not None
    assert known.state is RunState.COMPLETED
    assert layout(shop.address) == Layout(step=NOW + 2)


def test_a_step_that_older_clients_would_harm_shuts_them_out(
    shop: Experiment, database: dict[str, str]
) -> None:
    migrated(shop.address, MORE, replace(YET_MORE, oldest_writer=NOW + 1))
    with connect(database) as admin:
        # What clients of before there were steps compare with 1.
        assert admin.execute("SELECT max(version) FROM rowmill.layout").fetchone() == (NOW + 1,)
    with PostgresSession(shop.address) as session:
        assert tables_found(session, "rowmill", [*STEPS, MORE])
    for refused in (shop.ledger.ensure, shop.ledger.found):
        with pytest.raises(DestinationRefused, match="newer Rowmill") as refusal:
            refused()
        assert refusal.value.reason == "LedgerTooNew"
