"""Batches, parts and shards cover every row exactly once, whatever the sizes."""

from hypothesis import given
from hypothesis import strategies as st

from rowmill.plan.freeze import MAX_BATCH_ROWS, MIN_BATCH_ROWS, adaptive_batch_rows, freeze
from rowmill.plan.layout import Plan, TableLayout
from rowmill.spec.dataset import Column, Dataset, ParquetTypes, Table
from rowmill.spec.kinds import Sequence
from rowmill.spec.types import ColumnType, TypeName


def dataset(*rows: int) -> Dataset:
    column = Column("id", ColumnType(TypeName.BIGINT), Sequence(1, 1), 0.0, False, True)
    tables = (Table(f"t{i}", n, (column,), (), None, ("id",), (), ()) for i, n in enumerate(rows))
    return Dataset(0, "en_US", 1, tuple(tables))


layouts = st.builds(
    TableLayout,
    table=st.just("t"),
    rows=st.integers(0, 5_000),
    row_bytes=st.integers(1, 100),
    batch_rows=st.integers(1, 700),
    part_batches=st.integers(1, 9),
    group_batches=st.integers(1, 4),
)


@given(layouts)
def test_parts_are_whole_batches_that_cover_every_row_once(layout: TableLayout) -> None:
    covered = []
    for number in range(layout.parts):
        part = layout.part(number)
        batches = list(layout.batches_of(part))
        assert sum(batch.rows for batch in batches) == part.rows
        assert all(layout.part_of_batch(batch.number) == number for batch in batches)
        covered += [row for batch in batches for row in range(batch.start, batch.stop)]
    assert covered == list(range(layout.rows))


def test_an_empty_table_has_no_batches_and_one_empty_part() -> None:
    layout = TableLayout("t", 0, 8, 1000, 10, 1)
    assert (layout.batches, layout.parts, layout.part(0).rows) == (0, 1, 0)


@given(
    rows=st.lists(st.integers(0, 3_000_000), min_size=1, max_size=12),
    parallelism=st.integers(1, 40),
    batch_rows=st.sampled_from([1_000, 7_000, 100_000]),
)
def test_shards_partition_the_parts_in_order_and_none_is_empty(
    rows: list[int], parallelism: int, batch_rows: int
) -> None:
    plan = freeze(
        dataset(*rows),
        digest="sha256:0",
        parallelism=parallelism,
        worker_memory=2**30,
        parquet_types=ParquetTypes.PORTABLE,
        batch_rows=batch_rows,
    )
    shards = [list(plan.shard(number)) for number in range(plan.shards)]
    assert [part for shard in shards for part in shard] == list(plan.parts())
    assert all(shards)
    assert plan.shards == min(len(list(plan.parts())), max(4, 2 * parallelism))


def test_shards_are_balanced_by_bytes() -> None:
    plan = freeze(
        dataset(20_000_000, 5, 5, 20_000_000),
        digest="sha256:0",
        parallelism=4,
        worker_memory=2**30,
        parquet_types=ParquetTypes.PORTABLE,
    )
    sizes = [sum(part.rows for part in plan.shard(n)) for n in range(plan.shards)]
    assert max(sizes) - min(sizes) <= 1_100_000


def test_a_plan_survives_json() -> None:
    plan = freeze(
        dataset(10, 0),
        digest="sha256:1",
        parallelism=1,
        worker_memory=2**30,
        parquet_types=ParquetTypes.PORTABLE,
    )
    assert Plan.from_json(plan.to_json()) == plan


def test_a_plan_that_names_no_parquet_types_is_of_the_native_ones() -> None:
    stored = Plan("sha256:1", 1, (), (), ParquetTypes.PORTABLE).to_json()
    assert Plan.from_json(stored).parquet_types is ParquetTypes.PORTABLE
    del stored["parquet_types"]
    assert Plan.from_json(stored).parquet_types is ParquetTypes.NATIVE


@given(width=st.integers(1, 10**7), memory=st.integers(0, 2**40))
def test_batch_rows_stay_between_the_bounds(width: int, memory: int) -> None:
    assert MIN_BATCH_ROWS <= adaptive_batch_rows(width, memory) <= MAX_BATCH_ROWS


def test_batches_shrink_with_wide_rows_and_with_little_memory() -> None:
    roomy = 4 * 2**30
    assert adaptive_batch_rows(100, roomy) == 100_000
    assert adaptive_batch_rows(1_600, roomy) == 10_485
    assert adaptive_batch_rows(100, 150 * 2**20) == 13_107
    assert adaptive_batch_rows(100, 100 * 2**20) == MIN_BATCH_ROWS
