"""What is decided of refusals, and of Jobs and pods that do not get on."""

from __future__ import annotations

from typing import Any

import pytest

from rowmill_operator.model.actions import DeleteJob, SetParallelism
from rowmill_operator.model.observed import Failure
from tests.unit.operator.memory_cluster import MemoryCluster, experiment
from tests.unit.operator.pod_reports import pod_progress

RUN, FINALIZE = "shop-run-1", "shop-run-1-finalize"


def test_a_bad_spec_found_by_the_worker_is_final(cluster: MemoryCluster) -> None:
    cluster.settle()
    cluster.fail_job(RUN, 64, index=0, reason="DataVersionUnknown", message="newer image needed")
    cluster.settle()
    cluster.wait(600)
    cluster.settle()
    assert cluster.phase == "Failed"
    assert cluster.condition("Failed")["reason"] == "DataVersionUnknown"


def test_a_refusing_destination_is_tried_again_every_minute_with_its_reason_shown(
    cluster: MemoryCluster,
) -> None:
    cluster.settle()
    first = cluster.job(RUN).uid
    cluster.fail_job(RUN, 65, index=0, reason="CredentialsRefused", message="wrong password")
    cluster.settle()
    assert cluster.condition("Stalled")["status"] == "True"
    assert cluster.condition("Progressing")["reason"] == "CredentialsRefused"
    assert "wrong password" in cluster.condition("Progressing")["message"]
    assert cluster.condition("Progressing")["message"] == "shard 0: wrong password"
    assert cluster.phase == "Pending", "no row of it is durable"
    assert cluster.job(RUN).uid == first
    assert cluster.last.again_after is not None
    assert cluster.last.again_after <= 60
    cluster.wait(61)
    cluster.settle()
    assert cluster.job(RUN).uid != first
    assert cluster.condition("Progressing")["reason"] == "CredentialsRefused", "still, until mended"
    pod = cluster.start_pod(RUN, 0)
    for notice in ("", "wrong password; trying again"):
        cluster.progress[0] = pod_progress(0, 0.0, "", {}, notice)
        cluster.settle()
        assert cluster.condition("Progressing")["reason"] == "CredentialsRefused"
        assert cluster.phase == "Pending"
    assert cluster.warned() == ["CredentialsRefused"], "once, whoever waits"
    cluster.progress[0] = pod_progress(10, 1.0, "", {"events": ((0, 1),)})
    cluster.settle()
    assert cluster.phase == "Running"
    assert cluster.condition("Stalled")["status"] == "False"
    assert "refused" not in cluster.run
    cluster.end_pod(pod, 0)
    cluster.finish_run()
    assert cluster.phase == "Complete"


def test_a_run_that_is_refused_when_rows_are_durable_goes_on_running(
    cluster: MemoryCluster,
) -> None:
    cluster.begin_run()
    cluster.progress[0] = pod_progress(10, 1.0, "", {"orders": ((0, 1),)})
    cluster.settle()
    cluster.fail_job(RUN, 65, index=0, reason="CredentialsRefused", message="wrong password")
    cluster.settle()
    assert (cluster.phase, cluster.condition("Stalled")["status"]) == ("Running", "True")


def test_a_refusal_is_told_before_the_job_has_failed_by_it(cluster: MemoryCluster) -> None:
    cluster.settle()
    pod = cluster.start_pod(RUN, 0)
    cluster.end_pod(pod, 65, reason="BucketMissing", message="no such bucket")
    cluster.settle()
    cluster.update_job(RUN, failed=Failure("PodFailurePolicy", "by rule 1"), finished=cluster.now)
    cluster.settle()
    assert cluster.warned() == ["BucketMissing"]


def test_a_refusal_in_finalize_makes_finalize_again(cluster: MemoryCluster) -> None:
    cluster.settle()
    cluster.complete_job(RUN)
    cluster.settle()
    cluster.fail_job(FINALIZE, 65, reason="TargetInUse", message="of somebody else")
    cluster.settle()
    assert cluster.phase == "Finalizing"
    assert cluster.condition("Stalled")["reason"] == "TargetInUse"
    cluster.wait(61)
    cluster.settle()
    cluster.complete_job(FINALIZE)
    cluster.settle()
    assert cluster.phase == "Complete"


