"""Batches, parts and shards cover every row exactly once, whatever the sizes."""

import json
from dataclasses import asdict, dataclass, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rowmill.plan.freeze import MAX_BATCH_ROWS, MIN_BATCH_ROWS, adaptive_batch_rows, freeze
from rowmill.plan.layout import Batch, Part, Plan, TableLayout
from rowmill.spec.dataset import Column, Dataset, ParquetTypes, Table
from rowmill.spec.kinds import Sequence
from rowmill.spec.values.types import ColumnType, TypeName


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
    part_rows=st.integers(1, 2_000),
    group_rows=st.integers(1, 900),
)


@given(layouts)
def test_batches_nest_in_parts_that_cover_every_row_once(layout: TableLayout) -> None:
    covered: list[int] = []
    numbers: list[int] = []
    for number in range(layout.parts):
        part = layout.part(number)
        batches = list(layout.batches_of(part))
        assert sum(batch.rows for batch in batches) == part.rows
        assert all(layout.part_of_batch(batch.number) == number for batch in batches)
        # The last of a part may be short, no other is.
        most = min(layout.batch_rows, layout.part_rows)
        assert all(batch.rows == most for batch in batches[:-1])
        assert all(0 < batch.rows <= most for batch in batches)
        assert number + 1 == layout.parts or part.rows == layout.part_rows
        numbers += [batch.number for batch in batches]
        covered += [row for batch in batches for row in range(batch.start, batch.stop)]
    assert numbers == list(range(layout.batches))
    assert covered == list(range(layout.rows))


@given(layouts, st.integers(0, 2**20), st.integers(0, 2**20))
def test_rows_and_batches_are_found_from_each_other(
    layout: TableLayout, first: int, stop: int
) -> None:
    first, stop = sorted(bound % (layout.batches + 1) for bound in (first, stop))
    batches = list(map(layout.batch, range(first, stop)))
    assert layout.rows_of(first, stop) == sum(batch.rows for batch in batches)
    for batch in batches:
        assert {layout.batch_of_row(row) for row in (batch.start, batch.stop - 1)} == {batch.number}


@given(layouts, st.integers(1, 5))
def test_where_parts_end_does_not_hang_by_the_batches(layout: TableLayout, factor: int) -> None:
    other = replace(layout, batch_rows=layout.batch_rows * factor)
    assert [_rows(layout, n) for n in range(layout.parts)] == [
        _rows(other, n) for n in range(other.parts)
    ]


def _rows(layout: TableLayout, number: int) -> tuple[int, int]:
    part = layout.part(number)
    return part.start, part.stop


# The arithmetic of the first plans, whose parts and row groups were counted in whole batches.
@dataclass(frozen=True)
class FirstLayout:
    table: str
    rows: int
    row_bytes: int
    batch_rows: int
    part_batches: int
    group_batches: int

    @property
    def batches(self) -> int:
        return -(-self.rows // self.batch_rows)

    @property
    def parts(self) -> int:
        return max(1, -(-self.batches // self.part_batches))

    def batch(self, number: int) -> Batch:
        start = number * self.batch_rows
        return Batch(self.table, number, start, min(self.rows, start + self.batch_rows))

    def part(self, number: int) -> Part:
        first = number * self.part_batches
        stop = min(self.batches, first + self.part_batches)
        start = first * self.batch_rows
        return Part(self.table, number, first, stop, start, min(self.rows, stop * self.batch_rows))


first_layouts = st.builds(
    FirstLayout,
    table=st.just("t"),
    rows=st.integers(0, 5_000),
    row_bytes=st.integers(1, 100),
    batch_rows=st.integers(1, 700),
    part_batches=st.integers(1, 9),
    group_batches=st.integers(1, 4),
)


def read_by_the_first(plan: Plan) -> list[FirstLayout]:
    """As the readers of the first plans take the tables: by exactly these fields."""
    return [FirstLayout(**stored) for stored in json.loads(json.dumps(plan.to_json()))["tables"]]


@given(first_layouts)
def test_a_first_plan_means_the_same_batches_and_parts_as_ever(first: FirstLayout) -> None:
    stored = {"digest": "sha256:1", "data_version": 1, "tables": [asdict(first)]}
    plan = Plan.from_json({**stored, "shard_stops": [first.parts]})
    (layout,) = plan.tables
    assert layout.group_rows == first.group_batches * first.batch_rows
    assert (layout.batches, layout.parts) == (first.batches, first.parts)
    assert all(layout.batch(n) == first.batch(n) for n in range(first.batches))
    assert all(layout.part(n) == first.part(n) for n in range(first.parts))
    assert read_by_the_first(plan) == [first]
    assert Plan.from_json(json.loads(json.dumps(plan.to_json()))) == plan


@given(layouts)
def test_a_reader_of_the_first_plans_refuses_just_those_of_which_it_would_mean_other_rows(
    layout: TableLayout,
) -> None:
    plan = Plan("sha256:1", 1, (layout,), (layout.parts,))
    assert Plan.from_json(json.loads(json.dumps(plan.to_json()))) == plan
    meant = as_the_first_would(layout)
    if _cut(meant) == _cut(layout):
        assert read_by_the_first(plan) == [meant]
    else:
        with pytest.raises(TypeError):
            read_by_the_first(plan)


def as_the_first_would(layout: TableLayout) -> FirstLayout:
    groups = max(1, layout.group_rows // layout.batch_rows)
    return FirstLayout(
        layout.table,
        layout.rows,
        layout.row_bytes,
        layout.batch_rows,
        layout.part_batches,
        groups,
    )


def _cut(layout: TableLayout | FirstLayout) -> tuple[list[Batch], list[Part]]:
    batches = [layout.batch(number) for number in range(layout.batches)]
    return batches, [layout.part(number) for number in range(layout.parts)]


def test_an_empty_table_has_no_batches_and_one_empty_part() -> None:
    layout = TableLayout("t", 0, 8, 1000, 10_000, 1000)
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
