"""A reset that is asked for by the annotation: when it is done, how often, and what it leaves."""

from __future__ import annotations

from typing import Any

import pytest

from rowmill.plan.purging import Written
from rowmill.spec.manifest.status import ExperimentStatus
from rowmill_operator.model.actions import CreateJob
from tests.unit.operator.memory_cluster import MemoryCluster, experiment

RUN, FINALIZE, RESET = "shop-run-1", "shop-run-1-finalize", "shop-run-1-reset"
REMOVED: dict[str, Any] = {
    "message": "removed 5 tables with 10 rows",
    "purged": "removed",
    "removed": {"tables": 5, "rows": 10, "objects": 2},
}


def made(cluster: MemoryCluster) -> list[str]:
    return [a.manifest["metadata"]["name"] for a in cluster.log if isinstance(a, CreateJob)]


def removed(cluster: MemoryCluster, number: int = 1) -> None:
    """The pod of a reset removes the data of the run."""
    cluster.complete_job(f"shop-run-{number}-reset", **REMOVED)
    cluster.settle()


@pytest.fixture
def cluster() -> MemoryCluster:
    cluster = MemoryCluster(experiment())
    cluster.finish_run(run="abc")
    return cluster


def test_a_reset_run_is_reset_and_keeps_its_record(cluster: MemoryCluster) -> None:
    before, rows = cluster.run, cluster.run["rows"]
    cluster.annotate(reset="1")
    cluster.settle()
    assert list(cluster.jobs) == [RESET]
    assert (cluster.phase, cluster.condition("Progressing")["reason"]) == ("Complete", "Resetting")
    removed(cluster)
    assert cluster.phase == "Reset"
    kept = {name: cluster.run[name] for name in ("number", "id", "digest", "finishedAt", "rows")}
    assert kept == {name: before[name] for name in kept}
    assert cluster.run["outcome"] == "Reset"
    assert cluster.run["reset"] | {"finishedAt": ""} == {
        "request": "1",
        "finishedAt": "",
        "tables": 5,
        "rows": 10,
        "objects": 2,
    }
    assert [(e["number"], e["phase"], e["rows"]) for e in cluster.status["history"]] == [
        (1, "Reset", rows)
    ]
    reasons = {c["type"]: (c["status"], c["reason"]) for c in cluster.status["conditions"]}
    assert reasons["Complete"] == reasons["Failed"] == reasons["Stalled"] == ("False", "Reset")
    told = cluster.reported[-2:]
    assert [(e.reason, e.warning) for e in told] == [("Resetting", False), ("Reset", False)]
    assert told[-1].message.startswith("removed 5 tables with 10 rows; `kubectl rowmill rerun")


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
    cluster = MemoryCluster(experiment())
    cluster.begin_run()
    cluster.change(settings={"suspend": True})
    cluster.settle()
    cluster.annotate(reset="1")
    cluster.settle()
    removed(cluster)
    cluster.change(settings={"suspend": False})
    cluster.settle()
    assert cluster.phase == "Reset"
    assert made(cluster) == [RUN, RESET]


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


def test_an_experiment_restored_from_before_is_not_reset_again(cluster: MemoryCluster) -> None:
    cluster.annotate(reset="1")
    cluster.settle()
    removed(cluster)
    status, annotations = cluster.experiment.status, cluster.experiment.annotations
    restored = MemoryCluster(experiment(uid="uid-2", annotations=annotations, status=status))
    restored.settle()
    assert restored.phase == "Reset"
    assert not restored.jobs


def test_an_operator_that_was_down_finds_the_wish_and_what_came_of_it(
    cluster: MemoryCluster,
) -> None:
    cluster.annotate(reset="1")
    cluster.restart_operator()
    cluster.settle()
    cluster.complete_job(RESET, **REMOVED)
    cluster.restart_operator()
    cluster.annotate(reset="")
    cluster.settle()
    assert cluster.phase == "Reset", "the data is gone, whatever is asked for by now"
    assert cluster.run["reset"]["request"] == "1"


def test_an_operator_cut_before_it_makes_the_job_makes_it_later(cluster: MemoryCluster) -> None:
    cluster.annotate(reset="1")
    cluster.cut_before = CreateJob
    cluster.look()
    cluster.restart_operator()
    cluster.settle()
    assert RESET in cluster.jobs


def test_a_refused_reset_says_why_once_and_is_tried_each_minute(cluster: MemoryCluster) -> None:
    cluster.annotate(reset="1")
    cluster.settle()
    for _ in range(3):
        cluster.fail_job(RESET, 65, reason="CredentialsRefused", message="no such role")
        cluster.settle()
        assert cluster.phase == "Complete"
        assert cluster.condition("Stalled")["reason"] == "CredentialsRefused"
        cluster.wait(61)
        cluster.settle()
        assert cluster.jobs[RESET].failed is None, "made again"
        assert cluster.condition("Stalled")["status"] == "True", "until it gets on"
    assert cluster.warned() == ["CredentialsRefused"]
    removed(cluster)
    assert cluster.phase == "Reset"
    assert cluster.condition("Stalled")["status"] == "False"


def test_what_keeps_its_pod_from_starting_is_told_until_that_is_mended(
    cluster: MemoryCluster,
) -> None:
    cluster.annotate(reset="1")
    cluster.settle()
    cluster.warn(RESET, "FailedCreate", "exceeded quota: none")
    cluster.settle()
    assert cluster.condition("Stalled")["reason"] == "QuotaExceeded"
    cluster.wait(1)
    cluster.start_pod(RESET)
    cluster.settle()
    assert cluster.condition("Stalled")["status"] == "False"
    assert cluster.condition("Progressing")["reason"] == "Resetting"


