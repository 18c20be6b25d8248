"""What a pod shows of its work."""

import json
from typing import Any

import pytest

from rowmill.destinations.ledger import PendingPart
from rowmill.plan.layout import Plan, TableLayout
from rowmill.worker.remaining import Durable
from rowmill.worker.shard_progress import ShardProgress
from rowmill_job.board import Board

LAYOUT = TableLayout("a", 65, 8, 10, 30, 10)
PLAN = Plan("sha256:0", 1, (LAYOUT,), (3,))


def shown(board: Board) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(board.progress())
    return found


def test_before_the_run_is_known_nothing_is_shown() -> None:
    assert shown(Board("shard", 3)) == {
        "run": "",
        "task": "shard",
        "shard": 3,
        "rows": 0,
        "rowsPerSecond": 0.0,
        "step": "",
        "notice": "",
        "tables": [],
    }


def test_work_shows_in_progress_and_metrics() -> None:
    board = Board("finalize", None)
    progress = ShardProgress(PLAN, PLAN.parts())
    progress.read(Durable({"a": [(0, 3)]}, frozenset()))
    board.show("id", progress)
    board.step("publish")
    board.recorded(PendingPart("a", 0, "key", "upload", (), 30, 123, ""))
    board.copied(LAYOUT.batch(3), 77)
    board.uploaded("a", 10)
    board.retried("parquet")
    assert (shown(board)["rows"], shown(board)["step"]) == (30, "publish")
    assert shown(board)["tables"] == [
        {"name": "a", "rows": 30, "batchRows": 10, "batches": [[0, 3]]}
    ]
    assert (board.rows, board.shard) == (30, None)
    text = board.scrape().decode()
    for line in (
        "rowmill_worker_shard_rows 30.0",
        'rowmill_worker_rows_total{stage="copied"} 10.0',
        'rowmill_worker_rows_total{stage="uploaded"} 10.0',
        'rowmill_worker_batches_total{destination="postgres"} 1.0',
        'rowmill_worker_batches_total{destination="parquet"} 1.0',
        'rowmill_worker_bytes_total{destination="postgres"} 77.0',
        'rowmill_worker_bytes_total{destination="parquet"} 123.0',
        'rowmill_worker_retries_total{destination="parquet"} 1.0',
        'rowmill_worker_retries_total{destination="postgres"} 0.0',
        'rowmill_worker_stage_seconds_total{stage="generate"} 0.0',
    ):
        assert line in text.splitlines()


def test_a_failure_shows_until_work_goes_on_or_it_is_old_news(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now = 1_000.0
    monkeypatch.setattr("time.monotonic", lambda: now)
    board = Board("shard", 0)
    board.notice("the server is down")
    assert shown(board)["notice"] == "the server is down"
    board.copied(LAYOUT.batch(0), 1)
    assert shown(board)["notice"] == ""
    board.notice("the bucket is slow")
    board.uploaded("a", 10)
    assert shown(board)["notice"] == ""
    board.notice("the server is down")
    now += 3_600
    assert shown(board)["notice"] == ""


def test_the_rate_is_of_late(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 1_000.0
    monkeypatch.setattr("time.monotonic", lambda: now)
    board = Board("shard", 0)
    board.show("id", ShardProgress(PLAN, PLAN.parts()))
    for _ in range(100):
        now += 1
        board.generated("a", 50)
    assert shown(board)["rowsPerSecond"] == 50
    for _ in range(20):
        now += 1
        board.generated("a", 10)
    assert shown(board)["rowsPerSecond"] == 10
    now += 1_000
    assert shown(board)["rowsPerSecond"] < 1


def test_a_verify_shows_how_fast_it_is_and_makes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 1_000.0
    monkeypatch.setattr("time.monotonic", lambda: now)
    board = Board("verify", None)
    board.about("id")
    board.notice("the server is down")
    for second in range(100):
        now += 1
        board.compared(50 * second)
    found = shown(board)
    assert (found["run"], found["rows"], found["rowsPerSecond"]) == ("id", 0, 50)
    assert found["notice"] == ""
    assert 'stage="generated"} 0.0' in board.scrape().decode()


def test_many_tables_are_shown_as_far_as_an_answer_may_be_long_unfinished_ones_first() -> None:
    layouts = tuple(TableLayout(f"{n:060d}", 10, 8, 10, 30, 10) for n in range(2_000))
    plan = Plan("sha256:0", 1, layouts, (2_000,))
    progress = ShardProgress(plan, plan.parts())
    progress.read(Durable({layout.table: [(0, 1)] for layout in layouts[:1_990]}, None))
    board = Board("shard", 0)
    board.show("id", progress)
    answer = board.progress()
    assert len(answer) < 64 * 2**10
    tables = json.loads(answer)["tables"]
    assert [table["rows"] for table in tables[:11]] == [0] * 10 + [10]
    assert shown(board)["rows"] == 19_900
