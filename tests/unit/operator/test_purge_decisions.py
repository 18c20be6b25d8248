"""What is decided of an Experiment whose data is to go with it, as its children go or stay."""

from __future__ import annotations

from dataclasses import replace

import pytest

from rowmill_operator.model.actions import FreezePlan
from tests.unit.operator.memory_cluster import MemoryCluster, experiment

RUN, PURGE = "shop-run-1", "shop-purge"
OURS, COLLECTORS, ORPHANING = "rowmill.dev/purge", "foregroundDeletion", "orphan"


def _collected(cluster: MemoryCluster) -> None:
    """Deleted in the foreground: the collector has taken the children, and then its finalizer."""
    cluster.delete()
    cluster.plans.clear()
    cluster.jobs.clear()
    cluster.pods.clear()


def test_a_plan_that_is_gone_is_frozen_again_under_its_number(complete: MemoryCluster) -> None:
    _collected(complete)
    complete.settle()
    assert complete.purges == [], "there was a run, so there is data"
    assert [a.number for a in complete.log if isinstance(a, FreezePlan)] == [1, 1]
    assert list(complete.jobs) == [PURGE]
    complete.complete_job(PURGE, purged="removed", message="removed 1 table")
    complete.look()
    assert [p.outcome for p in complete.purges] == ["succeeded"]
    assert complete.experiment.finalizers == ()


def test_nothing_is_made_while_the_collector_takes_all_children(complete: MemoryCluster) -> None:
    _collected(complete)
    complete.change(finalizers=(OURS, COLLECTORS))
    complete.settle()
    assert (complete.plans, complete.jobs) == ({}, {})
    assert complete.last.again_after is not None
    complete.change(finalizers=(OURS,))
    complete.settle()
    assert list(complete.jobs) == [PURGE]


@pytest.mark.parametrize("policy", ["Purge", "Retain"])
def test_an_orphaning_deletion_leaves_jobs_and_data(complete: MemoryCluster, policy: str) -> None:
    complete.delete()
    complete.change(finalizers=(ORPHANING, OURS), settings={"deletionPolicy": policy})
    complete.look()
    assert list(complete.jobs) == [RUN, f"{RUN}-finalize"]
    assert not any(job.deleted for job in complete.jobs.values())
    assert [p.outcome for p in complete.purges] == ["skipped"]
    assert complete.reported[-1].reason == "PurgeGivenUp"
    assert complete.experiment.finalizers == (ORPHANING,)


def test_an_orphaning_deletion_is_known_by_what_it_left(complete: MemoryCluster) -> None:
    """Seen only after the collector was done with it, by an operator that was away."""
    complete.delete()
    complete.plans = {name: replace(p, owner_uid="") for name, p in complete.plans.items()}
    complete.jobs = {name: replace(job, owner_uid="") for name, job in complete.jobs.items()}
    complete.start_pod(RUN, 0)
    complete.restart_operator()
    complete.look()
    assert [p.outcome for p in complete.purges] == ["skipped"]
    assert "orphan" in complete.purges[0].message
    assert not any(job.deleted for job in complete.jobs.values())


def test_a_deletion_waits_a_moment_for_news_of_its_children(complete: MemoryCluster) -> None:
    """The collector has let go of them and of the Experiment, but each has a watch of its own."""
    complete.change(deleted=complete.now)
    complete.look()
    assert complete.last.actions == ()
    assert complete.last.again_after == 1
    complete.jobs = {name: replace(job, owner_uid="") for name, job in complete.jobs.items()}
    complete.look()
    assert [p.outcome for p in complete.purges] == ["skipped"]


def test_one_that_waits_for_what_was_left_may_go_at_once(complete: MemoryCluster) -> None:
    again = MemoryCluster(experiment(uid="uid-2", settings={"deletionPolicy": "Purge"}))
    again.plans = {RUN: replace(complete.plans[RUN], owner_uid="")}
    again.jobs = {RUN: replace(complete.jobs[RUN], owner_uid="")}
    again.start_pod(RUN, 0)
    again.settle()
    assert again.condition("Stalled")["reason"] == "LeftBehind"
    again.delete()
    again.look()
    assert [p.outcome for p in again.purges] == ["nothing"]
    assert not again.jobs[RUN].deleted


def test_what_an_orphaning_deletion_left_is_the_users_to_remove(complete: MemoryCluster) -> None:
    again = MemoryCluster(experiment(uid="uid-2"))
    again.plans = {RUN: replace(complete.plans[RUN], owner_uid="")}
    again.settle()
    assert again.jobs == {}
    stalled = again.condition("Stalled")
    assert (stalled["status"], stalled["reason"]) == ("True", "LeftBehind")
    assert RUN in stalled["message"]
    assert "kubectl delete" in stalled["message"]
    again.plans.clear()
    again.settle()
    assert list(again.jobs) == [RUN]
    assert again.condition("Stalled")["status"] == "False"


def test_a_plan_deleted_while_the_purge_is_at_work_comes_back(complete: MemoryCluster) -> None:
    complete.delete()
    complete.settle()
    complete.plans.clear()
    complete.settle()
    assert list(complete.plans) == [RUN]


def test_a_purge_that_ended_well_needs_no_plan_any_more(complete: MemoryCluster) -> None:
    complete.delete()
    complete.settle()
    complete.plans.clear()
    complete.complete_job(PURGE, purged="removed", message="removed 1 table")
    complete.settle()
    assert [p.outcome for p in complete.purges] == ["succeeded"]


def test_without_a_plan_and_with_a_refused_spec_it_is_given_up(complete: MemoryCluster) -> None:
    complete.problems = ("wrong",)
    complete.change(settings={"seed": 7})
    complete.settle()
    _collected(complete)
    complete.look()
    (purge,) = complete.purges
    assert purge.outcome == "plan"
    assert "wrong" in purge.message
    assert complete.reported[-1].reason == "PurgeGivenUp"


def test_what_never_ran_has_nothing_to_purge() -> None:
    cluster = MemoryCluster(experiment(settings={"deletionPolicy": "Purge"}), problems=("wrong",))
    cluster.settle()
    cluster.delete()
    cluster.settle()
    assert [p.outcome for p in cluster.purges] == ["nothing"]
    assert cluster.reported[-1].reason == "NothingToPurge"


def test_pods_of_a_lost_node_do_not_hold_up_the_purge(complete: MemoryCluster) -> None:
    complete.change(settings={"seed": 7, "rerun": "again"})
    complete.digest = "sha256:" + "b" * 64
    complete.settle()
    complete.start_pod("shop-run-2", 0)
    complete.delete()
    complete.settle(collect=False)
    assert PURGE not in complete.jobs
    complete.wait(121)
    complete.settle()
    assert [t.reason for t in complete.reported].count("NodeLost") == 1
    assert list(complete.jobs) == [PURGE]


def test_purge_pods_that_cannot_start_are_made_anew(complete: MemoryCluster) -> None:
    complete.delete()
    complete.settle()
    first = complete.jobs[PURGE].uid
    pod = complete.start_pod(PURGE, running=False, phase="Pending")
    complete.warn(pod.name, "FailedMount", "MountVolume.SetUp failed: no room")
    complete.settle()
    assert complete.jobs[PURGE].uid == first
    complete.wait(61)
    complete.settle()
    assert complete.jobs[PURGE].uid != first
