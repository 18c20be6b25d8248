"""What is decided when a person suspends, resumes, aborts, reruns or edits an Experiment."""

from __future__ import annotations

from typing import Any

import pytest

from rowmill.spec.manifest.status import MAX_HISTORY, ExperimentStatus, PastRunStatus, RunStatus
from rowmill_operator.model.actions import SetParallelism
from tests.unit.operator.memory_cluster import MemoryCluster, experiment

RUN = "shop-run-1"


def test_an_edit_that_changes_no_data_starts_no_run(cluster: MemoryCluster) -> None:
    cluster.finish_run()
    cluster.change(settings={"runHistoryLimit": 3})
    cluster.settle()
    assert list(cluster.plans) == [RUN]
    assert cluster.phase == "Complete"
    assert cluster.status["observedGeneration"] == 2


def test_changed_data_in_mid_run_waits_for_the_old_pods_then_starts_run_2(
    cluster: MemoryCluster,
) -> None:
    cluster.begin_run()
    cluster.digest = "sha256:" + "b" * 64
    cluster.change(settings={"seed": 2})
    for _ in range(4):
        cluster.look()
    assert cluster.jobs[RUN].deleted
    assert list(cluster.plans) == [RUN], "the next run waits until Job and pods are gone"
    assert cluster.condition("Progressing")["reason"] == "Replacing"
    cluster.collect()
    cluster.settle()
    assert list(cluster.plans) == ["shop-run-2"], "the plan of the given up run is gone"
    assert list(cluster.jobs) == ["shop-run-2"]
    assert [(e["number"], e["phase"]) for e in cluster.status["history"]] == [(1, "Aborted")]


def test_rerun_makes_run_2_and_history_shows_both(cluster: MemoryCluster) -> None:
    cluster.finish_run()
    cluster.digest = "sha256:" + "c" * 64
    cluster.annotate(rerun="again")
    cluster.finish_run(2)
    assert cluster.plans["shop-run-2"].rerun == "again"
    assert [(e["number"], e["phase"]) for e in cluster.status["history"]] == [
        (2, "Complete"),
        (1, "Complete"),
    ]


def test_history_keeps_as_many_runs_as_wished() -> None:
    cluster = MemoryCluster(experiment(settings={"runHistoryLimit": 2}))
    for number in (1, 2, 3):
        cluster.digest = f"sha256:{number:064x}"
        cluster.annotate(rerun=str(number))
        cluster.finish_run(number)
    assert [e["number"] for e in cluster.status["history"]] == [3, 2]


def test_the_longest_history_has_room_for_the_published_run() -> None:
    cluster = MemoryCluster(experiment(settings={"runHistoryLimit": MAX_HISTORY}))
    newest = MAX_HISTORY + 1
    failed = [PastRunStatus(number, phase="Failed") for number in range(newest, 1, -1)]
    before = ExperimentStatus(
        run=RunStatus(number=newest, outcome="Failed"),
        history=(*failed[:-1], PastRunStatus(1, phase="Complete")),
    )
    cluster.change(status=before)
    cluster.settle()
    cluster.annotate(abort=str(newest + 1))
    cluster.settle()
    numbers = [entry["number"] for entry in cluster.status["history"]]
    assert numbers == [*range(newest + 1, 3, -1), 1]


def test_suspend_ends_the_pods_and_says_so_only_when_they_are_gone(
    cluster: MemoryCluster,
) -> None:
    cluster.begin_run()
    cluster.change(settings={"suspend": True})
    for _ in range(3):
        cluster.look()
    assert cluster.jobs[RUN].deleted
    assert cluster.condition("Suspended")["status"] == "False"
    assert cluster.condition("Progressing")["reason"] == "Suspending"
    cluster.collect()
    cluster.settle()
    assert cluster.phase == "Suspended"
    assert cluster.condition("Suspended")["status"] == "True"
    assert not cluster.jobs


def test_resume_makes_the_job_again_under_the_same_number(cluster: MemoryCluster) -> None:
    cluster.begin_run()
    cluster.change(settings={"suspend": True})
    cluster.settle()
    cluster.change(settings={"suspend": False})
    cluster.settle()
    assert list(cluster.jobs) == [RUN]
    assert cluster.phase in ("Pending", "Running")
    cluster.finish_run()
    assert cluster.phase == "Complete"
    assert cluster.run["number"] == 1


def test_a_new_suspended_experiment_creates_nothing() -> None:
    cluster = MemoryCluster(experiment(settings={"suspend": True}))
    cluster.settle()
    assert not cluster.jobs
    assert not cluster.plans
    assert cluster.phase == "Suspended"


def test_suspending_a_complete_run_changes_nothing(cluster: MemoryCluster) -> None:
    cluster.finish_run()
    cluster.change(settings={"suspend": True})
    cluster.settle()
    assert cluster.phase == "Complete"


def test_abort_fails_the_run_and_names_the_reason(cluster: MemoryCluster) -> None:
    cluster.begin_run()
    cluster.annotate(abort="1")
    cluster.settle()
    assert cluster.phase == "Failed"
    assert cluster.condition("Failed")["reason"] == "Aborted"
    assert not cluster.jobs
    cluster.restart_operator()
    cluster.settle()
    assert not cluster.jobs, "aborted is the end"


def test_abort_of_another_run_is_no_abort(cluster: MemoryCluster) -> None:
    cluster.annotate(abort="7")
    cluster.settle()
    assert list(cluster.jobs) == [RUN]