def test_a_queued_job_is_kueues_to_start() -> None:
    cluster = MemoryCluster(experiment(labels={"kueue.x-k8s.io/queue-name": "batch"}))
    cluster.settle()
    assert cluster.manifests[0]["spec"]["suspend"] is True
    assert cluster.manifests[0]["metadata"]["labels"]["kueue.x-k8s.io/queue-name"] == "batch"
    assert cluster.condition("Progressing")["reason"] == "Queued"
    cluster.update_job(RUN, suspended=False, parallelism=1)
    cluster.change(settings={"parallelism": 3})
    cluster.settle()
    assert not [a for a in cluster.log if isinstance(a, SetParallelism)]
    cluster.finish_run()
    assert all(manifest["spec"]["suspend"] for manifest in cluster.manifests)


@pytest.mark.parametrize(
    ("reason", "message", "shown"),
    [
        ("FailedCreate", 'pods "x" is forbidden: exceeded quota: small', "QuotaExceeded"),
        ("FailedCreate", 'pods "x" is forbidden: violates PodSecurity "r"', "PodSecurityRefused"),
        ("FailedCreate", "admission webhook said no", "PodsRefused"),
    ],
)
def test_why_no_pod_is_made_is_shown_and_forgotten_when_mended(
    cluster: MemoryCluster, reason: str, message: str, shown: str
) -> None:
    cluster.settle()
    cluster.warn(RUN, reason, message)
    cluster.settle()
    stalled = cluster.condition("Stalled")
    assert (stalled["status"], stalled["reason"]) == ("True", shown)
    assert cluster.phase == "Pending"
    cluster.wait(30)
    cluster.start_pod(RUN, 0)
    cluster.settle()
    assert cluster.condition("Stalled")["status"] == "False"


def test_a_job_that_is_refused_itself_is_told(cluster: MemoryCluster) -> None:
    cluster.look()
    cluster.look()
    cluster.warn(RUN, "FailedCreate", 'jobs.batch "x" is forbidden: exceeded quota: no-jobs')
    cluster.jobs.clear()
    cluster.look()
    assert cluster.condition("Stalled")["reason"] == "QuotaExceeded"


def test_why_a_pod_does_not_start_is_shown(cluster: MemoryCluster) -> None:
    cluster.settle()
    idle: dict[str, Any] = {"running": False, "phase": "Pending"}
    pod = cluster.start_pod(RUN, 0, **idle)
    cluster.warn(pod.name, "FailedMount", "failed to sync configmap cache: timed out")
    cluster.settle()
    assert cluster.condition("Stalled")["status"] == "False", "that passes"
    cluster.warn(pod.name, "FailedMount", 'secret "warehouse" not found')
    cluster.settle()
    assert cluster.condition("Stalled")["reason"] == "SecretMissing"
    cluster.pods.clear()
    pull = Failure("ImagePullBackOff", "no such image")
    cluster.start_pod(RUN, 0, waiting=pull, **idle)
    cluster.settle()
    assert cluster.condition("Stalled")["reason"] == "ImagePullFailed"
    cluster.pods.clear()
    cluster.start_pod(RUN, 0, unschedulable="0/1 nodes are available", **idle)
    cluster.settle()
    assert cluster.condition("Stalled")["reason"] == "Unschedulable"


def test_pods_that_cannot_start_are_made_anew_every_minute_with_the_reason_shown(
    cluster: MemoryCluster,
) -> None:
    idle: dict[str, Any] = {"running": False, "phase": "Pending"}
    pull = Failure("ImagePullBackOff", "no such image")
    cluster.settle()
    first = cluster.job(RUN).uid
    cluster.start_pod(RUN, 0, waiting=pull, **idle)
    cluster.settle()
    assert cluster.job(RUN).uid == first
    assert cluster.last.again_after is not None
    assert cluster.last.again_after <= 60
    cluster.wait(61)
    cluster.settle()
    assert cluster.job(RUN).uid != first
    assert cluster.condition("Stalled")["reason"] == "ImagePullFailed", "still, until mended"
    assert cluster.warned() == ["ImagePullFailed"]
    cluster.start_pod(RUN, 0)
    cluster.settle()
    assert cluster.condition("Stalled")["status"] == "False"
    assert "refused" not in cluster.run


