"""Make the plan of a run from a dataset, the memory of a worker and the wished parallelism."""

from __future__ import annotations

from itertools import accumulate

from rowmill.plan.layout import BATCH_SHAPES, WORKER_BASELINE_BYTES, Plan, TableLayout
from rowmill.plan.width import row_bytes
from rowmill.spec.dataset import Dataset, ParquetTypes, Table

MIN_BATCH_ROWS = 1_000
MAX_BATCH_ROWS = 100_000
BATCH_BYTES = 16 * 2**20
PART_ROWS = 1_000_000
PART_BYTES = 128 * 2**20
GROUP_ROWS = 100_000
GROUP_BYTES = 16 * 2**20
MAX_SHARDS = 10_000


def freeze(
    dataset: Dataset,
    *,
    digest: str,
    parallelism: int,
    worker_memory: int,
    parquet_types: ParquetTypes,
    batch_rows: int | None = None,
) -> Plan:
    """Cut every table into batches and parts, and all parts into shards.

    Args:
        dataset: the tables, already scaled.
        digest: the spec digest that the plan belongs to.
        parallelism: workers at once; it only sets how many shards there are.
        worker_memory: bytes that one worker may use.
        parquet_types: what cells are in Parquet.
        batch_rows: rows of a batch of every table, instead of the adaptive number; at most a
            part's.
    """
    tables = tuple(_layout(dataset, table, batch_rows, worker_memory) for table in dataset.tables)
    shard_stops = _shard_stops(tables, parallelism)
    return Plan(digest, dataset.data_version, tables, shard_stops, parquet_types)


def adaptive_batch_rows(width: int, worker_memory: int) -> int:
    """Rows of a batch for rows of `width` bytes: MIN_BATCH_ROWS to MAX_BATCH_ROWS.

    16 MiB a batch, or less when a worker's memory beside its baseline does not hold that
    BATCH_SHAPES times.
    """
    share = max(0, worker_memory - WORKER_BASELINE_BYTES) // BATCH_SHAPES
    rows = min(BATCH_BYTES, share) // width
    return max(MIN_BATCH_ROWS, min(MAX_BATCH_ROWS, rows))


def _layout(
    dataset: Dataset, table: Table, batch_rows: int | None, worker_memory: int
) -> TableLayout:
    width = row_bytes(dataset, table)
    group_rows = _rows_within(width, GROUP_ROWS, GROUP_BYTES)
    part_rows = _rows_within(width, PART_ROWS, PART_BYTES)
    # Whole groups: the rest of a division would end each part with a group of a few rows.
    part_rows -= part_rows % group_rows
    return TableLayout(
        table=table.name,
        rows=table.rows,
        row_bytes=width,
        batch_rows=min(part_rows, batch_rows or adaptive_batch_rows(width, worker_memory)),
        part_rows=part_rows,
        group_rows=group_rows,
    )


def _rows_within(width: int, rows: int, size: int) -> int:
    """At most `rows`, nor more than `size` bytes hold; by the width alone, so that bytes last."""
    return min(rows, max(MIN_BATCH_ROWS, size // width))


def _shard_stops(tables: tuple[TableLayout, ...], parallelism: int) -> tuple[int, ...]:
    """Ends of the shards in the numbering of all parts: near equal bytes, none empty."""
    sizes = [
        1 + table.part(n).rows * table.row_bytes for table in tables for n in range(table.parts)
    ]
    shards = min(len(sizes), max(4, 2 * parallelism), MAX_SHARDS)
    ends = list(accumulate(sizes))
    stops: list[int] = []
    position = 0
    for shard in range(1, shards + 1):
        wanted = ends[-1] * shard
        position += 1
        # Move on while the next part's middle still lies before this shard's share of the bytes.
        while (
            position < len(sizes) - (shards - shard)
            and (ends[position] - sizes[position] // 2) * shards <= wanted
        ):
            position += 1
        stops.append(position)
    stops[-1] = len(sizes)
    return tuple(stops)
