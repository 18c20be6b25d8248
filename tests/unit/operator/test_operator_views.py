from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from rowmill.plan.pod_report import PodReport
from rowmill_operator.memory.views import (
    experiments_named,
    read_experiment,
    read_job,
    read_plan,
    read_pod,
    read_warning,
)
from rowmill_operator.model.observed import Failure, Termination
from tests.unit.operator.raw_objects import (
    UID,
    frozen,
    in_base64,
    raw_event,
    raw_experiment,
    raw_job,
    raw_plan,
    raw_pod,
)

NOON = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


def test_an_experiment_is_seen_without_its_tables() -> None:
    annotations = {"kubectl.kubernetes.io/last-applied-configuration": "{}", "team": "a"}
    raw = raw_experiment(meta={"annotations": annotations}, spec={"schema": {"sql": "x"}})
    seen = read_experiment(raw)
    assert (seen.namespace, seen.name, seen.uid, seen.created) == ("team", "shop", UID, NOON)
    assert seen.settings == {"destinations": {"postgres": {"secretName": "warehouse"}}}
    assert seen.annotations == {"team": "a"}
    assert seen.bytes == len(json.dumps(raw["spec"], separators=(",", ":")))


def test_the_size_of_an_experiment_is_in_bytes() -> None:
    plain = read_experiment(raw_experiment(spec={"rerun": "oooo"}))
    accented = read_experiment(raw_experiment(spec={"rerun": "öööö"}))
    assert accented.bytes == plain.bytes + 4


def test_a_deleted_experiment_says_since_when() -> None:
    raw = raw_experiment(meta={"deletionTimestamp": "2026-03-01T12:00:00Z", "finalizers": ["a"]})
    assert read_experiment(raw).deleted == NOON
    assert read_experiment(raw).finalizers == ("a",)


def test_a_job_that_has_just_been_made_has_done_nothing() -> None:
    job = read_job(raw_job())
    assert (job.active, job.terminating, job.succeeded) == (0, 0, 0)
    assert (job.completed_indexes, job.failed_indexes) == ((), ())
    assert (job.complete, job.failed, job.finished, job.deleted) == (False, None, None, False)
    assert (job.task, job.number, job.digest, job.shape) == ("shard", 1, "ab" * 16, "s1")
    assert (job.owner_uid, job.parallelism, job.completions) == (UID, 2, 4)


@pytest.mark.parametrize(
    ("text", "intervals"),
    [("", ()), ("0", ((0, 1),)), ("0-3", ((0, 4),)), ("0,2-5,9", ((0, 1), (2, 6), (9, 10)))],
)
def test_indexes_become_half_open_intervals(text: str, intervals: Any) -> None:
    assert read_job(raw_job(status={"completedIndexes": text})).completed_indexes == intervals


def test_a_complete_job_says_when() -> None:
    status = {
        "completionTime": "2026-03-01T12:00:00Z",
        "conditions": [
            {"type": "SuccessCriteriaMet", "status": "True"},
            {"type": "Complete", "status": "True"},
        ],
    }
    job = read_job(raw_job(status=status))
    assert job.complete
    assert job.finished == NOON


@pytest.mark.parametrize("condition", ["Complete", "Failed"])
def test_a_job_has_ended_when_the_api_server_says_whatever_its_controllers_clock(
    condition: str,
) -> None:
    ended = {"type": condition, "status": "True", "lastTransitionTime": "2026-03-01T11:30:00Z"}
    writes = [
        {"subresource": "status", "time": "2026-03-01T11:40:00Z"},
        {"subresource": "status", "time": "2026-03-01T12:00:00Z"},
        {"manager": "somebody-labels-it", "time": "2026-03-01T13:00:00Z"},
    ]
    raw = raw_job(status={"conditions": [ended]})
    raw["metadata"]["managedFields"] = writes
    assert read_job(raw).finished == NOON
    raw["status"] = {}
    assert read_job(raw).finished is None


def test_a_job_that_is_about_to_fail_has_not_failed() -> None:
    target = {"type": "FailureTarget", "status": "True", "reason": "PodFailurePolicy"}
    assert read_job(raw_job(status={"conditions": [target]})).failed is None
    failed = {
        "type": "Failed",
        "status": "True",
        "reason": "PodFailurePolicy",
        "message": "exit code 65",
        "lastTransitionTime": "2026-03-01T12:00:00Z",
    }
    job = read_job(raw_job(status={"conditions": [target, failed]}))
    assert job.failed == Failure("PodFailurePolicy", "exit code 65")
    assert job.finished == NOON


