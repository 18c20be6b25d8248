"""What the operator decides, played against a cluster in memory."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from memory_cluster import MemoryCluster, experiment

from rowmill_operator.actions import CreateJob, DeleteJob, FreezePlan, SetParallelism, Validate
from rowmill_operator.observed import Failure, ShardProgress
from rowmill_operator.situation import Situation

RUN, FINALIZE, PURGE = "shop-run-1", "shop-run-1-finalize", "shop-purge"


@pytest.fixture
def cluster() -> MemoryCluster:
    return MemoryCluster(experiment())


def _running(cluster: MemoryCluster) -> MemoryCluster:
    cluster.settle()
    cluster.start_pod(RUN, 0)
    cluster.settle()
    return cluster


def test_an_accepted_experiment_gets_a_plan_and_an_indexed_job(cluster: MemoryCluster) -> None:
    cluster.settle()
    assert list(cluster.plans) == [RUN]
    assert list(cluster.jobs) == [RUN]
    (manifest,) = cluster.manifests
    assert manifest["spec"]["completionMode"] == "Indexed"
    assert manifest["spec"]["completions"] == cluster.plans[RUN].plan.shards
    assert cluster.phase == "Pending"
    assert cluster.condition("Accepted")["status"] == "True"
    assert cluster.condition("Progressing")["status"] == "True"
    assert cluster.run["number"] == 1


def test_a_run_goes_from_pending_to_complete(cluster: MemoryCluster) -> None:
    _running(cluster)
    assert cluster.phase == "Running"
    cluster.complete_job(RUN)
    cluster.settle()
    assert cluster.phase == "Finalizing"
    cluster.complete_job(FINALIZE, run="abc123", checksum="sha256:ff", dataVersion=1)
    cluster.settle()
    assert cluster.phase == "Complete"
    assert cluster.condition("Complete")["status"] == "True"
    assert cluster.run["percent"] == 100
    assert cluster.run["rows"] == cluster.run["rowsTotal"] == cluster.plans[RUN].plan.rows
    assert cluster.run["id"] == "abc123"
    assert [(e["number"], e["phase"]) for e in cluster.experiment.status["history"]] == [
        (1, "Complete")
    ]
    assert "rowsPerSecond" not in cluster.run


def test_a_complete_run_is_left_alone_also_by_a_new_operator(cluster: MemoryCluster) -> None:
    cluster.finish_run()
    writes, done = cluster.writes, len(cluster.log)
    cluster.restart_operator()
    cluster.wait(3600)
    cluster.settle()
    assert cluster.writes == writes
    assert len(cluster.log) == done, "not even validated again"


def test_no_decision_changes_anything_twice(cluster: MemoryCluster) -> None:
    _running(cluster)
    before = cluster.writes
    cluster.look()
    assert cluster.last.status is None
    assert not cluster.last.actions
    assert cluster.writes == before


def test_a_refused_spec_starts_nothing_and_says_why() -> None:
    cluster = MemoryCluster(experiment(), problems=("spec.tables[0].rows: is negative",))
    cluster.settle()
    assert not cluster.jobs
    assert cluster.phase == "Pending"
    accepted = cluster.condition("Accepted")
    assert (accepted["status"], accepted["reason"]) == ("False", "InvalidSpec")
    assert "spec.tables[0].rows" in accepted["message"]
    assert cluster.condition("Stalled")["status"] == "True"
    assert [t.reason for t in cluster.told] == ["InvalidSpec"]


def test_a_refused_spec_is_judged_again_once_it_is_edited() -> None:
    cluster = MemoryCluster(experiment(), problems=("wrong",))
    cluster.settle()
    cluster.problems = ()
    cluster.change(settings={"seed": 2})
    cluster.settle()
    assert list(cluster.jobs) == [RUN]
    assert cluster.condition("Accepted")["observedGeneration"] == 2


def test_a_spec_refused_in_mid_run_lets_the_run_end(cluster: MemoryCluster) -> None:
    _running(cluster)
    cluster.problems = ("wrong",)
    cluster.change(settings={"seed": 2})
    cluster.finish_run()
    assert cluster.phase == "Complete"
    assert cluster.condition("Accepted")["status"] == "False"


def test_an_edit_that_changes_no_data_starts_no_run(cluster: MemoryCluster) -> None:
    cluster.finish_run()
    cluster.change(settings={"runHistoryLimit": 3})
    cluster.settle()
    assert list(cluster.plans) == [RUN]
    assert cluster.phase == "Complete"
    assert cluster.experiment.status["observedGeneration"] == 2


def test_changed_data_in_mid_run_waits_for_the_old_pods_then_starts_run_2(
    cluster: MemoryCluster,
) -> None:
    _running(cluster)
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
    assert [(e["number"], e["phase"]) for e in cluster.experiment.status["history"]] == [
        (1, "Aborted")
    ]


def test_rerun_makes_run_2_and_history_shows_both(cluster: MemoryCluster) -> None:
    cluster.finish_run()
    cluster.digest = "sha256:" + "c" * 64
    cluster.annotate(rerun="again")
    cluster.finish_run(2)
    assert cluster.plans["shop-run-2"].rerun == "again"
    assert [(e["number"], e["phase"]) for e in cluster.experiment.status["history"]] == [
        (2, "Complete"),
        (1, "Complete"),
    ]


def test_history_keeps_as_many_runs_as_wished() -> None:
    cluster = MemoryCluster(experiment(settings={"runHistoryLimit": 2}))
    for number in (1, 2, 3):
        cluster.digest = f"sha256:{number:064x}"
        cluster.annotate(rerun=str(number))
        cluster.finish_run(number)
    assert [e["number"] for e in cluster.experiment.status["history"]] == [3, 2]


def test_suspend_ends_the_pods_and_says_so_only_when_they_are_gone(
    cluster: MemoryCluster,
) -> None:
    _running(cluster)
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
    _running(cluster)
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
    _running(cluster)
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
    assert cluster.phase != "Failed"
    assert cluster.job(RUN).uid == first
    assert cluster.last.again_after is not None
    assert cluster.last.again_after <= 60
    cluster.wait(61)
    cluster.settle()
    assert cluster.job(RUN).uid != first
    assert cluster.condition("Progressing")["reason"] == "CredentialsRefused", "still, until mended"
    pod = cluster.start_pod(RUN, 0)
    for notice in ("", "wrong password. Trying again"):
        cluster.progress[0] = ShardProgress(cluster.now, 0, 0.0, "", {}, notice)
        cluster.settle()
        assert cluster.condition("Progressing")["reason"] == "CredentialsRefused"
    cluster.progress[0] = ShardProgress(cluster.now, 10, 1.0, "", {"events": ((0, 1),)})
    cluster.settle()
    assert cluster.condition("Stalled")["status"] == "False"
    assert "refused" not in cluster.run
    cluster.end_pod(pod, 0)
    cluster.finish_run()
    assert cluster.phase == "Complete"


def test_a_refusal_is_told_before_the_job_has_failed_by_it(cluster: MemoryCluster) -> None:
    cluster.settle()
    pod = cluster.start_pod(RUN, 0)
    cluster.end_pod(pod, 65, reason="BucketMissing", message="no such bucket")
    cluster.settle()
    cluster.update_job(RUN, failed=Failure("PodFailurePolicy", "by rule 1"), finished=cluster.now)
    cluster.settle()
    assert [told.reason for told in cluster.told] == ["BucketMissing"]


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
    assert [(e["number"], e["phase"]) for e in cluster.experiment.status["history"]] == [
        (2, "Complete"),
        (1, "Aborted"),
    ]
    cluster.annotate(adopt="here/team/another")
    cluster.settle()
    assert cluster.phase == "Complete", "what is complete is left alone"
    assert cluster.run["number"] == 2


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


def test_a_second_operator_that_decides_the_same_does_no_harm(cluster: MemoryCluster) -> None:
    cluster.settle()
    observed = cluster.observed()
    cluster.complete_job(RUN)
    late = cluster.observed()
    assert observed != late
    cluster.settle()
    names = [a.manifest["metadata"]["name"] for a in cluster.log if isinstance(a, CreateJob)]
    assert names == [RUN, FINALIZE]


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


def test_an_upgraded_image_leaves_a_run_as_it_was_planned(cluster: MemoryCluster) -> None:
    cluster.settle()
    cluster.settings = replace(cluster.settings, worker_image="rowmill/worker:2")
    cluster.restart_operator()
    cluster.finish_run()
    images = {m["spec"]["template"]["spec"]["containers"][0]["image"] for m in cluster.manifests}
    assert images == {"rowmill/worker:1"}
    assert len(cluster.manifests) == 2


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


def test_a_finished_job_is_waited_with_until_its_pods_last_word(cluster: MemoryCluster) -> None:
    cluster.settle()
    cluster.complete_job(RUN)
    cluster.settle()
    cluster.complete_job(FINALIZE, run="abc", checksum="sha256:1")
    ended = dict(cluster.pods)
    cluster.pods.clear()
    cluster.settle()
    assert cluster.phase == "Finalizing"
    cluster.pods.update(ended)
    cluster.settle()
    assert cluster.run["id"] == "abc"


def test_a_finished_job_whose_pod_is_gone_is_complete_all_the_same(
    cluster: MemoryCluster,
) -> None:
    cluster.settle()
    cluster.complete_job(RUN)
    cluster.settle()
    cluster.complete_job(FINALIZE)
    cluster.pods.clear()
    cluster.wait(11)
    cluster.settle()
    assert cluster.phase == "Complete"


def test_a_terminating_namespace_frees_the_finalizer_before_the_experiment_goes(
    cluster: MemoryCluster,
) -> None:
    cluster.change(settings={"deletionPolicy": "Purge"})
    _running(cluster)
    cluster.namespace_terminating = True
    cluster.look()
    assert cluster.experiment.finalizers == ()
    assert cluster.jobs[RUN].deleted


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
    assert [told.reason for told in cluster.told] == ["ImagePullFailed"]
    cluster.start_pod(RUN, 0)
    cluster.settle()
    assert cluster.condition("Stalled")["status"] == "False"
    assert "refused" not in cluster.run


def test_pods_that_run_are_left_alone_when_another_cannot_start(cluster: MemoryCluster) -> None:
    _running(cluster)
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
    assert [told.reason for told in cluster.told] == ["Retrying"]


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


def test_progress_is_added_up_and_never_goes_back(cluster: MemoryCluster) -> None:
    _running(cluster)
    plan = cluster.plans[RUN].plan
    table = plan.tables[0]
    first = {part.table: (part.first_batch, part.stop_batch) for part in plan.shard(0)}
    batches = {table.table: (first[table.table],)}
    cluster.progress[0] = ShardProgress(cluster.now, 5, 100.0, "", batches)
    cluster.settle()
    rows = cluster.run["rows"]
    assert rows > 0
    assert cluster.run["rowsPerSecond"] == 100
    shown = cluster.experiment.status["tables"][0]
    assert shown["completedBatches"]
    cluster.restart_operator()
    cluster.settle()
    assert cluster.run["rows"] == rows
    assert cluster.experiment.status["tables"][0]["rows"] == shown["rows"]


def test_what_a_pod_tries_again_is_told_once_nothing_gets_on(cluster: MemoryCluster) -> None:
    _running(cluster)
    notice = "Postgres refuses the login. Trying again"
    cluster.progress[0] = ShardProgress(cluster.now, 0, 5.0, "", {}, notice)
    cluster.settle()
    assert cluster.condition("Stalled")["status"] == "False"
    cluster.progress[0] = ShardProgress(cluster.now, 0, 0.0, "", {}, notice)
    cluster.settle()
    stalled = cluster.condition("Stalled")
    assert (stalled["status"], stalled["reason"]) == ("True", "Retrying")
    assert stalled["message"] == f"shard 0: {notice}"


def test_a_run_stays_running_between_two_waves_of_pods(cluster: MemoryCluster) -> None:
    _running(cluster)
    cluster.pods.clear()
    cluster.settle()
    assert cluster.phase == "Running"
    assert cluster.condition("Progressing")["reason"] == "Starting"


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
    _running(cluster)
    pod = next(iter(cluster.pods.values()))
    cluster.pods[pod.name] = pod.__class__(**{**pod.__dict__, "deleted": cluster.now})
    cluster.settle(collect=False)
    assert pod.name in cluster.pods
    cluster.wait(121)
    cluster.settle()
    assert pod.name not in cluster.pods
    assert "NodeLost" in [t.reason for t in cluster.told]


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
    _running(cluster)
    cluster.namespace_terminating = True
    cluster.look()
    assert cluster.jobs[RUN].deleted


def test_children_of_a_deleted_experiment_block_their_names_until_they_are_gone(
    cluster: MemoryCluster,
) -> None:
    cluster.settle()
    cluster.change(uid="uid-2", status={}, generation=1)
    cluster.restart_operator()
    cluster.look()
    cluster.look()
    assert not [a for a in cluster.log if isinstance(a, FreezePlan) and cluster.plans != {}][1:]
    cluster.jobs.clear()
    cluster.plans.clear()
    cluster.pods.clear()
    cluster.settle()
    assert cluster.jobs[RUN].owner_uid == "uid-2"


def test_a_run_whose_status_was_lost_is_found_by_its_children(cluster: MemoryCluster) -> None:
    cluster.finish_run()
    cluster.change(status={})
    cluster.restart_operator()
    cluster.settle()
    assert cluster.phase == "Complete"
    assert list(cluster.plans) == [RUN]


def test_a_plan_that_somebody_deleted_is_frozen_again_under_its_number(
    cluster: MemoryCluster,
) -> None:
    _running(cluster)
    cluster.plans.clear()
    cluster.settle()
    assert list(cluster.plans) == [RUN]


def test_purge_adds_the_finalizer_and_retain_takes_it_away(cluster: MemoryCluster) -> None:
    cluster.change(settings={"deletionPolicy": "Purge"})
    cluster.settle()
    assert cluster.experiment.finalizers == ("rowmill.dev/purge",)
    cluster.change(settings={"deletionPolicy": "Retain"})
    cluster.settle()
    assert cluster.experiment.finalizers == ()


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
    cluster.complete_job(PURGE)
    cluster.look()
    assert cluster.experiment.finalizers == ()
    assert [p.outcome for p in cluster.purges] == ["succeeded"]
    assert cluster.told[-1].reason == "Purged"


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
    _running(cluster)
    cluster.delete()
    done = len(cluster.log)
    cluster.look()
    assert len(cluster.log) == done


def test_a_stale_view_never_makes_a_second_plan_of_one_number(cluster: MemoryCluster) -> None:
    cluster.settle()
    situation = Situation(cluster.observed(), cluster.now, cluster.settings)
    assert situation.number == 1
    cluster.change(status={})
    assert Situation(cluster.observed(), cluster.now, cluster.settings).number == 1


def test_every_wait_has_an_end_to_look_at(cluster: MemoryCluster) -> None:
    """A missed event must not leave an unfinished run unattended for good."""
    _running(cluster)
    assert cluster.last.again_after is not None
    cluster.change(settings={"suspend": True})
    cluster.look()
    cluster.look()
    assert cluster.last.again_after is not None


def test_whose_pods_are_polled_is_not_looked_at_beside_the_polls(cluster: MemoryCluster) -> None:
    _running(cluster)
    assert cluster.last.again_after is not None
    assert cluster.last.again_after > 2 * cluster.settings.progress_seconds


def test_a_digest_of_older_status_is_not_taken_for_another_generation(
    cluster: MemoryCluster,
) -> None:
    cluster.finish_run()
    cluster.change(settings={"seed": 9})
    cluster.restart_operator()
    cluster.look()
    assert [a for a in cluster.last.actions if isinstance(a, Validate)]


def test_a_lost_delete_event_of_a_job_is_waited_for(cluster: MemoryCluster) -> None:
    _running(cluster)
    cluster.change(settings={"suspend": True})
    cluster.look()
    cluster.look()
    deletes = [a for a in cluster.log if isinstance(a, DeleteJob)]
    cluster.look()
    assert [a for a in cluster.log if isinstance(a, DeleteJob)] == deletes, "one delete is enough"


def test_conditions_keep_their_times_while_their_status_stays(cluster: MemoryCluster) -> None:
    _running(cluster)
    since = cluster.condition("Accepted")["lastTransitionTime"]
    cluster.wait(100)
    cluster.progress[0] = ShardProgress(cluster.now, 5, 100.0, "", {})
    cluster.settle()
    assert cluster.condition("Accepted")["lastTransitionTime"] == since
    cluster.now += timedelta(seconds=5)
