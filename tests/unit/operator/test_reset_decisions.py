"""A reset that is asked for by the annotation: when it is done, how often, and what it leaves."""

from __future__ import annotations

from typing import Any

import pytest

from rowmill.plan.purging import Written
from tests.unit.operator.memory_cluster import MemoryCluster, experiment
from tests.unit.operator.wishes import (
    FINALIZE,
    RESET,
    RUN,
    begin_another,
    made,
    published,
    removed,
    suspended_and_to_be_reset,
)

NOTHING = {"message": "there was no data to remove", "purged": "nothing"}


@pytest.fixture
def cluster() -> MemoryCluster:
    return published()


def test_a_reset_run_is_reset_and_keeps_its_record(cluster: MemoryCluster) -> None:
    before = cluster.run
    cluster.wait(60)
    cluster.annotate(reset="1")
    cluster.settle()
    assert list(cluster.jobs) == [RESET]
    assert (cluster.phase, cluster.condition("Progressing")["reason"]) == ("Complete", "Resetting")
    removed(cluster)
    assert cluster.phase == "Reset"
    kept = {name: cluster.run[name] for name in ("number", "id", "digest", "finishedAt")}
    assert kept == {name: before[name] for name in kept}
    assert cluster.run["outcome"] == "Reset"
    assert cluster.run["reset"] | {"finishedAt": ""} == {
        "request": "1",
        "finishedAt": "",
        "tables": 5,
        "rows": 10,
        "objects": 2,
    }
    assert [(e["number"], e["phase"]) for e in cluster.status["history"]] == [(1, "Reset")]
    reasons = {c["type"]: (c["status"], c["reason"]) for c in cluster.status["conditions"]}
    assert reasons["Complete"] == reasons["Failed"] == reasons["Stalled"] == ("False", "Reset")
    told = cluster.reported[-2:]
    assert [(e.reason, e.warning) for e in told] == [("Resetting", False), ("Reset", False)]
    assert told[-1].message.startswith("removed 5 tables with 10 rows; `kubectl rowmill rerun")


def test_of_what_was_reset_nothing_is_durable(cluster: MemoryCluster) -> None:
    total, planned = cluster.run["rowsTotal"], [t["rowsTotal"] for t in cluster.status["tables"]]
    begin_another(cluster)
    cluster.finish_run(2)
    cluster.annotate(reset="2")
    cluster.settle()
    removed(cluster, 2)
    run, tables = cluster.run, cluster.status["tables"]
    assert (run["rows"], run["rowsTotal"], run["percent"], run["shardsDone"]) == (0, total, 0, 0)
    assert [(t["rows"], t["rowsTotal"]) for t in tables] == [(0, rows) for rows in planned]
    assert not any(table["completedBatches"] for table in tables)
    assert [(e["number"], e["rows"]) for e in cluster.status["history"]] == [(2, 0), (1, 0)]


@pytest.mark.parametrize(
    ("again", "words", "tables"),
    [
        ({"message": "there was no data to remove", "purged": "nothing"}, "nothing was left", 5),
        (
            {"message": "removed 1 table", "purged": "removed", "removed": {"tables": 1}},
            "then, asked again: removed 1 table",
            6,
        ),
    ],
    ids=["nothing", "more"],
)
def test_what_a_reset_removed_is_told_after_the_next_as_well(
    cluster: MemoryCluster, again: dict[str, Any], words: str, tables: int
) -> None:
    cluster.annotate(reset="1")
    cluster.settle()
    removed(cluster)
    for request in ("1.1", "1.2"):
        cluster.annotate(reset=request)
        cluster.settle()
        cluster.complete_job(RESET, **(again if request == "1.1" else NOTHING))
        cluster.settle()
    met = cluster.run["reset"]
    assert (met["request"], met["tables"], met["rows"]) == ("1.2", tables, 10)
    told = cluster.run["message"]
    assert told.startswith("removed 5 tables with 10 rows; ")
    assert words in told
    assert told.count("nothing was left") == 1


def test_the_pod_of_a_reset_must_find_what_is_published(cluster: MemoryCluster) -> None:
    cluster.annotate(reset="1")
    cluster.settle()
    (container,) = cluster.manifests[-1]["spec"]["template"]["spec"]["containers"]
    told = {one["name"]: one["value"] for one in container["env"]}
    assert told["ROWMILL_WRITTEN"] == Written(1, "abc").to_text()
    removed(cluster)
    cluster.change(settings={"deletionPolicy": "Purge"})
    cluster.settle()
    cluster.delete()
    cluster.settle()
    (container,) = cluster.manifests[-1]["spec"]["template"]["spec"]["containers"]
    assert container["args"] == ["purge"]
    assert "ROWMILL_WRITTEN" not in {one["name"] for one in container["env"]}


