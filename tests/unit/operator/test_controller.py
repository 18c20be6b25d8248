from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

import pytest
from aiohttp import web
from fake_api import FakeApi, failure
from kubernetes.aio.client import Configuration
from memory_cluster import SETTINGS, small_plan
from raw_objects import DIGEST, UID, bundle_of, raw_experiment, raw_job, raw_pod
from test_operator_views import frozen

from rowmill_operator.actions import FreezePlan
from rowmill_operator.cluster import Blocked, Cluster
from rowmill_operator.controller import Controller
from rowmill_operator.manifests import Manifests
from rowmill_operator.metrics import Metrics
from rowmill_operator.observed import ShardProgress
from rowmill_operator.queue import TokenBucket, WorkQueue
from rowmill_operator.resync import Resync
from rowmill_operator.settings import Settings
from rowmill_operator.store import Kind, Store
from rowmill_operator.validator import Judgement

KEY = ("team", "shop")
EXPERIMENT = "/apis/rowmill.dev/v1alpha1/namespaces/team/experiments/shop"
PLANS = "/api/v1/namespaces/team/configmaps"
JOBS = "/apis/batch/v1/namespaces/team/jobs"
EVENTS = "/api/v1/namespaces/team/events"
MADE = [("POST", "team/configmaps"), ("POST", "team/jobs"), ("PATCH", "shop/status")]


@dataclass
class QuickValidator:
    """Judges as it is told, without a process."""

    verdict: Judgement = field(default_factory=lambda: Judgement(digest=DIGEST))
    judged: list[str] = field(default_factory=list)

    async def judge(self, namespace: str, manifest: str, rerun: str) -> Judgement:
        self.judged.append(manifest)
        return self.verdict

    async def freeze(
        self, namespace: str, uid: str, manifest: str, wanted: FreezePlan
    ) -> Judgement:
        plan = replace(frozen(), number=wanted.number, plan=small_plan(DIGEST))
        return replace(self.verdict, bundle=bundle_of(plan))


class Operator:
    """An operator without watches: it knows what it lists at its start, and its own answers."""

    def __init__(self, cluster: Cluster, validator: Any, settings: Settings = SETTINGS) -> None:
        self.store, self.manifests = Store(), Manifests()
        self.queue = WorkQueue(TokenBucket(1e6, 1e6))
        self.metrics = Metrics()
        self.resync = Resync(
            cluster, self.store, self.manifests, settings.namespaces, self.queue.add
        )
        self.controller = Controller(
            self.store, self.queue, cluster, validator, self.manifests, self.metrics, settings
        )

    async def start(self) -> None:
        await self.resync.fill()

    async def look(self) -> None:
        await self.controller.look_at(KEY)

    async def settle(self) -> None:
        """Look as often as news ask for it, but never wait."""
        self.queue.add(KEY)
        while self.queue.depth():
            key = await self.queue.take()
            await self.controller.look_at(key)
            self.queue.done(key)


def with_operator(
    story: Callable[[Operator, FakeApi], Awaitable[None]],
    *,
    settings: Settings = SETTINGS,
    validator: QuickValidator | None = None,
    **changes: Any,
) -> FakeApi:
    """Tell a story of one Experiment that was just applied; the API server at its end."""
    api = FakeApi()
    api.put(EXPERIMENT, raw_experiment(**changes))

    async def told() -> None:
        async with api.served() as address:
            cluster = Cluster(Configuration(host=address), lambda _: None)
            operator = Operator(cluster, validator or QuickValidator(), settings)
            await operator.start()
            try:
                await story(operator, api)
            finally:
                await cluster.close()

    asyncio.run(told())
    return api


async def settle(operator: Operator, _: FakeApi) -> None:
    await operator.settle()


def status(api: FakeApi) -> dict[str, Any]:
    found: dict[str, Any] = api.objects[EXPERIMENT]["status"]
    return found


