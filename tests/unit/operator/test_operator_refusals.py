"""Calls that the API server refuses, answers too late or not at all."""

from __future__ import annotations

import asyncio

import pytest
from aiohttp import web

from rowmill_operator.apiserver.answers import Blocked
from rowmill_operator.validation.validator import Judgement
from tests.unit.operator.fake_api import FakeApi, failure
from tests.unit.operator.operator_env import (
    EVENTS,
    EXPERIMENT,
    JOBS,
    KEY,
    PLANS,
    Operator,
    QuickValidator,
    status,
    with_operator,
)
from tests.unit.operator.raw_objects import UID, raw_experiment, raw_job


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


def test_a_status_of_what_is_gone_is_written_nowhere() -> None:
    async def story(operator: Operator, api: FakeApi) -> None:
        del api.objects[EXPERIMENT]
        await operator.settle()
        assert ("PATCH", f"{EXPERIMENT}/status") in api.calls

    with_operator(story)


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
