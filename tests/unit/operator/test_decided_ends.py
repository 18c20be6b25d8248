"""Ends of a run that are decided already, whatever its spec says by now."""

from __future__ import annotations

import pytest

from rowmill_operator.model.observed import Failure
from tests.unit.operator.memory_cluster import MemoryCluster, experiment

RUN, FINALIZE = "shop-run-1", "shop-run-1-finalize"
OTHER = "sha256:" + "b" * 64
EXIT_65 = (
    "Container worker for pod team/shop-run-1-0-abc failed with exit code 65 "
    "matching FailJob rule at index 1"
)


@pytest.fixture
def cluster() -> MemoryCluster:
    cluster = MemoryCluster(experiment())
    cluster.settle()
    return cluster


def _published(cluster: MemoryCluster) -> None:
    cluster.complete_job(RUN)
    cluster.settle()
    cluster.complete_job(FINALIZE, run="r1", checksum="sha256:x")


@pytest.mark.parametrize("change", ["abort", "suspend", "edit", "adopt"])
def test_a_published_run_is_complete_whatever_is_asked_before_that_is_recorded(
    cluster: MemoryCluster, change: str
) -> None:
    _published(cluster)
    if change == "edit":
        cluster.digest = OTHER
        cluster.change(settings={"seed": 2})
    elif change == "suspend":
        cluster.change(settings={"suspend": True})
    else:
        cluster.annotate(**{change: "1"})
    cluster.settle()
    (ended,) = cluster.status["history"]
    assert (ended["number"], ended["phase"], ended["id"]) == (1, "Complete", "r1")


def test_a_run_published_while_its_job_was_being_deleted_is_complete(
    cluster: MemoryCluster,
) -> None:
    cluster.complete_job(RUN)
    cluster.settle()
    cluster.annotate(abort="1")
    cluster.start_pod(FINALIZE)
    cluster.look()
    assert cluster.job(FINALIZE).deleted
    cluster.complete_job(FINALIZE, run="r1")
    cluster.settle()
    assert cluster.phase == "Complete"


def test_an_abort_ends_a_suspended_run_that_a_new_spec_waits_behind(
    cluster: MemoryCluster,
) -> None:
    cluster.change(settings={"suspend": True})
    cluster.settle()
    cluster.digest = OTHER
    cluster.change(settings={"seed": 2})
    cluster.settle()
    cluster.annotate(abort="1")
    cluster.settle()
    assert cluster.phase == "Suspended"
    (ended,) = cluster.status["history"]
    assert (ended["phase"], ended["reason"]) == ("Aborted", "Aborted")


def test_a_refusal_is_one_also_if_the_job_ends_before_its_pod_is_seen_to(
    cluster: MemoryCluster,
) -> None:
    pod = cluster.start_pod(RUN, 0)
    cluster.settle()
    failure = Failure("PodFailurePolicy", EXIT_65)
    cluster.update_job(RUN, failed=failure, finished=cluster.now)
    cluster.settle()
    assert cluster.phase == "Running"
    assert cluster.last.again_after is not None
    cluster.end_pod(pod, 65, reason="CredentialsRefused", message="wrong password")
    cluster.settle()
    assert cluster.condition("Stalled")["reason"] == "CredentialsRefused"
    assert cluster.warned() == ["CredentialsRefused"]


def test_an_earlier_pods_failure_does_not_stand_for_a_refusal(cluster: MemoryCluster) -> None:
    cluster.end_pod(cluster.start_pod(RUN, 0), 70, reason="WorkerFailed", message="no luck")
    failure = Failure("PodFailurePolicy", EXIT_65)
    cluster.update_job(RUN, failed=failure, finished=cluster.now)
    cluster.settle()
    assert cluster.phase == "Pending"
    assert cluster.condition("Progressing")["reason"] == "Starting", "as before"


def test_a_refusal_whose_pod_is_gone_is_read_from_its_job(cluster: MemoryCluster) -> None:
    uid = cluster.job(RUN).uid
    failure = Failure("PodFailurePolicy", EXIT_65)
    cluster.update_job(RUN, failed=failure, finished=cluster.now)
    cluster.settle()
    cluster.wait(11)
    cluster.settle()
    assert cluster.phase != "Failed"
    assert "exit code 65" in cluster.condition("Stalled")["message"]
    cluster.wait(60)
    cluster.settle()
    assert cluster.job(RUN).uid != uid


def test_a_run_that_failed_without_a_pods_word_fails_a_little_later(
    cluster: MemoryCluster,
) -> None:
    failure = Failure("MaxFailedIndexesExceeded", "too many")
    cluster.update_job(RUN, failed=failure, finished=cluster.now)
    cluster.settle()
    assert cluster.phase == "Pending"
    cluster.wait(11)
    cluster.settle()
    assert cluster.phase == "Failed"
    assert "(too many)" in cluster.run["message"]


def test_an_ended_run_remembers_no_refusal(cluster: MemoryCluster) -> None:
    cluster.complete_job(RUN)
    cluster.settle()
    cluster.fail_job(FINALIZE, 65, reason="TargetInUse", message="of another")
    cluster.settle()
    assert cluster.run["refused"]
    cluster.wait(61)
    cluster.settle()
    cluster.complete_job(FINALIZE)
    cluster.settle()
    assert cluster.phase == "Complete"
    assert "refused" not in cluster.run


def test_suspended_and_aborted_are_told_only_when_no_job_can_have_pods(
    cluster: MemoryCluster,
) -> None:
    for asked, phase in (("suspend", "Suspended"), ("abort", "Failed")):
        if asked == "suspend":
            cluster.change(settings={"suspend": True})
        else:
            cluster.change(settings={"suspend": False})
            cluster.settle()
            cluster.annotate(abort="1")
        for _ in range(3):
            cluster.look()
        # Its pods are not seen yet, but it is: the collector keeps it for as long as they live.
        assert cluster.job(RUN).deleted
        assert cluster.phase != phase
        cluster.settle()
        assert cluster.phase == phase
