from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from rowmill_operator.apiserver.answers import Blocked
from rowmill_operator.memory import resources
from rowmill_operator.model.run_condition import timestamp
from tests.unit.operator.fake_api import FakeApi
from tests.unit.operator.memory_cluster import SETTINGS, small_plan
from tests.unit.operator.operator_env import (
    EVENTS,
    EXPERIMENT,
    JOBS,
    KEY,
    MADE,
    PLANS,
    Operator,
    QuickValidator,
    settle,
    status,
    with_operator,
)
from tests.unit.operator.pod_reports import pod_progress
from tests.unit.operator.raw_objects import DIGEST, raw_event, raw_pod


def test_a_new_experiment_takes_three_writes_and_tells_that_its_run_begins() -> None:
    api = with_operator(settle)
    assert api.writes() == MADE
    assert status(api)["phase"] == "Pending"
    assert f"{JOBS}/shop-run-1" in api.objects


def test_when_many_wait_their_jobs_come_before_any_status() -> None:
    async def story(operator: Operator, api: FakeApi) -> None:
        for number in range(30):
            operator.queue.add(("team", f"e{number}"))
        await operator.look()
        assert api.writes() == MADE[:2]

    with_operator(story)


def test_what_is_settled_takes_no_call() -> None:
    async def story(operator: Operator, api: FakeApi) -> None:
        await operator.settle()
        api.calls.clear()
        await operator.settle()
        assert api.calls == []

    with_operator(story)


def test_a_restarted_operator_writes_nothing_where_nothing_changed() -> None:
    async def story(operator: Operator, api: FakeApi) -> None:
        await operator.settle()
        api.calls.clear()
        validator = QuickValidator()
        again = Operator(operator.controller._cluster, validator)
        await again.start()
        await again.settle()
        assert api.writes() == []
        assert validator.judged == []

    with_operator(story)


def test_a_restarted_operator_still_knows_why_no_pod_is_made() -> None:
    async def story(operator: Operator, api: FakeApi) -> None:
        await operator.settle()
        job = api.objects[f"{JOBS}/shop-run-1"]["metadata"]["uid"]
        now = timestamp(datetime.now(UTC))
        message = "exceeded quota: none"
        event = raw_event("shop-run-1", job, "FailedCreate", kind="Job", message=message, last=now)
        operator.store.see_warning(event)
        api.put(f"{EVENTS}/e1", event)
        await operator.settle()
        (stalled,) = (c for c in status(api)["conditions"] if c["type"] == "Stalled")
        assert (stalled["status"], stalled["reason"]) == ("True", "QuotaExceeded")
        api.calls.clear()
        again = Operator(operator.controller._cluster, QuickValidator())
        await again.start()
        await again.settle()
        assert api.writes() == []

    with_operator(story)


def test_only_progress_that_was_written_asks_for_no_further_look() -> None:
    async def story(operator: Operator, api: FakeApi) -> None:
        await operator.settle()
        job = api.objects[f"{JOBS}/shop-run-1"]["metadata"]["uid"]
        pod = raw_pod(uid="pod-1", job=job, state={"running": {}})
        operator.store.see(resources.PODS, pod)
        await operator.settle()
        api.calls.clear()
        _report(operator, 1)
        await operator.look()
        assert api.writes() == [("PATCH", "shop/status")]
        assert operator.queue.depth() == 0
        # What else has changed meanwhile comes with the answer, and no watch will tell of it again.
        api.objects[EXPERIMENT]["metadata"]["annotations"] = {"rowmill.dev/abort": "1"}
        _report(operator, 2)
        await operator.look()
        assert operator.queue.depth() == 1

    with_operator(story, settings=replace(SETTINGS, progress_seconds=0))


TABLE = max(small_plan(DIGEST).tables, key=lambda table: table.rows).table


def _report(operator: Operator, batches: int) -> None:
    progress = pod_progress(10, 5.0, "", {TABLE: ((0, batches),)})
    operator.store.reported(KEY, "pod-1", progress)


def test_a_second_operator_does_no_harm() -> None:
    async def story(operator: Operator, api: FakeApi) -> None:
        other = Operator(operator.controller._cluster, QuickValidator())
        await other.start()
        await operator.settle()
        # It tells of nothing that another has told of.
        with pytest.raises(Blocked):
            await other.settle()
        assert len([path for path in api.objects if path.startswith((JOBS, PLANS))]) == 2
        creations = [call for call in api.writes() if call[0] == "POST"]
        assert creations == [*MADE[:2], MADE[3], *MADE[:2]]

    with_operator(story)


def test_a_manifest_that_is_no_longer_kept_is_fetched() -> None:
    validator = QuickValidator()

    async def story(operator: Operator, api: FakeApi) -> None:
        operator.manifests.drop(KEY)
        api.calls.clear()
        await operator.settle()
        assert api.calls[0] == ("GET", EXPERIMENT)

    with_operator(story, validator=validator)
    assert '"tables"' in validator.judged[0]


def test_a_purge_is_counted_once_even_if_its_end_is_seen_late() -> None:
    def purges(operator: Operator) -> float:
        value = operator.metrics.registry.get_sample_value(
            "rowmill_operator_purges_total", {"outcome": "skipped"}
        )
        return value or 0

    async def story(operator: Operator, api: FakeApi) -> None:
        other = Operator(operator.controller._cluster, QuickValidator())
        await other.start()
        await operator.settle()
        await operator.settle()
        assert api.objects[EXPERIMENT]["metadata"]["finalizers"] == []
        del api.objects[EXPERIMENT]
        with pytest.raises(Blocked):
            await other.look()
        assert (purges(operator), purges(other)) == (1, 0)

    with_operator(
        story,
        meta={"deletionTimestamp": "2026-03-01T12:00:00Z", "finalizers": ["rowmill.dev/purge"]},
    )


def test_a_pod_that_does_not_end_is_deleted_at_once_and_only_itself() -> None:
    async def story(operator: Operator, api: FakeApi) -> None:
        cluster = operator.controller._cluster
        path = "/api/v1/namespaces/team/pods/p"
        api.put(path, {"metadata": {"name": "p", "uid": "new"}})
        assert await cluster.delete(resources.PODS, "team", "p", "old", at_once=True) is None
        assert path in api.objects
        await cluster.delete(resources.PODS, "team", "p", "new", at_once=True)
        assert path not in api.objects
        assert api.bodies[-1]["gracePeriodSeconds"] == 0
        assert await cluster.delete(resources.PODS, "team", "p", "new", at_once=True) is None

    with_operator(story)


def test_a_pod_that_lost_its_job_has_its_grace_to_end() -> None:
    async def story(operator: Operator, api: FakeApi) -> None:
        await operator.settle()
        raw = raw_pod("p", meta={"ownerReferences": []}, state={"running": {}})
        path = "/api/v1/namespaces/team/pods/p"
        api.put(path, raw)
        operator.store.see(resources.PODS, raw)
        await operator.look()
        assert ("DELETE", path) in api.calls
        (asked,) = (body for body in api.bodies if (body or {}).get("kind") == "DeleteOptions")
        assert "gracePeriodSeconds" not in asked

    with_operator(story)