def test_a_new_experiment_takes_three_writes() -> None:
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
        again = Operator(operator.controller._cluster, QuickValidator())
        await again.start()
        await again.settle()
        assert api.writes() == []
        assert again.controller._validator.judged == []

    with_operator(story)


def test_only_progress_that_was_written_asks_for_no_further_look() -> None:
    async def story(operator: Operator, api: FakeApi) -> None:
        await operator.settle()
        job = api.objects[f"{JOBS}/shop-run-1"]["metadata"]["uid"]
        pod = raw_pod(uid="pod-1", job=job, state={"running": {}})
        operator.store.see(Kind.POD, pod)
        await operator.settle()
        api.calls.clear()
        _report(operator, 5.0)
        await operator.look()
        assert api.writes() == [("PATCH", "shop/status")]
        assert operator.queue.depth() == 0
        # What else has changed meanwhile comes with the answer, and no watch will tell of it again.
        api.objects[EXPERIMENT]["metadata"]["annotations"] = {"rowmill.dev/abort": "1"}
        _report(operator, 6.0)
        await operator.look()
        assert operator.queue.depth() == 1

    with_operator(story, settings=replace(SETTINGS, progress_seconds=0))


def _report(operator: Operator, rate: float) -> None:
    progress = ShardProgress(datetime.now(UTC), 10, rate, "", {})
    operator.store.reported(KEY, "pod-1", progress)


def test_a_second_operator_does_no_harm() -> None:
    async def story(operator: Operator, api: FakeApi) -> None:
        other = Operator(operator.controller._cluster, QuickValidator())
        await other.start()
        await operator.settle()
        await other.settle()
        assert len([path for path in api.objects if path.startswith((JOBS, PLANS))]) == 2
        creations = [call for call in api.writes() if call[0] == "POST"]
        assert creations == MADE[:2] * 2

    with_operator(story)


def test_a_lost_answer_is_met_by_the_same_request() -> None:
    async def story(operator: Operator, api: FakeApi) -> None:
        api.lost = {("POST", PLANS), ("POST", JOBS)}
        workers = [asyncio.create_task(operator.controller.run()) for _ in range(2)]
        operator.queue.add(KEY)
        while "phase" not in api.objects[EXPERIMENT]["status"]:
            await asyncio.sleep(0.02)
        for worker in workers:
            worker.cancel()
        await asyncio.gather(*workers, return_exceptions=True)

    api = with_operator(story)
    assert len([path for path in api.objects if path.startswith((JOBS, PLANS))]) == 2
    assert len([call for call in api.writes() if call[0] == "POST"]) >= 3


def test_a_job_that_is_being_deleted_blocks_its_name() -> None:
    async def story(operator: Operator, api: FakeApi) -> None:
        old = raw_job(meta={"deletionTimestamp": "2026-03-01T12:00:00Z"})
        api.put(f"{JOBS}/shop-run-1", old)
        worker = asyncio.create_task(operator.controller.run())
        operator.queue.add(KEY)
        while len([call for call in api.writes() if call == ("POST", "team/jobs")]) < 2:
            await asyncio.sleep(0.02)
        assert status(api) == {}
        del api.objects[f"{JOBS}/shop-run-1"]
        while not status(api):
            await asyncio.sleep(0.02)
        worker.cancel()
        await asyncio.gather(worker, return_exceptions=True)

    with_operator(story)


def test_what_is_anothers_is_neither_taken_nor_removed() -> None:
    async def story(operator: Operator, api: FakeApi) -> None:
        stranger = {"metadata": {"name": "shop-run-1", "uid": "x"}, "data": {"a": "b"}}
        api.put(f"{PLANS}/shop-run-1", stranger)
        await operator.settle()
        observed = operator.store.gather(KEY)
        assert observed is not None
        assert [w.about for w in observed.warnings] == ["shop-run-1"]
        assert "is not this Experiment's" in observed.warnings[0].message
        assert api.objects[f"{PLANS}/shop-run-1"]["data"] == {"a": "b"}

    with_operator(story)


