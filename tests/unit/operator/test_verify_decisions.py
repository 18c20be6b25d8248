"""A verify that is asked for by the annotation: when it is done, and what it tells."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.unit.operator.memory_cluster import MemoryCluster, experiment
from tests.unit.operator.pod_reports import pod_progress
from tests.unit.operator.wishes import (
    FINALIZE,
    OTHER,
    RUN,
    SAME,
    VERIFY,
    begin_another,
    found,
    made,
    published,
    verified,
)


@pytest.fixture
def cluster() -> MemoryCluster:
    return published()


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


def test_it_tells_how_far_it_is_and_what_it_waits_for(asked: MemoryCluster) -> None:
    asked.start_pod(VERIFY)
    asked.verifying = pod_progress(0, 50.0, "comparing orders, 45 %", {})
    asked.settle()
    message = "the rows of run 1 are made again and compared; comparing orders, 45 %"
    assert asked.condition("Verified")["message"] == message
    assert asked.status["workers"] == 0, "nothing of the run has changed"
    asked.verifying = pod_progress(0, 0.0, "comparing orders, 45 %", {}, "postgres: no route")
    decision = asked.look()
    assert asked.condition("Verified")["message"].endswith("compared; postgres: no route")
    assert not decision.urgent, "it may wait, as all progress"


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


def test_an_older_wish_that_comes_back_is_met(asked: MemoryCluster) -> None:
    """A tool applies an earlier commit."""
    found(asked)
    asked.annotate(verify="1.1")
    asked.settle()
    found(asked, what=OTHER)
    asked.annotate(verify="1")
    asked.settle()
    assert made(asked).count(VERIFY) == 2
    assert verified(asked) == ("False", "Differs")


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