def test_a_reset_that_stands_makes_no_job_whatever_happens(cluster: MemoryCluster) -> None:
    cluster.annotate(reset="1")
    cluster.settle()
    removed(cluster)
    jobs = made(cluster)
    cluster.jobs.clear()
    cluster.pods.clear()
    cluster.plans.clear()
    cluster.restart_operator()
    cluster.annotate(resume="now", abort="1")
    cluster.change(settings={"parallelism": 3, "suspend": True})
    cluster.settle()
    cluster.change(settings={"suspend": False})
    cluster.wait(3_600)
    cluster.settle()
    assert (cluster.phase, made(cluster)) == ("Reset", jobs)


def test_a_wish_is_met_once_and_once_more_by_another_name(cluster: MemoryCluster) -> None:
    cluster.annotate(reset="1")
    cluster.settle()
    removed(cluster)
    cluster.annotate(reset="")
    cluster.settle()
    cluster.annotate(reset="1")
    cluster.settle()
    assert made(cluster).count(RESET) == 1
    cluster.annotate(reset="1.1")
    cluster.settle()
    assert made(cluster).count(RESET) == 2
    assert cluster.phase == "Reset"
    removed(cluster)
    assert cluster.run["reset"]["request"] == "1.1"


def test_an_older_wish_that_comes_back_is_met(cluster: MemoryCluster) -> None:
    """A tool applies an earlier commit, and then the later one again."""
    for request in ("1", "1.9", "1.10"):
        cluster.annotate(reset=request)
        cluster.settle()
        removed(cluster)
    for request in ("1", "1.1", "1.9", "1.09", "1.10"):
        cluster.annotate(reset=request)
        cluster.settle()
        assert made(cluster).count(RESET) == 3
    assert cluster.run["reset"]["request"] == "1.10"
    cluster.annotate(reset="1.11")
    cluster.settle()
    assert made(cluster).count(RESET) == 4


def test_a_live_run_is_reset_once_it_has_ended() -> None:
    cluster = MemoryCluster(experiment())
    cluster.begin_run()
    cluster.annotate(reset="1")
    cluster.settle()
    assert list(cluster.jobs) == [RUN], "it goes on"
    assert cluster.phase == "Running"
    cluster.finish_run()
    assert made(cluster) == [RUN, FINALIZE, RESET]
    removed(cluster)
    assert cluster.phase == "Reset"


def test_the_jobs_of_a_run_are_gone_with_their_pods_before_its_data_goes(
    cluster: MemoryCluster,
) -> None:
    cluster.annotate(reset="1")
    for _ in range(3):
        cluster.look()
    assert cluster.jobs[RUN].deleted
    assert cluster.jobs[FINALIZE].deleted
    assert RESET not in cluster.jobs
    cluster.collect()
    cluster.settle()
    assert RESET in cluster.jobs


def test_a_pod_of_the_run_whose_job_is_gone_is_waited_for(cluster: MemoryCluster) -> None:
    pod = cluster.start_pod(FINALIZE)
    cluster.jobs.clear()
    cluster.annotate(reset="1")
    cluster.settle()
    assert not cluster.jobs
    cluster.end_pod(pod, 143)
    cluster.settle()
    assert list(cluster.jobs) == [RESET]


def test_an_aborted_run_is_reset_when_its_pods_are_gone() -> None:
    cluster = MemoryCluster(experiment())
    cluster.begin_run()
    cluster.annotate(reset="1", abort="1")
    for _ in range(6):
        cluster.look()
    assert RESET not in cluster.jobs, "pods of the run may still write"
    cluster.collect()
    cluster.settle()
    assert list(cluster.jobs) == [RESET]
    removed(cluster)
    assert cluster.phase == "Reset"


def test_a_suspended_run_is_reset_and_not_begun_again() -> None:
    cluster = suspended_and_to_be_reset()
    assert (cluster.phase, cluster.condition("Progressing")["reason"]) == ("Pending", "Resetting")
    removed(cluster)
    cluster.change(settings={"suspend": False})
    cluster.settle()
    assert cluster.phase == "Reset"
    assert made(cluster) == [RUN, RESET]


