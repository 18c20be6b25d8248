"""What a status tells of how far a run is: durable rows, and nothing of another run or plan."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from rowmill.plan.intervals import count, parse
from rowmill_operator.decide.progress import run_progress
from tests.unit.operator.memory_cluster import MemoryCluster
from tests.unit.operator.pod_reports import pod_progress

RUN, FINALIZE, NEXT = "shop-run-1", "shop-run-1-finalize", "shop-run-2"
OTHER = "sha256:" + "b" * 64


def heard(cluster: MemoryCluster, batches: int, rate: float = 90_000.0) -> None:
    """A pod says what is durable of the largest table, and how fast it makes rows."""
    table = max(cluster.plans[RUN].plan.tables, key=lambda table: table.rows).table
    report = pod_progress(1, rate, "", {table: ((0, batches),)} if batches else {})
    cluster.progress[0] = report
    cluster.settle()


def test_no_rate_is_told_beside_no_rows(cluster: MemoryCluster) -> None:
    cluster.begin_run()
    for _ in range(5):
        cluster.wait(20)
        heard(cluster, 0)
        assert (cluster.run["rows"], cluster.run["percent"]) == (0, 0)
        assert not {"rowsPerSecond", "etaSeconds"} & set(cluster.run)


def test_rate_and_end_are_those_of_the_rows_beside_them(cluster: MemoryCluster) -> None:
    cluster.begin_run()
    cluster.wait(10)
    heard(cluster, 1)
    rows, total = cluster.run["rows"], cluster.run["rowsTotal"]
    rate = cluster.run["rowsPerSecond"]
    assert rate == round(rows / 10)
    assert cluster.run["etaSeconds"] == round((total - rows) / (rows / 10))
    cluster.wait(20)
    heard(cluster, 1)
    assert cluster.run["rowsPerSecond"] == rate, "a part is on its way"
    cluster.wait(20)
    heard(cluster, 1, rate=0.0)
    assert cluster.run["rowsPerSecond"] == 0
    assert "etaSeconds" not in cluster.run


def test_a_rate_of_0_says_that_nothing_gets_on_and_is_told_of_nothing_else(
    cluster: MemoryCluster,
) -> None:
    """A row in three seconds is told as 1 a second, and its ETA is by what it is."""
    cluster.begin_run()
    cluster.wait(3_000)
    heard(cluster, 1)
    rows, total = cluster.run["rows"], cluster.run["rowsTotal"]
    slow = rows / 3_000
    eta = round((total - rows) / slow)
    for _ in range(3):
        assert slow < 0.5
        assert (cluster.run["rowsPerSecond"], cluster.run["etaSeconds"]) == (1, eta)
        cluster.wait(20)
        heard(cluster, 1)


def test_a_slow_mean_is_not_forgotten_when_rows_grow_faster(cluster: MemoryCluster) -> None:
    cluster.begin_run()
    cluster.wait(3_000)
    heard(cluster, 1)
    first, total = cluster.run["rows"], cluster.run["rowsTotal"]
    cluster.wait(10)
    heard(cluster, 2)
    rows = cluster.run["rows"]
    weight = 1 - math.exp(-10 / 60)
    mean = (1 - weight) * first / 3_000 + weight * (rows - first) / 10
    assert cluster.run["rowsPerSecond"] == round(mean)
    assert cluster.run["etaSeconds"] == pytest.approx((total - rows) / mean, rel=0.01)


def test_for_half_a_minute_pods_may_make_nothing_before_that_is_told(
    cluster: MemoryCluster,
) -> None:
    cluster.begin_run()
    cluster.wait(10)
    heard(cluster, 1)
    rate, eta = cluster.run["rowsPerSecond"], cluster.run["etaSeconds"]
    for _ in range(3):
        cluster.wait(10)
        heard(cluster, 1, rate=0.0)
        assert (cluster.run["rowsPerSecond"], cluster.run["etaSeconds"]) == (rate, eta)
    cluster.wait(1)
    heard(cluster, 1, rate=0.0)
    assert cluster.run["rowsPerSecond"] == 0


def test_what_is_whole_is_whole_before_it_is_published(cluster: MemoryCluster) -> None:
    cluster.begin_run()
    cluster.complete_job(RUN)
    cluster.settle()
    assert cluster.phase == "Finalizing"
    assert cluster.run["rows"] == cluster.run["rowsTotal"]
    assert cluster.run["percent"] == 100
    assert not {"rowsPerSecond", "etaSeconds"} & set(cluster.run)


def test_while_the_next_run_waits_no_figures_of_the_last_one_are_shown(
    cluster: MemoryCluster,
) -> None:
    cluster.finish_run(run="abc")
    rows = cluster.run["rows"]
    cluster.digest = OTHER
    cluster.annotate(rerun="2")
    cluster.settle(collect=False)
    assert cluster.phase == "Pending"
    assert cluster.run["number"] == 1
    assert not {"rows", "percent", "shardsDone", "rowsPerSecond"} & set(cluster.run)
    assert [entry["rows"] for entry in cluster.status["history"]] == [rows]
    cluster.collect()
    cluster.settle()
    assert (cluster.run["number"], cluster.run["rows"], cluster.run["percent"]) == (2, 0, 0)
    assert cluster.run["replaces"] == {"run": 1, "rows": rows}


def test_a_rerun_that_is_taken_back_shows_the_run_as_it_was(cluster: MemoryCluster) -> None:
    cluster.finish_run(run="abc")
    before = dict(cluster.run)
    digest, cluster.digest = cluster.digest, OTHER
    cluster.change(settings={"suspend": True, "seed": 2})
    cluster.settle()
    assert cluster.phase == "Suspended"
    assert "rows" not in cluster.run
    cluster.digest = digest
    cluster.change(settings={"suspend": False, "seed": 1})
    cluster.settle()
    assert cluster.phase == "Complete"
    assert {**cluster.run, "lastUpdated": ""} == {**before, "lastUpdated": ""}


def test_batches_are_counted_as_the_pods_cut_them(cluster: MemoryCluster) -> None:
    """The ConfigMap was frozen again under other settings; the ledger's plan is as it was."""
    cluster.begin_run()
    plan = cluster.plans[RUN].plan
    layout = max(plan.tables, key=lambda table: table.rows)
    name, cut = layout.table, layout.batch_rows * 2
    report = pod_progress(1, 9.0, "", {name: ((0, 3),)}, batch_rows={name: cut})
    cluster.progress[0] = report
    cluster.settle()
    (table,) = [t for t in cluster.status["tables"] if t["name"] == name]
    assert table["rows"] == 3 * cut
    assert (table["batches"], table["batchRows"]) == (-(-layout.rows // cut), cut)
    assert count(parse(table["completedBatches"])) == 3
    # Between two waves of pods too, and of shards that the other plan has cut otherwise.
    cluster.restart_operator()
    cluster.update_job(RUN, completed_indexes=((0, 1),), succeeded=1)
    cluster.settle()
    (after,) = [t for t in cluster.status["tables"] if t["name"] == name]
    assert after == table
    cluster.complete_job(RUN)
    cluster.settle()
    cluster.complete_job(FINALIZE)
    cluster.settle()
    (whole,) = [t for t in cluster.status["tables"] if t["name"] == name]
    assert whole["completedBatches"] == f"0-{table['batches'] - 1}"


def test_what_an_older_status_knew_by_another_plan_counts_no_more(cluster: MemoryCluster) -> None:
    cluster.settle()
    plan = cluster.plans[RUN].plan
    layout = plan.tables[0]
    finer = replace(layout, batch_rows=layout.batch_rows // 2)
    cut = {layout.table: finer.batch_rows}
    now = pod_progress(1, 9.0, "", {layout.table: ((0, 1),)}, "", cut)
    known = {layout.table: [(0, 1)]}
    reported = run_progress(plan, (), {0: now}, known, {layout.table: layout.batch_rows})
    assert reported.tables[0].rows == finer.rows_of(0, 1)


@pytest.mark.parametrize("known_by", ["Job", "pods"])
@pytest.mark.parametrize("end", ["abort", "suspend"])
def test_what_was_made_while_the_operator_was_away_is_counted_before_its_pods_go(
    cluster: MemoryCluster, known_by: str, end: str
) -> None:
    cluster.begin_run()
    shards = cluster.plans[RUN].plan.shards
    for shard in range(shards):
        cluster.end_pod(cluster.start_pod(RUN, shard), 0)
    if known_by == "Job":
        cluster.update_job(RUN, completed_indexes=((0, shards - 1),), succeeded=shards - 1)
    cluster.restart_operator()
    if end == "abort":
        cluster.annotate(abort="1")
    else:
        cluster.change(settings={"suspend": True})
    cluster.settle()
    assert cluster.phase == ("Failed" if end == "abort" else "Suspended")
    assert cluster.run["rows"] == cluster.run["rowsTotal"] > 0
    assert cluster.run["shardsDone"] == shards
    assert all(table["rows"] == table["rowsTotal"] for table in cluster.status["tables"])


def test_a_run_that_fails_counts_the_shards_that_were_done_before(cluster: MemoryCluster) -> None:
    cluster.begin_run()
    cluster.restart_operator()
    cluster.update_job(RUN, completed_indexes=((0, 1),), succeeded=1)
    cluster.fail_job(RUN, 70, index=1)
    cluster.settle()
    assert cluster.phase == "Failed"
    assert cluster.run["shardsDone"] == 1
    assert 0 < cluster.run["rows"] < cluster.run["rowsTotal"]


@pytest.mark.parametrize("stop", ["abort", "suspend"])
def test_rows_that_a_resumed_run_finds_count_for_no_rate(cluster: MemoryCluster, stop: str) -> None:
    cluster.begin_run()
    cluster.wait(600)
    _stop_and_resume(cluster, stop)
    cluster.start_pod(RUN, 0)
    cluster.settle()
    cluster.wait(2)
    heard(cluster, 4)
    found = cluster.run["rows"]
    assert found > 0
    assert not {"rowsPerSecond", "etaSeconds"} & set(cluster.run)
    cluster.wait(10)
    heard(cluster, 5)
    assert cluster.run["rowsPerSecond"] == round((cluster.run["rows"] - found) / 10)


def test_a_resumed_run_whose_pods_are_out_of_reach_has_a_rate_by_its_shards(
    cluster: MemoryCluster,
) -> None:
    cluster.begin_run()
    _stop_and_resume(cluster, "abort")
    cluster.start_pod(RUN, 0)
    cluster.unreachable = 1
    cluster.settle()
    cluster.wait(61)
    cluster.settle()
    cluster.wait(10)
    cluster.update_job(RUN, completed_indexes=((0, 1),), succeeded=1)
    cluster.settle()
    assert cluster.run["rowsPerSecond"] == round(cluster.run["rows"] / 10)


def _stop_and_resume(cluster: MemoryCluster, stop: str) -> None:
    """Of what its pods made meanwhile nothing was told."""
    if stop == "abort":
        cluster.annotate(abort="1")
        cluster.settle()
        cluster.annotate(abort="", resume="again")
    else:
        cluster.change(settings={"suspend": True})
        cluster.settle()
        cluster.change(settings={"suspend": False})
    cluster.settle()