def test_pods_that_run_are_left_alone_when_another_cannot_start(cluster: MemoryCluster) -> None:
    cluster.begin_run()
    pull = Failure("ImagePullBackOff", "no such image")
    cluster.start_pod(RUN, 1, waiting=pull, running=False, phase="Pending")
    cluster.wait(600)
    cluster.settle()
    assert not [a for a in cluster.log if isinstance(a, DeleteJob)]


def test_a_failed_pod_is_forgotten_once_its_shard_goes_on(cluster: MemoryCluster) -> None:
    cluster.settle()
    cluster.end_pod(cluster.start_pod(RUN, 0), 70, reason="WorkerFailed", message="no luck")
    cluster.settle()
    assert cluster.condition("Stalled")["reason"] == "Retrying"
    assert "no luck" in cluster.condition("Stalled")["message"]
    cluster.wait(10)
    cluster.end_pod(cluster.start_pod(RUN, 0), 0)
    cluster.update_job(RUN, completed_indexes=((0, 1),))
    cluster.settle()
    assert cluster.condition("Stalled")["status"] == "False"
    assert cluster.warned() == ["Retrying"]


def test_twice_out_of_memory_is_named(cluster: MemoryCluster) -> None:
    cluster.settle()
    cluster.end_pod(cluster.start_pod(RUN, 0), 137, kubelet="OOMKilled")
    cluster.start_pod(RUN, 0)
    cluster.settle()
    assert cluster.condition("Stalled")["status"] == "False"
    cluster.wait(1)
    cluster.end_pod(cluster.start_pod(RUN, 0), 137, kubelet="OOMKilled")
    cluster.settle()
    assert cluster.condition("Stalled")["reason"] == "OOMKilled"
    assert "resources.limits.memory" in cluster.condition("Stalled")["message"]


def test_what_a_pod_tries_again_is_told_once_nothing_gets_on(cluster: MemoryCluster) -> None:
    cluster.begin_run()
    notice = "Postgres refuses the login; trying again"
    cluster.progress[0] = pod_progress(0, 5.0, "", {}, notice)
    cluster.settle()
    assert cluster.condition("Stalled")["status"] == "False"
    cluster.progress[0] = pod_progress(0, 0.0, "", {}, notice)
    cluster.settle()
    stalled = cluster.condition("Stalled")
    assert (stalled["status"], stalled["reason"]) == ("True", "Retrying")
    assert stalled["message"] == f"shard 0: {notice}"


def test_a_run_stays_running_between_two_waves_of_pods(cluster: MemoryCluster) -> None:
    """Neither phase nor reason turns back and forth: it would be urgent news at each wave."""
    cluster.begin_run()
    working = dict(cluster.condition("Progressing"))
    assert working["reason"] == "Running"
    cluster.pods.clear()
    cluster.settle()
    assert cluster.phase == "Running"
    between = dict(cluster.condition("Progressing"))
    assert between.pop("message") == "its pods are starting"
    assert between.items() <= working.items()
    cluster.start_pod(RUN, 1)
    cluster.progress.clear()
    cluster.unreachable = 1
    cluster.settle()
    just_started = dict(cluster.condition("Progressing"))
    assert just_started.pop("message") == "its pods have just started"
    assert just_started == between


def test_pods_out_of_reach_are_told_and_never_a_failure(cluster: MemoryCluster) -> None:
    cluster.settle()
    cluster.start_pod(RUN, 0)
    cluster.unreachable = 1
    cluster.settle()
    assert cluster.condition("Progressing")["reason"] == "Starting"
    cluster.wait(31)
    cluster.update_job(RUN, completed_indexes=((0, 1),))
    cluster.settle()
    progressing = cluster.condition("Progressing")
    assert (progressing["status"], progressing["reason"]) == ("True", "ProgressUnreachable")
    assert cluster.run["shardsDone"] == 1
    assert cluster.run["rows"] > 0


def test_a_pod_of_a_lost_node_is_ended_by_force_after_two_minutes(cluster: MemoryCluster) -> None:
    cluster.begin_run()
    pod = next(iter(cluster.pods.values()))
    cluster.pods[pod.name] = pod.__class__(**{**pod.__dict__, "deleted": cluster.now})
    cluster.settle(collect=False)
    assert pod.name in cluster.pods
    cluster.wait(121)
    cluster.settle()
    assert pod.name not in cluster.pods
    assert "NodeLost" in [t.reason for t in cluster.reported]
