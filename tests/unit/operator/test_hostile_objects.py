"""Objects that people, webhooks or faults have made strange never stop the operator."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from rowmill.plan.pod_report import PodReport
from rowmill_operator.memory import resources
from rowmill_operator.memory.resources import Resource
from rowmill_operator.memory.store import MOST_WARNINGS, Store
from rowmill_operator.memory.views import read_pod
from rowmill_operator.model.observed import Observed
from tests.unit.operator.fake_api import FakeApi
from tests.unit.operator.memory_cluster import MemoryCluster, experiment
from tests.unit.operator.operator_env import JOBS, KEY, Operator, with_operator
from tests.unit.operator.raw_objects import raw_event, raw_experiment, raw_job, raw_pod

POD = "/api/v1/namespaces/team/pods/shop-run-1-3-abcde"


def _filled(*more: tuple[Resource, dict[str, Any]]) -> Store:
    store = Store()
    for kind, raw in (
        (resources.EXPERIMENTS, raw_experiment()),
        (resources.JOBS, raw_job()),
        *more,
    ):
        assert store.see(kind, raw) == KEY
    return store


def _observed(store: Store, name: str = "shop") -> Observed:
    found = store.gather(("team", name))
    assert found is not None
    return found


def test_a_last_word_nested_too_deep_is_none() -> None:
    state = {"terminated": {"exitCode": 1, "message": "[" * 4_096}}
    termination = read_pod(raw_pod(state=state)).termination
    assert termination is not None
    assert termination.report == PodReport()


def test_a_last_word_that_is_no_workers_does_not_keep_a_run_from_its_end() -> None:
    """The API server refuses a status that is not as the CRD has it."""
    cluster = MemoryCluster(experiment())
    cluster.finish_run(run=["a"], checksum={}, dataVersion="one", parquetTypes=7, repeat="no")
    assert cluster.phase == "Complete"
    assert cluster.run["dataVersion"] == 1
    assert not {"id", "checksum"} & set(cluster.run)


def test_a_reason_that_is_no_workers_is_not_passed_on() -> None:
    cluster = MemoryCluster(experiment())
    cluster.begin_run()
    cluster.fail_job("shop-run-1", 64, index=0, reason="no word " * 200, message="half \ud800")
    cluster.settle()
    failed = cluster.condition("Failed")
    assert failed["reason"] == "RunFailed"
    assert "half ?" in failed["message"]


def test_one_container_among_others_is_the_workers() -> None:
    sidecar = {"name": "a-proxy", "state": {"running": {}}}
    worker = {"name": "worker", "state": {"terminated": {"exitCode": 65}}}
    pod = read_pod(raw_pod(status={"containerStatuses": [sidecar, worker]}))
    assert not pod.running
    assert pod.termination is not None
    assert pod.termination.code == 65


def test_a_pod_whose_worker_is_not_there_yet_does_not_run() -> None:
    sidecar = {"name": "a-proxy", "state": {"running": {}}}
    assert not read_pod(raw_pod(status={"containerStatuses": [sidecar]})).running


def test_an_object_that_cannot_be_read_is_passed_over_at_the_start_and_later(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def story(operator: Operator, api: FakeApi) -> None:
        api.put(POD, raw_pod(meta={"creationTimestamp": "yesterday"}))
        api.put(f"{JOBS}/shop-run-1", raw_job())
        fresh = Operator(operator.resync._cluster, None)
        await fresh.start()
        assert [job.name for job in _observed(fresh.store).jobs] == ["shop-run-1"]
        await fresh.resync.compare()
        assert _observed(fresh.store).pods == ()

    with_operator(story)
    assert "shop-run-1-3-abcde" in caplog.text


def test_only_the_newest_warnings_are_kept() -> None:
    store = _filled((resources.PODS, raw_pod()))
    start = _observed(store).experiment.created
    count = MOST_WARNINGS + 50
    for number in range(count):
        last = (start + timedelta(seconds=number)).isoformat()
        store.see_warning(raw_event("shop-run-1-3-abcde", "pod-1", f"Reason{number}", last=last))
    kept = [warned.reason for warned in _observed(store).warnings]
    assert kept == [f"Reason{number}" for number in range(count - MOST_WARNINGS, count)]


@pytest.mark.parametrize("label", ["web", ""])
def test_a_pod_whose_label_was_edited_is_no_longer_its_experiments(label: str) -> None:
    store = _filled((resources.PODS, raw_pod()))
    edited = raw_pod(version=40)
    edited["metadata"]["labels"]["rowmill.dev/experiment"] = label
    key = store.see(resources.PODS, edited)
    assert key == (("team", "web") if label else KEY)
    assert _observed(store).pods == ()
    assert store.see(resources.PODS, raw_pod(version=41)) == KEY
    assert len(_observed(store).pods) == 1


def test_an_older_version_with_another_label_moves_nothing() -> None:
    store = _filled((resources.PODS, raw_pod()))
    edited = raw_pod(version=29)
    edited["metadata"]["labels"]["rowmill.dev/experiment"] = "web"
    assert store.see(resources.PODS, edited) is None
    assert len(_observed(store).pods) == 1


def test_an_event_counts_for_the_experiment_whose_child_it_is_about() -> None:
    """`shop-run-1-run-1` may be a child of `shop` by its name alone."""
    store = _filled()
    store.see(resources.EXPERIMENTS, raw_experiment("shop-run-1", meta={"uid": "other"}))
    job = raw_job("shop-run-1-run-1", "job-9")
    job["metadata"]["labels"]["rowmill.dev/experiment"] = "shop-run-1"
    event = raw_event("shop-run-1-run-1", "job-9", "FailedCreate", kind="Job")
    assert sorted(store.see_warning(event)) == [KEY, ("team", "shop-run-1")]
    store.see(resources.JOBS, job)
    assert [w.reason for w in _observed(store, "shop-run-1").warnings] == ["FailedCreate"]
    assert _observed(store).warnings == ()


def test_a_namespace_that_comes_back_has_its_experiments_looked_at() -> None:
    store = _filled()
    there = {"metadata": {"name": "team"}}
    leaving = {"metadata": {"name": "team", "deletionTimestamp": "2026-03-01T12:00:00Z"}}
    for gone in (False, True):
        assert list(store.see_namespace(leaving)) == [KEY]
        assert list(store.see_namespace(leaving if gone else there, gone=gone)) == [KEY]
        assert list(store.see_namespace(there)) == []
        assert not _observed(store).namespace_terminating
