"""Progress adds up from what is durable, whoever reports it and however often."""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations

import pytest

from rowmill.plan.layout import Plan, TableLayout
from rowmill.spec.manifest.status import MAX_TABLES
from rowmill_operator.decide.progress import finished_tables, run_progress
from rowmill_operator.model.settings import read_settings
from tests.unit.operator.memory_cluster import small_plan
from tests.unit.operator.pod_reports import pod_progress


def test_all_shards_complete_is_all_rows() -> None:
    plan = small_plan("sha256:1")
    progress = run_progress(plan, ((0, plan.shards),), {}, {})
    assert progress.rows == plan.rows
    assert progress.tables == finished_tables(plan)


def test_a_report_and_a_completed_index_count_once() -> None:
    plan = small_plan("sha256:1")
    batches: dict[str, tuple[tuple[int, int], ...]] = {}
    for part in plan.shard(0):
        known = batches.get(part.table, ())
        batches[part.table] = (*known, (part.first_batch, part.stop_batch))
    report = pod_progress(1, 10.0, "", batches)
    alone = run_progress(plan, ((0, 1),), {}, {})
    both = run_progress(plan, ((0, 1),), {0: report}, {})
    reported = run_progress(plan, (), {0: report}, {})
    assert alone.rows == both.rows == reported.rows > 0


def test_a_status_has_a_size_whatever_the_tables() -> None:
    tables = tuple(TableLayout(f"t{n}", 2_000, 10, 1_000, 1_000, 1_000) for n in range(500))
    plan = Plan("sha256:1", 1, tables, tuple(range(1, 1_001)))
    first_done = {f"t{n}": ((0, 2),) for n in range(400)}
    progress = run_progress(plan, (), {}, first_done)
    assert len(progress.tables) == MAX_TABLES
    assert progress.tables[0].name == "t400", "unfinished tables come first"
    assert progress.rows == 400 * 2_000


def test_scattered_batches_are_shown_by_their_longest_stretches() -> None:
    layout = TableLayout("t", 1_000_000, 10, 1_000, 1_000, 1_000)
    plan = Plan("sha256:1", 1, (layout,), (1_000,))
    scattered = {"t": (*tuple((n, n + 1) for n in range(0, 900, 3)), (950, 1000))}
    (table,) = run_progress(plan, (), {}, scattered).tables
    assert table.rows == 350_000
    assert "950-999" in (table.completed_batches or "")
    assert (table.completed_batches or "").count(",") < 100


def test_the_last_batch_of_a_part_counts_its_own_rows() -> None:
    layout = TableLayout("t", 63, 10, batch_rows=10, part_rows=21, group_rows=10)
    plan = Plan("sha256:1", 1, (layout,), (1, 3))
    report = pod_progress(1, 9.0, "", {"t": ((3, 5),)})
    (table,) = run_progress(plan, ((0, 1),), {1: report}, {}).tables
    assert (table.rows, table.batches, table.completed_batches) == (21 + 20, 9, "0-4")


@pytest.mark.parametrize("part_rows", [30, 40], ids=["of this release", "of the first plans"])
def test_of_batches_that_another_plan_cut_no_more_rows_are_told_than_are_durable(
    part_rows: int,
) -> None:
    layout = TableLayout("t", 63, 10, batch_rows=10, part_rows=30, group_rows=10)
    plan = Plan("sha256:1", 1, (layout,), (3,))
    ran = replace(layout, batch_rows=20, part_rows=part_rows)
    for first, stop in combinations(range(ran.batches + 1), 2):
        report = pod_progress(1, 9.0, "", {"t": ((first, stop),)}, batch_rows={"t": 20})
        (table,) = run_progress(plan, (), {0: report}, {}).tables
        assert 0 <= (table.rows or 0) <= ran.rows_of(first, stop)
        assert table.batch_rows == 20
    (whole,) = run_progress(plan, ((0, 1),), {0: report}, {}).tables
    assert whole.rows == whole.rows_total == 63


def test_settings_come_from_the_environment() -> None:
    settings = read_settings(
        {
            "ROWMILL_ENGINE_ID": "prod/rowmill",
            "ROWMILL_RELEASE": "prod/rowmill",
            "ROWMILL_WORKER_IMAGE": "rowmill/worker:1",
            "ROWMILL_WATCH_NAMESPACES": "a, b",
            "ROWMILL_PARQUET_BUCKET": "lake",
            "ROWMILL_PARQUET_SECRET": "keys",
            "ROWMILL_WORKER_RESOURCES": '{"limits": {"memory": "1Gi"}}',
            "ROWMILL_PROGRESS_SECONDS": "2",
        }
    )
    assert settings.namespaces == ("a", "b")
    assert settings.parquet is not None
    assert settings.parquet.secret_name == "keys"
    assert settings.resources == {"limits": {"memory": "1Gi"}}
    assert settings.progress_seconds == 2


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("ROWMILL_ENGINE_ID", ""),
        ("ROWMILL_RELEASE", ""),
        ("ROWMILL_WORKER_IMAGE", ""),
        ("ROWMILL_WORKER_RESOURCES", "[1]"),
        ("ROWMILL_PROGRESS_SECONDS", "soon"),
        ("ROWMILL_PURGE_DEADLINE", "-1"),
    ],
)
def test_a_bad_setting_is_named(name: str, value: str) -> None:
    good = {"ROWMILL_ENGINE_ID": "e", "ROWMILL_RELEASE": "r", "ROWMILL_WORKER_IMAGE": "w"}
    with pytest.raises(ValueError, match=name):
        read_settings(good | {name: value})
