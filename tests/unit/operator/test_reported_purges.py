"""What is told of a purge is what its pod reported, and what keeps one waiting is shown."""

from __future__ import annotations

from typing import Any

import pytest

from rowmill.plan.pod_contract import PodEnvironment
from rowmill.plan.purging import Written
from rowmill_operator.memory.stored_status import read_status
from rowmill_operator.model.actions import CreateJob, SetFinalizers
from tests.unit.operator.memory_cluster import MemoryCluster, experiment

PURGE = "shop-purge"
ASTRAY: dict[str, Any] = {"reason": "DataNotFound", "message": "the database does not know run 1"}


@pytest.fixture
def purging(complete: MemoryCluster) -> MemoryCluster:
    complete.delete()
    complete.settle()
    return complete


def _environment(cluster: MemoryCluster) -> dict[str, str]:
    """What the pod of the newest Job is told."""
    (container,) = cluster.manifests[-1]["spec"]["template"]["spec"]["containers"]
    return {variable["name"]: variable["value"] for variable in container["env"]}


def _written(cluster: MemoryCluster) -> Written | None:
    return PodEnvironment.read(_environment(cluster)).written


def _is_purge(action: CreateJob) -> bool:
    return bool(action.manifest["metadata"]["name"] == PURGE)


@pytest.mark.parametrize(
    ("purged", "outcome", "reason", "warning"),
    [
        ("removed", "succeeded", "Purged", False),
        ("partly", "partly", "PurgedPartly", True),
        ("taken", "taken", "NothingToPurge", False),
        ("nothing", "nothing", "NothingToPurge", False),
    ],
)
def test_the_pods_report_decides_what_is_told(
    purging: MemoryCluster, purged: str, outcome: str, reason: str, warning: bool
) -> None:
    purging.complete_job(PURGE, purged=purged, message="as the pod says")
    purging.look()
    assert [(p.outcome, p.message) for p in purging.purges] == [(outcome, "as the pod says")]
    reported = purging.reported[-1]
    assert (reported.reason, reported.message, reported.warning) == (
        reason,
        "as the pod says",
        warning,
    )
    assert purging.experiment.finalizers == ()


@pytest.mark.parametrize("report", [{}, {"message": "the data is removed"}], ids=["lost", "older"])
def test_a_purge_whose_pod_did_not_tell_is_no_success(
    purging: MemoryCluster, report: dict[str, Any]
) -> None:
    purging.complete_job(PURGE, **report)
    if not report:
        purging.pods.clear()
        purging.look()
        assert purging.purges == [], "its last word may yet be seen"
        purging.wait(11)
    purging.look()
    assert [p.outcome for p in purging.purges] == ["unheard"]
    assert purging.reported[-1].warning
    assert report.get("message", "its pod was gone unheard") in purging.reported[-1].message
    assert purging.experiment.finalizers == ()


def test_a_purge_that_ended_well_is_told_although_it_was_called_off_meanwhile(
    purging: MemoryCluster,
) -> None:
    purging.complete_job(PURGE, purged="removed", message="removed 1 table")
    purging.annotate(**{"skip-purge": "true"})
    purging.look()
    assert [p.outcome for p in purging.purges] == ["succeeded"]


def test_a_purge_that_ended_well_is_told_also_where_the_operator_was_cut_off_at_its_end(
    purging: MemoryCluster,
) -> None:
    purging.complete_job(PURGE, purged="removed", message="removed 1 table")
    purging.cut_before = SetFinalizers
    purging.look()
    assert purging.experiment.finalizers
    purging.restart_operator()
    purging.collect()
    purging.settle()
    assert purging.experiment.finalizers == ()
    assert [t.message for t in purging.reported if t.reason == "Purged"] == ["removed 1 table"]
    assert len([a for a in purging.log if isinstance(a, CreateJob) and _is_purge(a)]) == 1


@pytest.mark.parametrize("code", [137, 143], ids=["killed", "told to stop"])
@pytest.mark.parametrize("then", ["not found", "cannot start", "called off", "deadline"])
def test_what_a_pod_told_before_it_was_ended_is_told_if_no_later_one_ends_well(
    purging: MemoryCluster, code: int, then: str
) -> None:
    purging.end_pod(purging.start_pod(PURGE), code, purged="removed", message="removed 1 table")
    purging.settle()
    assert purging.purges == [], "the next pod removes the records, if they are there"
    match then:
        case "not found":
            purging.fail_job(PURGE, 65, **ASTRAY)
        case "cannot start":
            pod = purging.start_pod(PURGE, running=False, phase="Pending")
            purging.warn(pod.name, "FailedMount", "MountVolume.SetUp failed: no room")
            purging.wait(61)
        case "called off":
            purging.annotate(**{"skip-purge": "true"})
        case _:
            purging.wait(600)
    purging.settle()
    assert [(p.outcome, p.message) for p in purging.purges] == [("succeeded", "removed 1 table")]
    assert purging.reported[-1].reason == "Purged"
    assert purging.experiment.finalizers == ()


