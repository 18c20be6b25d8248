"""Steps of finalize run beside each other unless their locks conflict, the longest chain first."""

from __future__ import annotations

from collections.abc import Mapping

from rowmill.destinations.postgres.tables.constraints import Step
from rowmill.destinations.postgres.tables.lock_modes import Lock
from rowmill.destinations.postgres.warehouse.finalize_steps import finalize_steps
from rowmill.destinations.postgres.warehouse.step_order import (
    FinalizeStep,
    StepOrder,
    predecessors,
    shares,
    urgency,
)

MIB = 2**20
KEY = {name: Step("p", f"{name}_pkey", name, ("id",)) for name in ("people", "orders", "visits")}


def reference(table: str, parent: str) -> Step:
    return Step("f", f"{table}_{parent}_fkey", table, (f"{parent}_id",), parent, ("id",))


def shop(*others: Step) -> list[FinalizeStep]:
    rows = {"people": 10, "orders": 1000, "visits": 200}
    return finalize_steps("s", rows, [*KEY.values(), *others], [], [])


def step(rows: int, **locks: Lock) -> FinalizeStep:
    return FinalizeStep("", locks, rows, lambda cursor: None)


def waves(steps: list[FinalizeStep]) -> list[set[str]]:
    """What may begin at once, were all steps of one wave to end together."""
    order, found = StepOrder(steps), []
    while not order.is_complete:
        taken = []
        while (number := order.take()) is not None:
            taken.append(number)
        assert taken, "nothing runs, and nothing may begin"
        for number in taken:
            order.done(number)
        found.append({steps[number].label for number in taken})
    return found


def test_keys_of_all_tables_are_made_at_once_and_then_all_references_to_one_parent() -> None:
    references = [reference("orders", "people"), reference("visits", "people")]
    steps = shop(*references)
    looked_at_together = [n for n, each in enumerate(steps) if each.rows in (1010, 210)]
    assert [each.rows for each in steps[-5:-3]] == [1010, 210]
    after = predecessors([each.locks for each in steps])
    assert not any(
        one in after[other] for one in looked_at_together for other in looked_at_together
    )
    assert waves(steps)[0] == {each.label for each in steps[:3]}


def test_a_reference_waits_for_the_keys_of_both_its_tables_and_counts_wait_for_all_of_theirs() -> (
    None
):
    steps = shop(reference("orders", "people"))
    labels = [each.label for each in steps]
    after = predecessors([each.locks for each in steps])
    added, checked = (n for n, label in enumerate(labels) if label.startswith("reference"))
    keys = {labels.index(KEY["people"].label), labels.index(KEY["orders"].label)}
    assert after[added] == keys
    assert after[checked] >= {added}
    assert after[labels.index("statistics and count of visits")] == {
        labels.index(KEY["visits"].label)
    }
    assert checked in after[labels.index("statistics and count of orders")]


def test_an_index_of_a_parent_is_made_beside_the_look_at_references_to_it() -> None:
    index = Step("i", "people_name_idx", "people", ("name",))
    steps = shop(reference("orders", "people"), index)
    after = predecessors([each.locks for each in steps])
    made = next(n for n, each in enumerate(steps) if each.label == index.label)
    looked_at = next(n for n, each in enumerate(steps) if each.rows == 1010)
    assert made not in after[looked_at]


def test_a_table_that_refers_to_itself_is_looked_at_after_its_key() -> None:
    steps = shop(reference("people", "people"))
    assert len(waves(steps)) >= 3


def test_what_most_work_waits_for_comes_first() -> None:
    exclusive = Lock.ACCESS_EXCLUSIVE
    order = StepOrder(
        [step(5, small=exclusive), step(10, long=exclusive), step(90, long=exclusive)]
    )
    assert [order.take(), order.take(), order.take()] == [1, 0, None]
    order.done(1)
    assert order.take() == 2


def test_a_step_that_was_given_back_is_the_next() -> None:
    exclusive = Lock.ACCESS_EXCLUSIVE
    order = StepOrder([step(5, a=exclusive), step(10, b=exclusive)])
    assert [order.take(), order.take()] == [1, 0]
    order.give_back(0)
    order.give_back(1)
    assert order.take() == 1
    assert not order.is_complete


def test_the_urgency_of_a_step_is_its_longest_chain() -> None:
    nothing: frozenset[int] = frozenset()
    assert urgency([1, 20, 3], [nothing, nothing, frozenset({0})]) == [4, 20, 3]


def test_any_number_of_workers_takes_no_more_memory_than_one() -> None:
    for wanted, tables, memory in [(1, 9, 256), (2, 9, 256), (100, 9, 256), (8, 9, 512), (4, 2, 2)]:
        connections, share = shares(wanted, tables, memory * MIB)
        assert 1 <= connections <= min(wanted, tables)
        assert connections * share <= memory * MIB
        assert share >= min(64, memory) * MIB


def test_locks_on_other_tables_never_conflict() -> None:
    locks: list[Mapping[str, Lock]] = [{name: Lock.ACCESS_EXCLUSIVE} for name in "abc"]
    assert predecessors(locks) == [frozenset()] * 3
