"""A verify that is asked for by the annotation: when it is done, what it tells, whom it lets by."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from rowmill_operator.model.actions import CreateJob, DeleteJob
from tests.unit.operator.memory_cluster import MemoryCluster, experiment
from tests.unit.operator.pod_reports import pod_progress

RUN, FINALIZE, VERIFY = "shop-run-1", "shop-run-1-finalize", "shop-run-1-verify"
SAME = {"id": "abc", "identical": True, "rows": 2_500, "checksum": "sha256:ab"}
OTHER = SAME | {"identical": False, "differences": 3, "where": "people in postgres"}


def made(cluster: MemoryCluster) -> list[str]:
    return [a.manifest["metadata"]["name"] for a in cluster.log if isinstance(a, CreateJob)]


def verified(cluster: MemoryCluster) -> tuple[str, str]:
    condition = cluster.condition("Verified")
    return condition["status"], condition["reason"]


def found(cluster: MemoryCluster, number: int = 1, what: Mapping[str, Any] = SAME) -> None:
    """The pod of a verify tells what it found."""
    cluster.complete_job(f"shop-run-{number}-verify", verified=what)
    cluster.settle()


def begin_another(cluster: MemoryCluster) -> None:
    """Begin run 2."""
    cluster.digest = "sha256:" + "b" * 64
    cluster.change(settings={"seed": 2})
    cluster.settle()


@pytest.fixture
def cluster() -> MemoryCluster:
    cluster = MemoryCluster(experiment())
    cluster.finish_run(run="abc")
    return cluster


@pytest.fixture
def asked(cluster: MemoryCluster) -> MemoryCluster:
    """Run 1 is published, and its verify has just begun."""
    cluster.annotate(verify="1")
    cluster.settle()
    return cluster


def test_identical_data_is_verified(asked: MemoryCluster) -> None:
    assert list(asked.jobs) == [RUN, FINALIZE, VERIFY]
    assert verified(asked) == ("Unknown", "Verifying")
    assert asked.phase == "Complete"
    asked.wait(5)
    found(asked)
    assert verified(asked) == ("True", "Identical")
    message = "run 1: 2,500 rows made again are identical; data checksum sha256:ab"
    assert asked.condition("Verified")["message"] == message
    assert asked.status["verification"] == {
        "request": "1",
        "run": 1,
        "finishedAt": "2026-03-01T12:00:05Z",
        "identical": True,
        "rows": 2_500,
        "checksum": "sha256:ab",
        "differences": 0,
    }
    told = asked.reported[-1]
    assert (told.reason, told.message, told.warning) == ("Identical", message, False)
    assert asked.phase == "Complete"


def test_a_difference_is_told_with_its_place(asked: MemoryCluster) -> None:
    found(asked, what=OTHER)
    assert verified(asked) == ("False", "Differs")
    message = (
        "run 1 differs: people in postgres (differing rows: 3; 2,500 rows made again); "
        "data checksum sha256:ab"
    )
    assert asked.condition("Verified")["message"] == message
    assert asked.status["verification"]["where"] == "people in postgres"
    assert asked.warned() == ["Differs"]
    assert asked.phase == "Complete", "it says so beside the run"


def test_a_difference_is_heard_from_a_pod_that_failed_for_it_too(asked: MemoryCluster) -> None:
    asked.fail_job(VERIFY, 64, verified=OTHER)
    asked.settle()
    assert verified(asked) == ("False", "Differs")


def test_a_verify_that_could_not_be_done_says_why(asked: MemoryCluster) -> None:
    asked.fail_job(VERIFY, 65, reason="CredentialsRefused", message="no such role")
    asked.settle()
    assert verified(asked) == ("Unknown", "CredentialsRefused")
    assert "no such role" in asked.condition("Verified")["message"]
    assert "rowmill.dev/verify=1.1" in asked.condition("Verified")["message"]
    assert "identical" not in asked.status["verification"]
    asked.wait(600)
    asked.settle()
    assert made(asked).count(VERIFY) == 1, "it is asked again by people"


def test_what_keeps_its_pod_from_starting_is_told(asked: MemoryCluster) -> None:
    asked.warn(VERIFY, "FailedCreate", "exceeded quota: none")
    asked.settle()
    assert verified(asked) == ("Unknown", "QuotaExceeded")
    assert asked.phase == "Complete"
    assert asked.condition("Stalled")["status"] == "False", "the run itself is well"


def test_a_pod_that_was_not_heard_leaves_it_unknown(asked: MemoryCluster) -> None:
    asked.update_job(VERIFY, complete=True, finished=asked.now)
    asked.settle()
    assert verified(asked) == ("Unknown", "Verifying")
    asked.wait(11)
    asked.settle()
    assert verified(asked) == ("Unknown", "VerifyUnheard")


def test_it_is_done_once_and_again_by_another_name(asked: MemoryCluster) -> None:
    found(asked)
    asked.restart_operator()
    asked.settle()
    asked.annotate(verify="")
    asked.settle()
    asked.annotate(verify="1")
    asked.settle()
    assert made(asked).count(VERIFY) == 1
    assert verified(asked) == ("True", "Identical")
    asked.annotate(verify="1.1")
    asked.settle()
    assert made(asked).count(VERIFY) == 2
    assert verified(asked) == ("Unknown", "Verifying")
    found(asked, what=OTHER)
    assert verified(asked) == ("False", "Differs")
    assert asked.status["verification"]["request"] == "1.1"


def test_an_operator_that_was_down_goes_on_by_what_the_cluster_keeps(
    cluster: MemoryCluster,
) -> None:
    cluster.annotate(verify="1")
    cluster.restart_operator()
    cluster.settle()
    cluster.complete_job(VERIFY, verified=SAME)
    cluster.restart_operator()
    cluster.settle()
    assert verified(cluster) == ("True", "Identical")
    assert made(cluster).count(VERIFY) == 1


def test_an_experiment_restored_from_before_verifies_nothing_again(asked: MemoryCluster) -> None:
    found(asked)
    status, annotations = asked.experiment.status, asked.experiment.annotations
    restored = MemoryCluster(experiment(uid="uid-2", annotations=annotations, status=status))
    restored.settle()
    assert not restored.jobs
    assert verified(restored) == ("True", "Identical")


@pytest.mark.parametrize("text", ["2", "latest", "1.x", "0"])
def test_a_wish_for_what_is_not_published_does_nothing_and_is_named(
    cluster: MemoryCluster, text: str
) -> None:
    cluster.annotate(verify=text)
    cluster.settle()
    assert VERIFY not in cluster.jobs
    assert verified(cluster) == ("Unknown", "NotVerified")
    assert f"says {text}," in cluster.condition("Verified")["message"]


def test_a_run_is_not_verified_before_it_is_published() -> None:
    cluster = MemoryCluster(experiment())
    cluster.begin_run()
    cluster.annotate(verify="1")
    cluster.settle()
    assert verified(cluster) == ("Unknown", "NotVerified")
    assert VERIFY not in cluster.jobs
    cluster.finish_run()
    assert VERIFY in cluster.jobs


def test_verified_is_unknown_from_the_start_of_each_run(asked: MemoryCluster) -> None:
    found(asked)
    asked.wait(5)
    begin_another(asked)
    assert verified(asked) == ("Unknown", "NotVerified")
    assert VERIFY not in asked.jobs, "what is of the run before goes"
    assert asked.status["verification"]["run"] == 1
    asked.finish_run(2)
    assert verified(asked) == ("Unknown", "NotVerified")
    assert asked.condition("Verified")["message"].startswith("run 2 has not been verified")


def test_the_published_run_is_verified_while_the_next_one_loads(cluster: MemoryCluster) -> None:
    begin_another(cluster)
    cluster.wait(5)
    cluster.annotate(verify="1")
    cluster.settle()
    assert sorted(cluster.jobs) == [VERIFY, "shop-run-2"]
    (container,) = cluster.manifests[-1]["spec"]["template"]["spec"]["containers"]
    volumes = cluster.manifests[-1]["spec"]["template"]["spec"]["volumes"]
    assert container["args"] == ["verify"]
    assert {"name": RUN, "items": [{"key": "run.json.gz", "path": "run.json.gz"}]} in [
        one.get("configMap") for one in volumes
    ], "by the plan of its own run"
    found(cluster)
    assert verified(cluster) == ("True", "Identical")
    assert cluster.condition("Verified")["message"].startswith("run 1:")
    cluster.finish_run(2)
    assert list(cluster.plans) == ["shop-run-2"]


def test_a_verify_is_gone_with_its_pods_before_the_next_run_is_finalized(
    asked: MemoryCluster,
) -> None:
    asked.start_pod(VERIFY)
    begin_another(asked)
    assert VERIFY in asked.jobs, "while run 2 loads"
    asked.complete_job("shop-run-2")
    for _ in range(4):
        asked.look()
    assert asked.jobs[VERIFY].deleted
    assert "shop-run-2-finalize" not in asked.jobs, "what is read cannot be dropped"
    assert verified(asked) == ("Unknown", "MakingWay")
    assert asked.condition("Progressing")["reason"] == "Replacing"
    asked.collect()
    asked.settle()
    names = [
        a.name if isinstance(a, DeleteJob) else a.manifest["metadata"]["name"]
        for a in asked.log
        if isinstance(a, DeleteJob | CreateJob)
    ]
    assert names[-2:] == [VERIFY, "shop-run-2-finalize"]
    assert verified(asked) == ("Unknown", "MakingWay"), "and none begins while it is finalized"
    asked.complete_job("shop-run-2-finalize", run="def")
    asked.settle()
    assert asked.phase == "Complete"
    assert VERIFY not in asked.jobs
    assert verified(asked) == ("Unknown", "NotVerified")


def test_a_pod_of_a_verify_whose_job_is_not_seen_keeps_finalize_waiting_too(
    asked: MemoryCluster,
) -> None:
    pod = asked.start_pod(VERIFY)
    job = asked.jobs.pop(VERIFY)
    asked.annotate(verify="")
    begin_another(asked)
    asked.complete_job("shop-run-2")
    asked.settle()
    assert "shop-run-2-finalize" not in asked.jobs
    asked.end_pod(pod, 143)
    asked.settle()
    assert "shop-run-2-finalize" in asked.jobs
    assert job.name not in asked.jobs


def test_a_verify_begins_again_once_the_next_run_has_failed(asked: MemoryCluster) -> None:
    begin_another(asked)
    asked.complete_job("shop-run-2")
    asked.settle()
    asked.wait(60)
    asked.fail_job("shop-run-2-finalize", 64, reason="UserConstraint", message="no")
    asked.settle()
    assert asked.phase == "Failed"
    assert made(asked)[-1] == VERIFY, "run 1 is published still"
    asked.wait(5)
    found(asked)
    assert verified(asked) == ("True", "Identical")


def test_a_verify_keeps_no_next_run_waiting(asked: MemoryCluster) -> None:
    asked.start_pod(VERIFY)
    begin_another(asked)
    assert "shop-run-2" in asked.jobs


def test_what_its_pod_says_meanwhile_is_none_of_the_next_runs_progress(
    asked: MemoryCluster,
) -> None:
    asked.start_pod(VERIFY)
    begin_another(asked)
    assert asked.status["workers"] == 0
    asked.start_pod("shop-run-2", 0)
    asked.progress[0] = pod_progress(1_000, 10.0, "", {"orders": ((0, 1),)})
    asked.settle()
    assert asked.status["workers"] == 1
    assert asked.phase == "Running"


def test_a_suspended_experiment_has_no_pod_of_a_verify(asked: MemoryCluster) -> None:
    asked.start_pod(VERIFY)
    asked.change(settings={"suspend": True})
    asked.settle()
    assert not any(pod.live for pod in asked.pods.values())
    assert verified(asked) == ("Unknown", "Suspended")
    asked.change(settings={"suspend": False})
    asked.settle()
    assert VERIFY in asked.jobs


def test_a_run_is_called_suspended_once_the_pods_of_a_verify_have_ended_too(
    asked: MemoryCluster,
) -> None:
    asked.start_pod(VERIFY)
    begin_another(asked)
    asked.change(settings={"suspend": True})
    asked.look()
    del asked.jobs["shop-run-2"]
    for _ in range(3):
        asked.look()
    assert asked.condition("Progressing")["reason"] == "Suspending"
    asked.collect()
    asked.settle()
    assert asked.phase == "Suspended"


def test_a_reset_waits_until_a_verify_is_gone(asked: MemoryCluster) -> None:
    for name in (RUN, FINALIZE):
        del asked.jobs[name]
    asked.start_pod(VERIFY)
    asked.annotate(reset="1")
    for _ in range(4):
        asked.look()
    assert asked.jobs[VERIFY].deleted
    assert "shop-run-1-reset" not in asked.jobs
    asked.collect()
    asked.settle()
    assert "shop-run-1-reset" in asked.jobs
    assert VERIFY not in asked.jobs
    assert verified(asked) == ("Unknown", "MakingWay")
    asked.complete_job("shop-run-1-reset", purged="removed")
    asked.settle()
    assert verified(asked) == ("Unknown", "NotVerified")
    assert asked.condition("Verified")["message"] == "nothing is published"


def test_a_purge_waits_until_a_verify_is_gone(asked: MemoryCluster) -> None:
    for name in (RUN, FINALIZE):
        del asked.jobs[name]
    asked.start_pod(VERIFY)
    asked.change(settings={"deletionPolicy": "Purge"})
    asked.settle()
    asked.delete()
    for _ in range(3):
        asked.look()
    assert asked.jobs[VERIFY].deleted
    assert "shop-purge" not in asked.jobs
    asked.collect()
    asked.settle()
    assert list(asked.jobs) == ["shop-purge"]


def test_a_wish_that_is_taken_back_ends_it(asked: MemoryCluster) -> None:
    asked.annotate(verify="")
    asked.settle()
    assert VERIFY not in asked.jobs
    assert verified(asked) == ("Unknown", "NotVerified")


def test_its_job_goes_some_time_after_it_has_ended(asked: MemoryCluster) -> None:
    asked.change(settings={"ttlSecondsAfterFinished": 100})
    asked.settle()
    asked.wait(80)
    found(asked)
    asked.wait(90)
    asked.settle()
    assert list(asked.jobs) == [VERIFY]
    asked.wait(20)
    asked.settle()
    assert not asked.jobs
    assert verified(asked) == ("True", "Identical")


def test_a_lost_plan_is_made_again_for_it(cluster: MemoryCluster) -> None:
    cluster.plans.clear()
    cluster.annotate(verify="1")
    cluster.settle()
    assert VERIFY in cluster.jobs
    assert cluster.phase == "Complete"


def test_without_plan_and_with_a_refused_spec_it_says_so(cluster: MemoryCluster) -> None:
    cluster.plans.clear()
    cluster.problems = ("wrong",)
    cluster.change(settings={"seed": 2})
    cluster.annotate(verify="1")
    cluster.settle()
    assert verified(cluster) == ("Unknown", "InvalidSpec")


def test_a_run_of_before_whose_plan_is_lost_is_not_verified(cluster: MemoryCluster) -> None:
    begin_another(cluster)
    del cluster.plans[RUN]
    cluster.annotate(verify="1")
    cluster.settle()
    assert verified(cluster) == ("Unknown", "NotVerified")
    assert "ConfigMap of run 1 is gone" in cluster.condition("Verified")["message"]


def test_a_status_from_before_verified_was_told_is_completed(cluster: MemoryCluster) -> None:
    status = cluster.experiment.status
    others = tuple(one for one in status.conditions or () if one.type != "Verified")
    cluster.change(status=replace(status, conditions=others))
    cluster.restart_operator()
    cluster.settle()
    assert verified(cluster) == ("Unknown", "NotVerified")
    assert cluster.phase == "Complete"


@pytest.fixture
def after_run() -> MemoryCluster:
    """Run 1 of an Experiment that is verified after each run is published."""
    cluster = MemoryCluster(experiment(settings={"verify": "AfterRun"}))
    cluster.finish_run(run="abc")
    return cluster


def test_after_each_run_its_data_is_verified_once(after_run: MemoryCluster) -> None:
    assert made(after_run) == [RUN, FINALIZE, VERIFY]
    found(after_run)
    after_run.restart_operator()
    after_run.wait(3_600)
    after_run.settle()
    assert made(after_run) == [RUN, FINALIZE, VERIFY]
    assert verified(after_run) == ("True", "Identical")
    begin_another(after_run)
    assert verified(after_run) == ("Unknown", "NotVerified")
    after_run.finish_run(2)
    assert made(after_run)[3:] == ["shop-run-2", "shop-run-2-finalize", "shop-run-2-verify"]
    found(after_run, 2)
    assert after_run.status["verification"]["request"] == "2"


def test_what_was_verified_by_itself_is_verified_again_when_asked(
    after_run: MemoryCluster,
) -> None:
    found(after_run)
    after_run.annotate(verify="1")
    after_run.settle()
    assert made(after_run).count(VERIFY) == 1, "that is done"
    after_run.annotate(verify="1.1")
    after_run.settle()
    found(after_run, what=OTHER)
    assert made(after_run).count(VERIFY) == 2
    assert verified(after_run) == ("False", "Differs")
    after_run.wait(60)
    after_run.settle()
    assert made(after_run).count(VERIFY) == 2, "and not once more by itself"


def test_a_verify_after_a_run_that_could_not_be_done_is_not_repeated(
    after_run: MemoryCluster,
) -> None:
    after_run.fail_job(VERIFY, 65, reason="CredentialsRefused", message="no such role")
    after_run.settle()
    after_run.wait(600)
    after_run.settle()
    assert made(after_run).count(VERIFY) == 1
    assert verified(after_run) == ("Unknown", "CredentialsRefused")


def test_a_verify_after_a_run_holds_up_no_next_run(after_run: MemoryCluster) -> None:
    after_run.start_pod(VERIFY)
    begin_another(after_run)
    after_run.complete_job("shop-run-2")
    after_run.settle()
    assert list(after_run.jobs) == ["shop-run-2", "shop-run-2-finalize"]
    after_run.complete_job("shop-run-2-finalize", run="def")
    after_run.settle()
    assert made(after_run)[-1] == "shop-run-2-verify"


def test_a_run_that_did_not_publish_is_not_verified() -> None:
    cluster = MemoryCluster(experiment(settings={"verify": "AfterRun"}))
    cluster.begin_run()
    cluster.annotate(abort="1")
    cluster.settle()
    assert made(cluster) == [RUN]
    assert verified(cluster) == ("Unknown", "NotVerified")