def test_a_refused_job_is_not_asked_for_again_at_once() -> None:
    async def story(operator: Operator, api: FakeApi) -> None:
        message = 'jobs.batch "shop-run-1" is forbidden: exceeded quota: jobs'
        api.answers["POST", JOBS] = lambda: failure(403, "Forbidden", message)
        await operator.settle()
        await operator.settle()
        assert api.calls.count(("POST", JOBS)) == 1
        observed = operator.store.gather(KEY)
        assert observed is not None
        assert [(w.about, w.message) for w in observed.warnings] == [("shop-run-1", message)]

    api = with_operator(story)
    assert ("PATCH", "shop/status") in api.writes()


def test_a_namespace_that_turns_out_to_terminate_is_no_error() -> None:
    async def story(operator: Operator, api: FakeApi) -> None:
        api.answers["POST", PLANS] = lambda: failure(
            403, "Forbidden", "is being terminated", "NamespaceTerminating"
        )
        await operator.settle()
        observed = operator.store.gather(KEY)
        assert observed is not None
        assert observed.namespace_terminating
        assert api.calls.count(("POST", PLANS)) == 1

    with_operator(story)


def test_a_refused_spec_is_told_of_once() -> None:
    refused = Judgement(problems=("spec.seed: is no number",), reason="InvalidSpec")

    async def story(operator: Operator, api: FakeApi) -> None:
        await operator.settle()
        await operator.settle()

    api = with_operator(story, validator=QuickValidator(refused))
    assert [call for call in api.writes() if call[0] == "POST"] == [("POST", "team/events")]
    event = next(raw for path, raw in api.objects.items() if path.startswith(EVENTS))
    assert (event["type"], event["reason"]) == ("Warning", "InvalidSpec")
    assert event["involvedObject"]["uid"] == UID
    assert status(api)["conditions"][0]["message"] == "spec.seed: is no number"


def test_an_event_that_cannot_be_written_keeps_nothing_back() -> None:
    refused = Judgement(problems=("spec.seed: is no number",), reason="InvalidSpec")

    async def story(operator: Operator, api: FakeApi) -> None:
        api.answers["POST", EVENTS] = lambda: failure(403, "Forbidden", "no")
        await operator.settle()

    assert status(with_operator(story, validator=QuickValidator(refused)))["phase"] == "Pending"


def test_a_manifest_that_is_no_longer_kept_is_fetched() -> None:
    validator = QuickValidator()

    async def story(operator: Operator, api: FakeApi) -> None:
        operator.manifests.drop(KEY)
        api.calls.clear()
        await operator.settle()
        assert api.calls[0] == ("GET", EXPERIMENT)

    with_operator(story, validator=validator)
    assert '"tables"' in validator.judged[0]


def test_what_changed_meanwhile_is_judged_as_it_is_now() -> None:
    validator = QuickValidator()

    async def story(operator: Operator, api: FakeApi) -> None:
        operator.manifests.drop(KEY)
        newer = raw_experiment(meta={"generation": 2}, spec={"seed": 77})
        api.put(EXPERIMENT, newer)
        await operator.settle()

    api = with_operator(story, validator=validator)
    assert len(validator.judged) == 1
    assert '"seed":77' in validator.judged[0]
    assert status(api)["observedGeneration"] == 2


def test_a_finalizer_is_set_on_what_is_there_now() -> None:
    async def story(operator: Operator, api: FakeApi) -> None:
        changed = raw_experiment(
            spec={"deletionPolicy": "Purge"}, meta={"finalizers": ["another/one"]}
        )
        api.put(EXPERIMENT, changed)
        with pytest.raises(Blocked, match="changed meanwhile"):
            await operator.look()
        await operator.settle()

    api = with_operator(story, spec={"deletionPolicy": "Purge"})
    assert api.objects[EXPERIMENT]["metadata"]["finalizers"] == [
        "another/one",
        "rowmill.dev/purge",
    ]


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


def test_a_status_of_what_is_gone_is_written_nowhere() -> None:
    async def story(operator: Operator, api: FakeApi) -> None:
        del api.objects[EXPERIMENT]
        await operator.settle()
        assert ("PATCH", f"{EXPERIMENT}/status") in api.calls

    with_operator(story)