def test_a_later_pod_that_ends_well_has_the_last_word(purging: MemoryCluster) -> None:
    purging.end_pod(purging.start_pod(PURGE), 137, purged="removed", message="removed 1 table")
    purging.complete_job(PURGE, purged="partly", message="left: shop.orders")
    purging.look()
    assert [(p.outcome, p.message) for p in purging.purges] == [("partly", "left: shop.orders")]


def test_a_later_pod_that_finds_nothing_left_does_not_say_that_there_was_nothing(
    purging: MemoryCluster,
) -> None:
    purging.end_pod(purging.start_pod(PURGE), 143, purged="removed", message="removed 1 table")
    purging.complete_job(PURGE, purged="nothing", message="there was no data to remove")
    purging.look()
    assert [(p.outcome, p.message) for p in purging.purges] == [("succeeded", "removed 1 table")]


def test_a_purge_that_is_called_off_at_work_does_not_say_that_all_is_left(
    purging: MemoryCluster,
) -> None:
    purging.start_pod(PURGE)
    purging.annotate(**{"skip-purge": "true"})
    purging.look()
    assert [p.outcome for p in purging.purges] == ["skipped"]
    assert "some of the data may be gone" in purging.purges[0].message


def test_data_that_is_not_found_is_shown_once_and_looked_for_until_the_deadline(
    purging: MemoryCluster,
) -> None:
    for _ in range(3):
        purging.fail_job(PURGE, 65, **ASTRAY)
        purging.settle()
        stalled = purging.condition("Stalled")
        assert (stalled["status"], stalled["reason"]) == ("True", "DataNotFound")
        assert "does not know run 1" in stalled["message"]
        purging.wait(61)
        purging.settle()
    assert [t.reason for t in purging.reported].count("DataNotFound") == 1
    assert purging.phase == "Complete"
    # Its newest Job has not failed yet.
    purging.start_pod(PURGE)
    purging.wait(600)
    purging.look()
    assert [p.outcome for p in purging.purges] == ["deadline"]
    reported = purging.reported[-1]
    assert (reported.reason, reported.warning) == ("PurgeGivenUp", True)
    assert "does not know run 1" in reported.message
    assert purging.experiment.finalizers == ()


def test_what_is_mended_is_purged(purging: MemoryCluster) -> None:
    purging.fail_job(PURGE, 65, **ASTRAY)
    purging.settle()
    purging.wait(61)
    purging.settle()
    purging.complete_job(PURGE, purged="removed", message="removed 1 table")
    purging.look()
    assert [p.outcome for p in purging.purges] == ["succeeded"]


def test_a_refusal_of_the_run_before_is_not_told_of_the_purge(complete: MemoryCluster) -> None:
    complete.change(settings={"seed": 7})
    complete.digest = "sha256:" + "b" * 64
    complete.settle()
    complete.fail_job("shop-run-2", 65, index=0, reason="TargetInUse", message="is another's")
    complete.settle()
    complete.delete()
    complete.settle()
    complete.wait(600)
    complete.look()
    assert [p.outcome for p in complete.purges] == ["deadline"]
    assert "another's" not in complete.purges[0].message


def test_the_pod_is_told_the_published_run_also_while_a_newer_one_is_on_its_way(
    complete: MemoryCluster,
) -> None:
    complete.change(settings={"seed": 7})
    complete.digest = "sha256:" + "b" * 64
    complete.settle()
    complete.start_pod("shop-run-2", 0)
    complete.settle()
    complete.delete()
    complete.settle()
    assert list(complete.jobs) == [PURGE]
    assert _written(complete) == Written(1, "abc")
    assert "ROWMILL_POSTGRES_SECRET" in _environment(complete)


def test_a_pod_of_an_experiment_that_wrote_nothing_is_told_of_nothing() -> None:
    cluster = MemoryCluster(experiment(settings={"deletionPolicy": "Purge"}))
    cluster.begin_run()
    cluster.delete()
    cluster.settle()
    assert list(cluster.jobs) == [PURGE]
    assert _written(cluster) is None


def test_rows_of_a_run_that_never_ended_are_to_be_found_as_well() -> None:
    cluster = MemoryCluster(experiment(settings={"deletionPolicy": "Purge"}))
    cluster.begin_run()
    status = cluster.status
    cluster.change(status=read_status({**status, "run": {**status["run"], "rows": 500}}))
    cluster.delete()
    cluster.settle()
    assert _written(cluster) == Written(1)
