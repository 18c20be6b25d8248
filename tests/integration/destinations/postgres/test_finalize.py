"""Finalize adds keys and indexes, step by step, and can be killed after any."""

from __future__ import annotations

from typing import Any

import pytest

from rowmill.destinations.errors import DestinationRefused, Fenced
from rowmill.destinations.postgres.connection import Cursor, PostgresAddress
from rowmill.destinations.postgres.tables.constraints import perform, steps
from rowmill.destinations.postgres.warehouse import finalize_steps
from rowmill.plan.runs import RunState
from tests.integration.destinations.postgres.env import (
    CONSTRAINTS,
    INDEXES,
    Experiment,
    all_rows,
    target,
    two_tables,
)
from tests.postgres_login import connect


@pytest.fixture
def shop(address: PostgresAddress) -> Experiment:
    return Experiment(address, two_tables())


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


@pytest.mark.parametrize("connections", [1, 3])
@pytest.mark.parametrize("broken_after", range(8))
def test_finalize_killed_after_any_step_is_taken_up_again(
    shop: Experiment, database: dict[str, str], broken_after: int, connections: int
) -> None:
    run = shop.start()
    shop.load(run)
    before = set(shop.finalize_until(run, broken_after, connections))
    again = set(shop.finalize(run, connections))
    assert len(again) == 7
    assert before <= again
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
            f"ALTER TABLE {schema}.lines ADD CONSTRAINT orders_pkey PRIMARY KEY (id)",
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


def test_an_abort_during_a_step_of_finalize_undoes_the_step(
    shop: Experiment, database: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    run = shop.start()
    shop.load(run)

    def perform_then_abort(cursor: Cursor, **arguments: Any) -> None:
        perform(cursor, **arguments)
        shop.ledger.runs.transition(run.id, frozenset({RunState.FINALIZING}), RunState.ABORTED)

    monkeypatch.setattr(finalize_steps, "perform", perform_then_abort)
    with pytest.raises(Fenced, match="is ABORTED"):
        shop.finalize(run)
    with connect(database) as reader:
        query = (
            "SELECT count(*) FROM pg_constraint WHERE contype IN ('p', 'u', 'f') AND "
            f"connamespace = 'rowmill_run_{run.id}'::regnamespace"
        )
        assert all_rows(reader, query) == [(0,)]
