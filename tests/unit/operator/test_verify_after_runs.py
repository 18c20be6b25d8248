"""Runs that are verified by themselves once they are published."""

from __future__ import annotations

import pytest

from tests.unit.operator.memory_cluster import MemoryCluster, experiment
from tests.unit.operator.wishes import (
    FINALIZE,
    OTHER,
    RUN,
    VERIFY,
    begin_another,
    found,
    made,
    published,
    verified,
)


@pytest.fixture
def after_run() -> MemoryCluster:
    return published(verify="AfterRun")


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
