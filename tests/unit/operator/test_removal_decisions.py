"""What is decided of Experiments, children and namespaces that go."""

from __future__ import annotations

import pytest

from rowmill.spec.manifest.status import ExperimentStatus
from rowmill_operator.model.actions import DeleteJob, FreezePlan
from tests.unit.operator.memory_cluster import MemoryCluster

RUN, PURGE = "shop-run-1", "shop-purge"


def test_a_terminating_namespace_frees_the_finalizer_before_the_experiment_goes(
    cluster: MemoryCluster,
) -> None:
    cluster.change(settings={"deletionPolicy": "Purge"})
    cluster.begin_run()
    cluster.namespace_terminating = True
    cluster.look()
    assert cluster.experiment.finalizers == ()
    assert cluster.jobs[RUN].deleted


def test_ttl_removes_the_jobs_and_starts_nothing(cluster: MemoryCluster) -> None:
    cluster.change(settings={"ttlSecondsAfterFinished": 60})
    cluster.finish_run()
    assert RUN in cluster.jobs
    cluster.wait(61)
    cluster.settle()
    assert not cluster.jobs
    assert cluster.phase == "Complete"
    assert list(cluster.plans) == [RUN]


def test_a_terminating_namespace_gets_its_jobs_deleted_at_once(cluster: MemoryCluster) -> None:
    cluster.begin_run()
    cluster.namespace_terminating = True
    cluster.look()
    assert cluster.jobs[RUN].deleted


def test_children_of_a_deleted_experiment_block_their_names_until_they_are_gone(
    cluster: MemoryCluster,
) -> None:
    cluster.settle()
    cluster.change(uid="uid-2", status=ExperimentStatus(), generation=1)
    cluster.restart_operator()
    cluster.look()
    cluster.look()
    assert not [a for a in cluster.log if isinstance(a, FreezePlan) and cluster.plans != {}][1:]
    cluster.jobs.clear()
    cluster.plans.clear()
    cluster.pods.clear()
    cluster.settle()
    assert cluster.jobs[RUN].owner_uid == "uid-2"


def test_purge_adds_the_finalizer_and_retain_takes_it_away(cluster: MemoryCluster) -> None:
    cluster.change(settings={"deletionPolicy": "Purge"})
    cluster.settle()
    assert list(cluster.experiment.finalizers) == ["rowmill.dev/purge"]
    cluster.change(settings={"deletionPolicy": "Retain"})
    cluster.settle()
    assert list(cluster.experiment.finalizers) == []


def _purging(cluster: MemoryCluster) -> MemoryCluster:
    cluster.change(settings={"deletionPolicy": "Purge"})
    cluster.finish_run()
    cluster.delete()
    cluster.settle()
    return cluster


def test_a_purge_ends_the_runs_first_then_lets_go(cluster: MemoryCluster) -> None:
    _purging(cluster)
    assert list(cluster.jobs) == [PURGE]
    assert cluster.experiment.finalizers
    cluster.complete_job(PURGE, purged="removed", message="removed 1 table")
    cluster.look()
    assert cluster.experiment.finalizers == ()
    assert [p.outcome for p in cluster.purges] == ["succeeded"]
    assert cluster.reported[-1].reason == "Purged"


def test_a_purge_that_is_refused_is_tried_again_until_its_deadline(cluster: MemoryCluster) -> None:
    _purging(cluster)
    cluster.fail_job(PURGE, 65, reason="CredentialsRefused", message="wrong password")
    cluster.settle()
    assert cluster.experiment.finalizers
    first = cluster.jobs[PURGE].uid
    cluster.wait(61)
    cluster.settle()
    assert cluster.jobs[PURGE].uid != first
    cluster.fail_job(PURGE, 65, reason="CredentialsRefused", message="wrong password")
    cluster.wait(600)
    cluster.look()
    assert cluster.experiment.finalizers == ()
    assert cluster.purges[0].outcome == "deadline"
    assert "wrong password" in cluster.purges[0].message


@pytest.mark.parametrize("how", ["annotation", "namespace", "secret", "retain"])
def test_what_cannot_be_purged_is_let_go_at_once(cluster: MemoryCluster, how: str) -> None:
    _purging(cluster)
    if how == "annotation":
        cluster.annotate(**{"skip-purge": "true"})
    elif how == "namespace":
        cluster.namespace_terminating = True
    elif how == "retain":
        cluster.change(settings={"deletionPolicy": "Retain"})
    else:
        pod = cluster.start_pod(PURGE, running=False, phase="Pending")
        cluster.warn(pod.name, "FailedMount", 'secret "warehouse" not found')
    cluster.look()
    assert cluster.experiment.finalizers == ()
    assert cluster.jobs[PURGE].deleted


def test_deleting_a_retained_experiment_is_left_to_the_garbage_collector(
    cluster: MemoryCluster,
) -> None:
    cluster.begin_run()
    cluster.delete()
    done = len(cluster.log)
    cluster.look()
    assert len(cluster.log) == done


def test_a_lost_delete_event_of_a_job_is_waited_for(cluster: MemoryCluster) -> None:
    cluster.begin_run()
    cluster.change(settings={"suspend": True})
    cluster.look()
    cluster.look()
    deletes = [a for a in cluster.log if isinstance(a, DeleteJob)]
    cluster.look()
    assert [a for a in cluster.log if isinstance(a, DeleteJob)] == deletes, "one delete is enough"