def test_a_running_pod_has_its_shard_and_address() -> None:
    pod = read_pod(raw_pod(state={"running": {"startedAt": "2026-03-01T12:00:00Z"}}))
    assert (pod.index, pod.ip, pod.node, pod.job_uid) == (3, "10.244.1.7", "node1", "job-1")
    assert pod.running
    assert (pod.waiting, pod.termination, pod.unschedulable, pod.disrupted) == (None, None, "", "")


def test_a_starting_container_waits_for_nothing_that_is_wrong() -> None:
    assert read_pod(raw_pod(state={"waiting": {"reason": "ContainerCreating"}})).waiting is None
    pulling = {"waiting": {"reason": "ErrImagePull", "message": "not found"}}
    assert read_pod(raw_pod(state=pulling)).waiting == Failure("ErrImagePull", "not found")


def test_a_pod_without_a_node_says_why() -> None:
    condition = {
        "type": "PodScheduled",
        "status": "False",
        "reason": "Unschedulable",
        "message": "0/1 nodes are available",
    }
    pod = read_pod(raw_pod(status={"conditions": [condition], "containerStatuses": None}))
    assert pod.unschedulable == "0/1 nodes are available"


def test_an_evicted_pod_says_so() -> None:
    condition = {"type": "DisruptionTarget", "status": "True", "reason": "EvictionByEvictionAPI"}
    pod = read_pod(raw_pod(status={"conditions": [condition]}))
    assert pod.disrupted == "EvictionByEvictionAPI"


def test_a_termination_message_is_read_if_it_is_json() -> None:
    def ended(message: str | None) -> Termination | None:
        terminated = {"exitCode": 65, "reason": "Error", "finishedAt": "2026-03-01T12:00:00Z"}
        if message is not None:
            terminated["message"] = message
        return read_pod(raw_pod(state={"terminated": terminated})).termination

    assert ended('{"code": 65}') == Termination(65, "Error", NOON, PodReport(65))
    for message in (None, "", "Traceback (most recent call last):", "[1]", '{"code":'):
        assert ended(message) == Termination(65, "Error", NOON, PodReport())


def test_a_plan_is_read_back_from_its_config_map() -> None:
    assert read_plan(raw_plan(frozen(rerun="again"))) == frozen(rerun="again")


@pytest.mark.parametrize("content", ["", "no base64!", in_base64(b"no gzip")])
def test_what_is_no_plan_is_refused(content: str) -> None:
    raw = raw_plan(frozen())
    raw["binaryData"] = {"run.json.gz": content}
    with pytest.raises(ValueError, match=r"bundle|base64"):
        read_plan(raw)


@pytest.mark.parametrize("clock", ["2026-03-01T11:50:00Z", "2026-03-01T12:10:00Z"])
def test_an_event_is_as_old_as_the_api_server_says_whatever_the_clock_of_its_node(
    clock: str,
) -> None:
    raw = raw_event("shop-run-1-0-x", "pod-1", last="2026-03-01T12:00:00Z", reported=clock)
    raw["metadata"]["creationTimestamp"] = "2026-03-01T11:00:00Z"
    raw["metadata"]["managedFields"].insert(0, {"manager": "else", "time": "2026-03-01T11:59:00Z"})
    assert read_warning(raw).last == NOON


def test_the_latest_time_of_an_event_without_a_record_of_its_writes_counts() -> None:
    raw = raw_event("shop-run-1-0-x", "pod-1", reported="2026-03-01T12:00:00Z")
    del raw["metadata"]["managedFields"]
    assert read_warning(raw).last == NOON
    raw["series"] = {"count": 4, "lastObservedTime": "2026-03-01T13:00:00.123456Z"}
    assert read_warning(raw).last == datetime(2026, 3, 1, 13, 0, 0, 123456, tzinfo=UTC)


def test_a_long_message_is_cut() -> None:
    raw = raw_event("shop-run-1-0-x", "pod-1", message="x" * 100_000)
    assert len(read_warning(raw).message) < 4_096


@pytest.mark.parametrize(
    ("child", "names"),
    [
        ("shop-run-1", ["shop"]),
        ("shop-run-12-finalize-x7k2p", ["shop"]),
        ("shop-purge-abcde", ["shop"]),
        ("a-run-1-run-2-0-x", ["a", "a-run-1"]),
        ("shop-runner-1", []),
        ("web-5d8f", []),
    ],
)
def test_a_child_tells_whose_it_may_be(child: str, names: list[str]) -> None:
    assert list(experiments_named(child)) == names
