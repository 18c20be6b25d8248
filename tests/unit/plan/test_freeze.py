"""A frozen plan keeps to its sizes: of batches, row groups, parts and shards."""

from hypothesis import given, settings
from hypothesis import strategies as st

from rowmill.plan.freeze import freeze
from rowmill.plan.layout import BATCH_SHAPES, WORKER_BASELINE_BYTES, Plan
from rowmill.spec.dataset import Column, Dataset, ParquetTypes, Table
from rowmill.spec.kinds import Sequence
from rowmill.spec.values.types import ColumnType, TypeName

MIB = 2**20


def dataset(rows: int, columns: int, tables: int = 1) -> Dataset:
    each = tuple(
        Column(f"c{n}", ColumnType(TypeName.BIGINT), Sequence(1, 1), 0.0, False, False)
        for n in range(columns)
    )
    return Dataset(
        0,
        "en_US",
        1,
        tuple(Table(f"t{n}", rows, each, (), None, (), (), ()) for n in range(tables)),
    )


def plan_of(
    rows: int,
    *,
    columns: int = 1,
    tables: int = 1,
    parallelism: int = 1,
    memory: int = 2**40,
    batch_rows: int | None = None,
) -> Plan:
    return freeze(
        dataset(rows, columns, tables),
        digest="sha256:0",
        parallelism=parallelism,
        worker_memory=memory,
        parquet_types=ParquetTypes.PORTABLE,
        batch_rows=batch_rows,
    )


@settings(deadline=None)
@given(
    columns=st.integers(1, 400),
    memory=st.integers(0, 2**33),
    batch_rows=st.none() | st.integers(1_000, 100_000),
)
def test_parts_and_row_groups_are_of_a_width_whatever_memory_and_batches_are(
    columns: int, memory: int, batch_rows: int | None
) -> None:
    (table,) = plan_of(10**6, columns=columns, memory=memory, batch_rows=batch_rows).tables
    width = table.row_bytes
    most = min(1_000_000, max(1_000, 128 * MIB // width))
    assert table.group_rows == min(100_000, max(1_000, 16 * MIB // width))
    assert most - table.group_rows < table.part_rows <= most
    assert table.part_rows % table.group_rows == 0


@settings(deadline=None)
@given(columns=st.integers(1, 400), memory=st.integers(0, 2**33))
def test_a_worker_of_the_plan_fits_its_memory_unless_its_batches_are_the_smallest(
    columns: int, memory: int
) -> None:
    plan = plan_of(10**6, columns=columns, memory=memory)
    (table,) = plan.tables
    assert 1_000 <= table.batch_rows <= 100_000
    assert table.batch_rows == 1_000 or plan.worker_bytes <= memory
    assert table.batch_rows * table.row_bytes <= 16 * MIB or table.batch_rows == 1_000
    assert plan.worker_bytes >= WORKER_BASELINE_BYTES + BATCH_SHAPES * table.row_bytes


def test_an_override_is_the_batch_of_every_table_but_no_longer_than_its_parts() -> None:
    plan = plan_of(10**6, columns=300, tables=3, memory=0, batch_rows=7_777)
    assert [table.batch_rows for table in plan.tables] == [7_777] * 3
    (whole,) = plan_of(10**6, columns=300, batch_rows=900_000).tables
    assert whole.batch_rows == whole.part_rows < 900_000
    assert whole.part_batches == 1


@settings(deadline=None)
@given(tables=st.integers(1, 30), parallelism=st.integers(1, 40))
def test_shards_are_as_many_as_parts_and_workers_allow(tables: int, parallelism: int) -> None:
    plan = plan_of(2_000_000, tables=tables, parallelism=parallelism)
    parts = sum(table.parts for table in plan.tables)
    assert plan.shards == min(parts, max(4, 2 * parallelism))


def test_there_are_never_more_shards_than_a_job_bears() -> None:
    plan = plan_of(11 * 10**9, parallelism=100_000)
    assert plan.tables[0].parts == 11_000
    assert plan.shards == 10_000
