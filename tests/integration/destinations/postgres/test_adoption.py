"""Taking over the tables of another experiment, and giving them back."""

from __future__ import annotations

import pytest

from rowmill.destinations.postgres.connection import PostgresAddress
from tests.integration.destinations.postgres.env import (
    Connection,
    Experiment,
    count,
    dataset,
    entries,
    refused,
    table,
)
from tests.postgres_login import connect

OTHER = "other/local/shop"


@pytest.fixture
def shop(address: PostgresAddress) -> Experiment:
    return Experiment(address, dataset(table("orders")))


@pytest.fixture
def admin(database: dict[str, str]) -> Connection:
    return connect(database)


def test_an_adopted_table_is_replaced_and_its_former_owner_refused(
    shop: Experiment, admin: Connection
) -> None:
    other = Experiment(shop.address, dataset(table("orders", rows=3)), owner=OTHER)
    theirs = other.complete()
    run = shop.complete(adopt=OTHER)
    assert count(admin) == 10
    assert shop.warehouse.published(run)
    assert not other.warehouse.published(theirs)
    assert refused(other).reason == "TargetInUse"
    assert other.warehouse.remove_tables() == []
    assert count(admin) == 10


def test_an_adopted_table_keeps_the_run_that_published_it(
    shop: Experiment, admin: Connection
) -> None:
    theirs = Experiment(shop.address, shop.data, owner=OTHER).complete()
    shop.start(adopt=OTHER)
    assert entries(admin) == [("orders", shop.owner, theirs.id)]


def test_a_table_adopted_by_its_comment_has_no_run(shop: Experiment, admin: Connection) -> None:
    """The ledger's run of that name published another table."""
    other = Experiment(shop.address, shop.data, owner=OTHER)
    other.complete()
    admin.execute("ALTER TABLE shop.orders RENAME TO kept; DROP TABLE shop.kept")
    admin.execute(f"CREATE TABLE shop.orders (id int); COMMENT ON TABLE shop.orders IS '{OTHER}'")
    shop.start(adopt=OTHER)
    assert entries(admin) == [("orders", shop.owner, None)]


def test_adoption_outlasts_the_run_that_asked_for_it(shop: Experiment) -> None:
    Experiment(shop.address, shop.data, owner=OTHER).complete()
    shop.start(adopt=OTHER)
    shop.complete()


def test_adopting_one_owner_takes_nothing_from_a_third(shop: Experiment) -> None:
    Experiment(shop.address, shop.data, owner=OTHER).complete()
    refusal = refused(shop, adopt="third/local/shop")
    assert refusal.reason == "TargetInUse"
    assert OTHER in str(refusal)
