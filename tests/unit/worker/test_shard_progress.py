"""What of a worker's parts is durable, by the ledger's reading and since."""

from hypothesis import given
from hypothesis import strategies as st

from rowmill.destinations.ledger import PendingPart
from rowmill.plan.intervals import Interval, intersection, union
from rowmill.plan.layout import Plan, TableLayout
from rowmill.worker.remaining import Durable
from rowmill.worker.shard_progress import ShardProgress

# Seven batches of 10 rows (the last of 5) in parts of 3, and an empty table, in two shards.
A = TableLayout("a", 65, 8, 10, 30, 10)
PLAN = Plan("sha256:0", 1, (A, TableLayout("empty", 0, 8, 10, 30, 10)), (2, 4))


def shard(number: int, durable: Durable | None = None) -> ShardProgress:
    progress = ShardProgress(PLAN, PLAN.shard(number))
    if durable is not None:
        progress.read(durable)
    return progress


def tables(progress: ShardProgress) -> list[tuple[str, int, int, tuple[Interval, ...]]]:
    return [(t.name, t.rows, t.total, t.batches) for t in progress.tables()]


def part(number: int) -> PendingPart:
    return PendingPart("a", number, "", "", (), A.part(number).rows, 1, "")


def test_before_the_first_reading_nothing_is_known_to_be_durable() -> None:
    assert tables(shard(0)) == [("a", 0, 60, ())]


def test_only_the_shards_own_batches_count() -> None:
    durable = Durable({"a": [(0, 2), (5, 7)]}, None)
    assert tables(shard(0, durable)) == [("a", 30, 60, ((0, 2), (5, 6)))]
    assert tables(shard(1, durable)) == [("a", 5, 5, ((6, 7),)), ("empty", 0, 0, ())]


def test_a_batch_counts_once_both_destinations_have_it() -> None:
    progress = shard(0, Durable({"a": [(0, 1)]}, frozenset({("a", 1), ("empty", 0)})))
    assert tables(progress) == [("a", 0, 60, ())]
    for number in (1, 2, 3, 4):
        progress.copied(A.batch(number))
    assert tables(progress) == [("a", 20, 60, ((3, 5),))]
    progress.recorded(part(0))
    assert tables(progress) == [("a", 50, 60, ((0, 5),))]
    assert progress.rows == 50


def test_parts_alone_count_without_postgres() -> None:
    progress = shard(0, Durable(None, frozenset()))
    progress.recorded(part(1))
    assert tables(progress) == [("a", 30, 60, ((3, 6),))]


def test_a_new_reading_replaces_what_was_known() -> None:
    progress = shard(0, Durable({"a": [(0, 6)]}, None))
    progress.read(Durable({"a": [(2, 3)]}, None))
    assert progress.rows == 10


def test_all_is_done_by_anothers_word() -> None:
    progress = shard(1)
    progress.all_done()
    assert tables(progress) == [("a", 5, 5, ((6, 7),)), ("empty", 0, 0, ())]


def test_batches_in_any_order_make_few_intervals() -> None:
    layout = TableLayout("a", 10_000, 8, 10, 10_000, 10)
    plan = Plan("sha256:0", 1, (layout,), (1,))
    progress = ShardProgress(plan, plan.parts())
    progress.read(Durable({}, None))
    for number in [*range(0, 1_000, 2), *range(1, 1_000, 2)]:
        progress.copied(layout.batch(number))
    assert tables(progress) == [("a", 10_000, 10_000, ((0, 1_000),))]


numbers = st.sets(st.integers(0, 30))


@given(numbers, numbers)
def test_sets_of_intervals_are_sets(one: set[int], other: set[int]) -> None:
    first, second = ([(n, n + 1) for n in each] for each in (one, other))
    assert _numbers(union([*first, *second])) == one | other
    both = intersection(union(first), union(second))
    assert _numbers(both) == one & other
    assert both == union(both)


def _numbers(intervals: list[Interval]) -> set[int]:
    return {n for start, stop in intervals for n in range(start, stop)}
