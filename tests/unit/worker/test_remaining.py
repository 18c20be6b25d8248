"""What is left of a run follows from the plan and the ledger alone."""

from rowmill.destinations.ledger import PendingPart
from rowmill.plan.layout import Plan, TableLayout
from rowmill.worker.remaining import (
    Durable,
    batches_durable,
    parts_kept,
    remaining,
    rows_durable,
)

# Seven batches of 10 rows (the last of 5) in parts of 3, and an empty table.
PLAN = Plan(
    "sha256:0",
    1,
    (TableLayout("a", 65, 8, 10, 30, 10), TableLayout("empty", 0, 8, 10, 30, 10)),
    (4,),
)


def work(durable: Durable) -> list[tuple[str, int, bool, list[tuple[int, bool]]]]:
    return [
        (w.part.table, w.part.number, w.upload, [(b.number, copy) for b, copy in w.batches])
        for w in remaining(PLAN, PLAN.parts(), durable)
    ]


def test_nothing_durable_leaves_everything_for_both() -> None:
    assert work(Durable({}, frozenset())) == [
        ("a", 0, True, [(0, True), (1, True), (2, True)]),
        ("a", 1, True, [(3, True), (4, True), (5, True)]),
        ("a", 2, True, [(6, True)]),
        ("empty", 0, True, []),
    ]


def test_everything_durable_leaves_nothing() -> None:
    parts = frozenset({("a", 0), ("a", 1), ("a", 2), ("empty", 0)})
    assert work(Durable({"a": [(0, 7)]}, parts)) == []


def test_a_part_without_record_is_made_from_its_first_batch_for_parquet_alone() -> None:
    parts = frozenset({("a", 0), ("a", 2), ("empty", 0)})
    durable = Durable({"a": [(0, 4), (6, 7)]}, parts)
    assert work(durable) == [("a", 1, True, [(3, False), (4, True), (5, True)])]


def test_a_recorded_part_leaves_only_the_batches_that_postgres_lacks() -> None:
    parts = frozenset({("a", 0), ("a", 1), ("a", 2), ("empty", 0)})
    durable = Durable({"a": [(0, 1), (2, 7)]}, parts)
    assert work(durable) == [("a", 0, False, [(1, True)])]


def test_a_recorded_part_of_other_rows_than_the_plans_is_made_again() -> None:
    recorded = {
        ("a", number): PendingPart("a", number, "key", "upload", (), rows, 7, "ab")
        for number, rows in enumerate([30, 31, 5, 5])
    }
    kept = parts_kept(PLAN, recorded)
    assert kept == {("a", 0), ("a", 2)}
    left = work(Durable({"a": [(0, 7)]}, kept | {("empty", 0)}))
    assert left == [("a", 1, True, [(3, False), (4, False), (5, False)])]


def test_without_a_bucket_only_batches_count_and_without_postgres_only_parts() -> None:
    assert work(Durable({"a": [(0, 6)]}, None)) == [("a", 2, False, [(6, True)])]
    only_parts = Durable(None, frozenset({("a", 0), ("a", 1), ("empty", 0)}))
    assert work(only_parts) == [("a", 2, True, [(6, False)])]


def test_durable_rows_are_the_smaller_of_the_destinations() -> None:
    parts = frozenset({("a", 0), ("a", 2)})
    assert rows_durable(PLAN, Durable({"a": [(0, 7)]}, parts)) == {"a": 35, "empty": 0}
    assert rows_durable(PLAN, Durable({"a": [(5, 7)]}, None)) == {"a": 15, "empty": 0}
    assert rows_durable(PLAN, Durable(None, parts)) == {"a": 35, "empty": 0}
    assert rows_durable(PLAN, Durable({}, frozenset())) == {"a": 0, "empty": 0}


def test_a_batch_is_durable_once_every_destination_holds_it() -> None:
    durable = Durable({"a": [(0, 4)]}, frozenset({("a", 1), ("a", 2), ("empty", 0)}))
    assert batches_durable(PLAN, durable) == {"a": [(3, 4)], "empty": []}
    assert rows_durable(PLAN, durable) == {"a": 10, "empty": 0}