@pytest.mark.parametrize(
    ("abort", "ended", "jobs"),
    [("1", [(1, "Aborted")], ["shop-run-2"]), ("2", [(2, "Aborted"), (1, "Aborted")], [])],
)
def test_beside_a_rerun_an_abort_ends_the_run_that_it_names(
    cluster: MemoryCluster, abort: str, ended: list[tuple[int, str]], jobs: list[str]
) -> None:
    cluster.begin_run()
    cluster.digest = "sha256:" + "c" * 64
    cluster.annotate(rerun="again", abort=abort)
    cluster.settle()
    assert [(e["number"], e["phase"]) for e in cluster.status["history"]] == ended
    assert list(cluster.jobs) == jobs
    made = [manifest["metadata"]["name"] for manifest in cluster.manifests]
    assert made == [RUN, *jobs], "a run that is aborted before it begins has no pods"


def test_an_abort_of_the_run_of_an_edit_ends_no_run_of_a_later_edit(
    cluster: MemoryCluster,
) -> None:
    """It stays where that edit was taken back before anybody looked."""
    cluster.finish_run()
    generation = cluster.experiment.generation
    cluster.annotate(abort=f"2@{generation + 1}")
    for spec in (2, 3):
        cluster.change(settings={"seed": spec})
    cluster.digest = "sha256:" + "b" * 64
    cluster.settle()
    cluster.collect()
    cluster.settle()
    assert list(cluster.jobs) == ["shop-run-2"]
    assert cluster.phase != "Failed"


def test_an_abort_of_the_run_of_an_edit_ends_that_run(cluster: MemoryCluster) -> None:
    cluster.finish_run()
    cluster.annotate(abort=f"2@{cluster.experiment.generation + 1}")
    cluster.digest = "sha256:" + "b" * 64
    cluster.change(settings={"seed": 2})
    cluster.settle()
    cluster.collect()
    cluster.settle()
    assert (cluster.phase, cluster.condition("Failed")["reason"]) == ("Failed", "Aborted")


def test_a_resume_and_then_an_abort_that_are_seen_at_once_make_no_pod(
    cluster: MemoryCluster,
) -> None:
    cluster.settle()
    cluster.fail_job(RUN, 70, index=1)
    cluster.settle()
    made = len(cluster.manifests)
    cluster.annotate(resume="again", abort="1")
    cluster.settle()
    assert (cluster.phase, cluster.condition("Failed")["reason"]) == ("Failed", "Aborted")
    assert len(cluster.manifests) == made


def test_an_abort_of_a_run_that_waits_for_room_lets_none_begin(cluster: MemoryCluster) -> None:
    cluster.begin_run()
    cluster.digest = "sha256:" + "c" * 64
    cluster.annotate(rerun="again")
    for _ in range(4):
        cluster.look()
    assert cluster.condition("Progressing")["reason"] == "Replacing"
    cluster.annotate(abort="2")
    cluster.settle()
    assert (cluster.phase, cluster.run["number"], cluster.jobs) == ("Failed", 2, {})
    assert cluster.condition("Failed")["reason"] == "Aborted"


def test_a_failed_run_is_resumed_under_its_number(cluster: MemoryCluster) -> None:
    cluster.settle()
    cluster.fail_job(RUN, 70, index=1, reason="WorkerFailed", message="out of luck")
    cluster.settle()
    assert cluster.phase == "Failed"
    assert "shard 1" in cluster.condition("Failed")["message"]
    assert "out of luck" in cluster.condition("Failed")["message"]
    cluster.annotate(resume="t1")
    cluster.finish_run()
    assert cluster.phase == "Complete"
    assert list(cluster.plans) == [RUN]


def test_a_run_that_is_told_whom_to_adopt_begins_anew_with_that_frozen(
    cluster: MemoryCluster,
) -> None:
    cluster.settle()
    cluster.fail_job(RUN, 65, index=0, reason="TargetInUse", message="belongs to here/team/other")
    cluster.settle()
    cluster.annotate(adopt="here/team/other")
    cluster.settle()
    assert cluster.plans["shop-run-2"].adopt == "here/team/other"
    cluster.finish_run(2)
    assert [(e["number"], e["phase"]) for e in cluster.status["history"]] == [
        (2, "Complete"),
        (1, "Aborted"),
    ]
    cluster.annotate(adopt="here/team/another")
    cluster.settle()
    assert cluster.phase == "Complete", "what is complete is left alone"
    assert cluster.run["number"] == 2


def test_parallelism_is_patched_and_nothing_else(cluster: MemoryCluster) -> None:
    cluster.settle()
    uid = cluster.job(RUN).uid
    cluster.change(settings={"parallelism": 1})
    cluster.settle()
    assert cluster.job(RUN).uid == uid
    assert cluster.job(RUN).parallelism == 1
    assert [a for a in cluster.log if isinstance(a, SetParallelism)]


@pytest.mark.parametrize(
    "change",
    [
        {"resources": {"limits": {"memory": "1Gi"}}},
        {"podTemplate": {"nodeSelector": {"disk": "fast"}}},
        {"destinations": {"postgres": {"secretName": "other"}}},
    ],
)
def test_what_shapes_pods_makes_the_job_again_under_the_same_number(
    cluster: MemoryCluster, change: dict[str, Any]
) -> None:
    cluster.settle()
    uid = cluster.job(RUN).uid
    cluster.change(settings=change)
    cluster.settle()
    assert cluster.job(RUN).uid != uid
    assert list(cluster.plans) == [RUN]