@pytest.mark.parametrize("ended", [True, False])
def test_the_newest_run_is_reset_while_a_changed_spec_is_suspended(ended: bool) -> None:
    """Its number is the one that people see: no next run has begun."""
    cluster = published() if ended else MemoryCluster(experiment())
    if not ended:
        cluster.begin_run()
    cluster.digest = "sha256:" + "b" * 64
    cluster.change(settings={"suspend": True, "seed": 2})
    cluster.settle()
    assert cluster.phase == "Suspended"
    cluster.annotate(reset="1")
    cluster.settle()
    removed(cluster)
    assert (cluster.phase, cluster.run["outcome"]) == ("Suspended", "Reset")
    cluster.change(settings={"suspend": False})
    cluster.settle()
    assert list(cluster.jobs) == ["shop-run-2"]


@pytest.mark.parametrize("changes", [{"rerun": "2"}, {}])
def test_a_next_run_begins_as_always(cluster: MemoryCluster, changes: dict[str, str]) -> None:
    cluster.annotate(reset="1")
    cluster.settle()
    removed(cluster)
    cluster.digest = "sha256:" + "b" * 64
    if changes:
        cluster.annotate(**changes)
    else:
        cluster.change(settings={"seed": 2})
    cluster.finish_run(2)
    assert (cluster.phase, cluster.run["number"]) == ("Complete", 2)
    assert "replaces" not in cluster.run, "there was nothing to replace"
    assert [(e["number"], e["phase"]) for e in cluster.status["history"]] == [
        (2, "Complete"),
        (1, "Reset"),
    ]
    assert made(cluster)[-2:] == ["shop-run-2", "shop-run-2-finalize"]


def test_a_reset_takes_the_data_of_the_runs_before_as_well(cluster: MemoryCluster) -> None:
    cluster.digest = "sha256:" + "b" * 64
    cluster.annotate(rerun="2")
    cluster.settle()
    cluster.fail_job("shop-run-2", 64, reason="InvalidSpec", message="no")
    cluster.settle()
    cluster.annotate(reset="2")
    cluster.settle()
    removed(cluster, 2)
    phases = [(e["number"], e["phase"]) for e in cluster.status["history"]]
    assert phases == [(2, "Reset"), (1, "Reset")], "as on one machine"
    assert cluster.condition("Verified")["message"] == "nothing is published"
    assert list(cluster.plans) == ["shop-run-2"]
    cluster.digest = "sha256:" + "c" * 64
    cluster.annotate(rerun="3")
    cluster.settle()
    assert "replaces" not in cluster.run


def test_a_wish_for_an_earlier_run_does_nothing(cluster: MemoryCluster) -> None:
    cluster.digest = "sha256:" + "b" * 64
    cluster.annotate(rerun="2")
    cluster.finish_run(2)
    for text in ("1", "1.7", "3", "two", "2.x"):
        cluster.annotate(reset=text)
        cluster.settle()
    assert cluster.phase == "Complete"
    assert made(cluster)[-1] == "shop-run-2-finalize"


def test_a_copied_experiment_does_not_do_again_what_was_asked_of_the_first() -> None:
    asked = {"rowmill.dev/reset": "1"}
    cluster = MemoryCluster(experiment(uid="uid-2", annotations=asked))
    cluster.finish_run()
    cluster.restart_operator()
    cluster.settle()
    assert cluster.phase == "Complete"
    assert RESET not in made(cluster)
    cluster.annotate(reset="1.1")
    cluster.settle()
    assert RESET in made(cluster), "asked of this one"


def test_a_copy_is_reset_whatever_number_was_asked_of_the_first() -> None:
    """What the copy came with names a run that it has not had yet."""
    asked = {"rowmill.dev/reset": "7.2"}
    cluster = MemoryCluster(experiment(uid="uid-2", annotations=asked))
    cluster.finish_run()
    assert RESET not in made(cluster)
    cluster.annotate(reset="1")
    cluster.settle()
    removed(cluster)
    assert cluster.phase == "Reset"


def test_an_experiment_restored_from_before_is_not_reset_again(cluster: MemoryCluster) -> None:
    cluster.annotate(reset="1")
    cluster.settle()
    removed(cluster)
    status, annotations = cluster.experiment.status, cluster.experiment.annotations
    restored = MemoryCluster(experiment(uid="uid-2", annotations=annotations, status=status))
    restored.settle()
    assert restored.phase == "Reset"
    assert not restored.jobs
