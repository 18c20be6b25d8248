"""A reset that cannot begin, fails, is called off, or is met by an operator that was away."""

from __future__ import annotations

import pytest

from rowmill_operator.model.actions import CreateJob
from tests.unit.operator.memory_cluster import MemoryCluster, experiment
from tests.unit.operator.wishes import (
    REMOVED,
    RESET,
    RUN,
    made,
    published,
    removed,
)


@pytest.fixture
def cluster() -> MemoryCluster:
    return published()


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


def test_a_reset_that_is_tried_again_and_again_is_told_once(cluster: MemoryCluster) -> None:
    told = len(cluster.reported)
    cluster.annotate(reset="1")
    cluster.settle()
    for _ in range(3):
        pod = cluster.start_pod(RESET)
        cluster.settle()
        cluster.wait(20)
        cluster.end_pod(pod, 70, reason="DestinationUnavailable", message="out of reach")
        cluster.settle()
        assert cluster.condition("Stalled")["reason"] == "Retrying"
        cluster.wait(20)
    cluster.start_pod(RESET)
    cluster.settle()
    assert cluster.condition("Stalled")["status"] == "True", "until it gets on"
    assert "out of reach" in cluster.condition("Stalled")["message"]
    assert [e.reason for e in cluster.reported[told:]] == ["Resetting", "Retrying"]
    removed(cluster)
    assert [e.reason for e in cluster.reported[told:]] == ["Resetting", "Retrying", "Reset"]


def test_each_reset_of_a_failed_run_is_told() -> None:
    cluster = MemoryCluster(experiment())
    cluster.begin_run()
    cluster.fail_job(RUN, 64, index=0, reason="InvalidSpec", message="no")
    cluster.settle()
    told = len(cluster.reported)
    for request in ("1", "1.1"):
        cluster.annotate(reset=request)
        cluster.settle()
        pod = cluster.start_pod(RESET)
        cluster.settle()
        cluster.end_pod(pod, 70, reason="DestinationUnavailable", message="out of reach")
        cluster.settle()
        cluster.wait(20)
        removed(cluster)
    reasons = [e.reason for e in cluster.reported[told:]]
    assert reasons == ["Resetting", "Retrying", "Reset"] * 2


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
    assert [e.reason for e in cluster.reported].count("Resetting") == 1, "told once"


def test_a_job_that_the_api_server_refuses_is_told_as_stuck_at_once(
    cluster: MemoryCluster,
) -> None:
    cluster.annotate(reset="1")
    cluster.warn(RESET, "FailedCreate", "exceeded quota: jobs")
    while RESET not in made(cluster):
        cluster.look()
        cluster.collect()
    assert cluster.condition("Stalled")["reason"] == "QuotaExceeded"


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


def test_a_next_run_waits_for_what_became_of_a_reset(cluster: MemoryCluster) -> None:
    """Its pod's end is seen after that of its Job, or never."""
    cluster.annotate(reset="1")
    cluster.settle()
    cluster.update_job(RESET, complete=True, finished=cluster.now)
    cluster.digest = "sha256:" + "b" * 64
    cluster.change(settings={"seed": 2})
    cluster.settle()
    assert not cluster.jobs[RESET].deleted
    cluster.wait(11)
    cluster.settle()
    assert [(e["number"], e["phase"]) for e in cluster.status["history"]] == [(1, "Reset")]
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


def test_a_lost_plan_is_not_made_again_by_another_spec(cluster: MemoryCluster) -> None:
    cluster.plans.clear()
    cluster.digest = "sha256:" + "b" * 64
    cluster.change(settings={"suspend": True, "seed": 2})
    cluster.annotate(reset="1")
    cluster.settle()
    assert not cluster.plans
    assert not cluster.jobs
    assert cluster.condition("Stalled")["reason"] == "PlanLost"
    cluster.change(settings={"suspend": False})
    cluster.settle()
    assert (list(cluster.plans), list(cluster.jobs)) == (["shop-run-2"], ["shop-run-2"])
    assert cluster.condition("Stalled")["status"] == "False"


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


def test_a_job_that_somebody_deleted_is_made_again_once_it_is_gone(cluster: MemoryCluster) -> None:
    cluster.annotate(reset="1")
    cluster.settle()
    cluster.update_job(RESET, deleted=True)
    cluster.look()
    assert made(cluster).count(RESET) == 1, "its name is taken until it is gone"
    cluster.collect()
    cluster.settle()
    assert not cluster.jobs[RESET].deleted


TAKEN = {
    "message": "run 2 of here/team/shop was begun since run 1: nothing was removed",
    "purged": "taken",
    "removed": {"tables": 0, "rows": 0, "objects": 0},
}


def test_a_reset_that_may_remove_nothing_leaves_the_run_what_it_was(
    cluster: MemoryCluster,
) -> None:
    before = cluster.run["finishedAt"]
    cluster.annotate(reset="1")
    cluster.settle()
    told = len(cluster.reported)
    cluster.wait(5)
    cluster.complete_job(RESET, **TAKEN)
    cluster.settle()
    assert (cluster.phase, cluster.run["finishedAt"]) == ("Complete", before)
    assert [e["phase"] for e in cluster.status["history"]] == ["Complete"]
    assert cluster.run["reset"] == {
        "request": "1",
        "finishedAt": "2026-03-01T12:00:05Z",
        "reason": "NotReset",
        "message": TAKEN["message"],
    }
    events = [(e.reason, e.warning, e.message) for e in cluster.reported[told:]]
    assert events == [("NotReset", True, TAKEN["message"])]
    assert made(cluster).count(RESET) == 1
    cluster.restart_operator()
    cluster.wait(3_600)
    cluster.settle()
    assert made(cluster).count(RESET) == 1, "asked once"
    assert len(cluster.reported) == told + 1


def test_a_suspended_run_whose_reset_may_remove_nothing_goes_on_later() -> None:
    cluster = MemoryCluster(experiment())
    cluster.begin_run()
    cluster.change(settings={"suspend": True})
    cluster.annotate(reset="1")
    cluster.settle()
    cluster.complete_job(RESET, **TAKEN)
    cluster.settle()
    assert (cluster.phase, cluster.run["reset"]["reason"]) == ("Suspended", "NotReset")
    cluster.change(settings={"suspend": False})
    cluster.settle()
    assert list(cluster.jobs) == [RUN]


def test_a_reset_that_left_some_of_the_data_is_a_warning(cluster: MemoryCluster) -> None:
    cluster.annotate(reset="1")
    cluster.settle()
    message = "removed 5 tables; left: people_2, of which the name was changed"
    cluster.complete_job(RESET, **REMOVED | {"purged": "partly", "message": message})
    cluster.settle()
    assert (cluster.phase, cluster.run["reason"]) == ("Reset", "ResetPartly")
    assert cluster.condition("Progressing")["reason"] == "ResetPartly"
    assert cluster.warned() == ["ResetPartly"]


def test_the_word_of_the_pod_that_removed_the_data_counts(cluster: MemoryCluster) -> None:
    """It was ended before its Job was told, and the pod after it found nothing."""
    cluster.annotate(reset="1")
    cluster.settle()
    cluster.end_pod(cluster.start_pod(RESET, None), 143, **REMOVED)
    cluster.complete_job(RESET, message="there was no data to remove", purged="nothing")
    cluster.settle()
    assert cluster.phase == "Reset"
    assert cluster.run["reset"]["rows"] == 10
    assert "removed 5 tables" in cluster.run["message"]