def test_a_namespace_is_looked_at_where_no_watch_tells_of_it() -> None:
    async def story(operator: Operator, api: FakeApi) -> None:
        namespace: dict[str, Any] = {"metadata": {"name": "team"}}
        api.answers["GET", "/api/v1/namespaces/team"] = lambda: web.json_response(namespace)
        await operator.resync.look_at_namespaces()
        assert operator.queue.depth() == 0
        namespace["metadata"]["deletionTimestamp"] = "2026-03-01T12:00:00Z"
        await operator.resync.look_at_namespaces()
        assert operator.queue.depth() == 1
        assert operator.store.namespace_terminating("team")

    with_operator(story, settings=replace(SETTINGS, namespaces=("team",)))


def test_a_server_that_fails_is_tried_again_and_counted() -> None:
    async def story(operator: Operator, api: FakeApi) -> None:
        tries = 0

        def fail() -> web.Response:
            nonlocal tries
            tries += 1
            if tries == 2:
                del api.answers["POST", PLANS]
            return web.Response(status=503, text="no JSON")

        api.answers["POST", PLANS] = fail
        worker = asyncio.create_task(operator.controller.run())
        operator.queue.add(KEY)
        while not status(api):
            await asyncio.sleep(0.02)
        worker.cancel()
        await asyncio.gather(worker, return_exceptions=True)
        errors = operator.metrics.registry.get_sample_value(
            "rowmill_operator_reconcile_errors_total"
        )
        assert errors == 2

    with_operator(story)


def test_what_is_missed_by_the_watches_is_found_by_comparing() -> None:
    async def story(operator: Operator, api: FakeApi) -> None:
        await operator.settle()
        del api.objects[f"{JOBS}/shop-run-1"]
        newer = api.objects[EXPERIMENT]
        newer["metadata"]["labels"] = {"team": "a"}
        api.put(EXPERIMENT, newer)
        await operator.resync.compare()
        observed = operator.store.gather(KEY)
        assert observed is not None
        assert observed.jobs == ()
        assert observed.experiment.labels == {"team": "a"}
        assert operator.queue.depth() == 1
        await operator.settle()
        assert f"{JOBS}/shop-run-1" in api.objects

    with_operator(story)


def test_comparing_what_is_the_same_fetches_nothing() -> None:
    async def story(operator: Operator, api: FakeApi) -> None:
        await operator.settle()
        api.calls.clear()
        await operator.resync.compare()
        assert {path.rpartition("/")[2] for _, path in api.calls} == {
            "experiments",
            "configmaps",
            "jobs",
            "pods",
        }
        assert operator.queue.depth() == 0

    with_operator(story)


def test_long_lists_come_in_pages() -> None:
    async def story(operator: Operator, api: FakeApi) -> None:
        for number in range(250):
            raw = raw_experiment(f"e{number}", meta={"uid": f"u{number}"})
            api.put(EXPERIMENT.replace("shop", f"e{number}"), raw)
        fresh = Operator(operator.controller._cluster, QuickValidator())
        await fresh.start()
        assert len(list(fresh.store.experiments())) == 251

    with_operator(story)


def test_a_pod_that_does_not_end_is_deleted_at_once_and_only_itself() -> None:
    async def story(operator: Operator, api: FakeApi) -> None:
        cluster = operator.controller._cluster
        path = "/api/v1/namespaces/team/pods/p"
        api.put(path, {"metadata": {"name": "p", "uid": "new"}})
        assert await cluster.delete(Kind.POD, "team", "p", "old", at_once=True) is None
        assert path in api.objects
        await cluster.delete(Kind.POD, "team", "p", "new", at_once=True)
        assert path not in api.objects
        assert api.bodies[-1]["gracePeriodSeconds"] == 0
        assert await cluster.delete(Kind.POD, "team", "p", "new", at_once=True) is None

    with_operator(story)