def test_a_reset_that_nobody_asks_for_any_more_is_called_off(cluster: MemoryCluster) -> None:
    cluster.annotate(reset="1")
    cluster.settle()
    cluster.fail_job(RESET, 65, reason="CredentialsRefused", message="no such role")
    cluster.settle()
    cluster.wait(61)
    cluster.settle()
    assert cluster.condition("Stalled")["reason"] == "CredentialsRefused"
    cluster.annotate(reset="")
    cluster.settle()
    assert RESET not in cluster.jobs
    assert cluster.phase == "Complete"
    assert cluster.condition("Stalled")["status"] == "False"
    assert "refused" not in cluster.run


def test_a_next_run_waits_for_a_reset_that_is_at_work(cluster: MemoryCluster) -> None:
    cluster.annotate(reset="1")
    cluster.settle()
    pod = cluster.start_pod(RESET)
    cluster.digest = "sha256:" + "b" * 64
    cluster.change(settings={"seed": 2})
    for _ in range(8):
        cluster.look()
        cluster.collect()
    assert RESET in cluster.jobs
    assert "shop-run-2" not in cluster.plans
    cluster.end_pod(pod, 0, **REMOVED)
    cluster.update_job(RESET, complete=True, finished=cluster.now)
    cluster.settle()
    assert [e["phase"] for e in cluster.status["history"]] == ["Reset"]
    assert list(cluster.jobs) == ["shop-run-2"]


def test_a_next_run_does_not_wait_for_a_reset_that_cannot_start(cluster: MemoryCluster) -> None:
    cluster.annotate(reset="1")
    cluster.settle()
    cluster.digest = "sha256:" + "b" * 64
    cluster.change(settings={"seed": 2})
    cluster.settle()
    assert list(cluster.jobs) == ["shop-run-2"]


def test_a_lost_plan_is_made_again_for_a_reset(cluster: MemoryCluster) -> None:
    cluster.plans.clear()
    cluster.annotate(reset="1")
    cluster.settle()
    assert list(cluster.plans) == [RUN]
    assert RESET in cluster.jobs


def test_without_plan_and_with_a_refused_spec_a_reset_says_so(cluster: MemoryCluster) -> None:
    cluster.plans.clear()
    cluster.problems = ("wrong",)
    cluster.change(settings={"seed": 2})
    cluster.annotate(reset="1")
    cluster.settle()
    assert cluster.condition("Stalled")["reason"] == "InvalidSpec"
    assert RESET not in cluster.jobs


def test_its_jobs_go_some_time_after_the_reset(cluster: MemoryCluster) -> None:
    cluster.change(settings={"ttlSecondsAfterFinished": 100})
    cluster.annotate(reset="1")
    cluster.settle()
    cluster.wait(50)
    removed(cluster)
    cluster.wait(60)
    cluster.settle()
    assert RESET in cluster.jobs
    cluster.wait(50)
    cluster.settle()
    assert not cluster.jobs
    assert cluster.phase == "Reset"


def test_a_purge_ends_a_reset_first(cluster: MemoryCluster) -> None:
    cluster.change(settings={"deletionPolicy": "Purge"})
    cluster.annotate(reset="1")
    cluster.settle()
    cluster.start_pod(RESET)
    cluster.delete()
    for _ in range(3):
        cluster.look()
    assert cluster.jobs[RESET].deleted
    assert "shop-purge" not in cluster.jobs
    cluster.collect()
    cluster.settle()
    assert list(cluster.jobs) == ["shop-purge"]


def test_a_reset_whose_pod_was_ended_after_all_was_removed_is_done(
    cluster: MemoryCluster,
) -> None:
    cluster.annotate(reset="1")
    cluster.settle()
    cluster.fail_job(RESET, 143, **REMOVED)
    cluster.settle()
    assert cluster.phase == "Reset"


def test_a_reset_is_not_done_while_another_pod_of_it_is_at_work(cluster: MemoryCluster) -> None:
    cluster.annotate(reset="1")
    cluster.settle()
    cluster.end_pod(cluster.start_pod(RESET), 143, **REMOVED)
    cluster.start_pod(RESET)
    cluster.settle()
    assert (cluster.phase, cluster.condition("Progressing")["reason"]) == ("Complete", "Resetting")


def test_a_reset_whose_pod_is_gone_unheard_is_done_all_the_same(cluster: MemoryCluster) -> None:
    cluster.annotate(reset="1")
    cluster.settle()
    cluster.update_job(RESET, complete=True, finished=cluster.now)
    cluster.settle()
    assert cluster.phase == "Complete"
    cluster.wait(11)
    cluster.settle()
    assert cluster.phase == "Reset"
    assert "tables" not in cluster.run["reset"]


def test_a_status_that_was_lost_meets_no_old_wish(cluster: MemoryCluster) -> None:
    cluster.annotate(reset="1")
    cluster.change(status=ExperimentStatus())
    cluster.settle()
    assert RESET not in made(cluster)


def test_a_job_that_somebody_deleted_is_made_again_once_it_is_gone(cluster: MemoryCluster) -> None:
    cluster.annotate(reset="1")
    cluster.settle()
    cluster.update_job(RESET, deleted=True)
    cluster.look()
    assert made(cluster).count(RESET) == 1, "its name is taken until it is gone"
    cluster.collect()
    cluster.settle()
    assert not cluster.jobs[RESET].deleted
