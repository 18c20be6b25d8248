"""What no watch told of is found by listing and comparing."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import pytest
from aiohttp import web

from rowmill_operator.model.observed import Verdict
from tests.unit.operator.fake_api import FakeApi, failure
from tests.unit.operator.memory_cluster import SETTINGS
from tests.unit.operator.operator_env import (
    EXPERIMENT,
    JOBS,
    KEY,
    Operator,
    QuickValidator,
    with_operator,
)
from tests.unit.operator.raw_objects import UID, raw_experiment


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


def test_a_namespace_that_refuses_its_lists_keeps_no_other_from_being_compared() -> None:
    async def story(operator: Operator, api: FakeApi) -> None:
        await operator.settle()
        del api.objects[f"{JOBS}/shop-run-1"]
        verdict = Verdict(1, "", ("it took too long",), "InvalidSpec", passing=True)
        operator.store.judged(KEY, UID, verdict)
        operator.watch.seconds += 3_600
        for kind in ("/api/v1/namespaces/gone/pods", JOBS.replace("team", "gone")):
            api.answers["GET", kind] = lambda: failure(403, "Forbidden", "the Role is gone")
        await operator.resync.compare()
        observed = operator.store.gather(KEY)
        assert observed is not None
        assert observed.jobs == ()
        assert observed.verdict is None, "what is too old is dropped"
        assert operator.queue.depth() == 1

    with_operator(story, settings=replace(SETTINGS, namespaces=("gone", "team")))


def test_what_goes_before_the_watches_begin_is_found_soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rowmill_operator.watch.resync._AT_START", (0.0,))

    async def story(operator: Operator, api: FakeApi) -> None:
        await operator.settle()
        del api.objects[f"{JOBS}/shop-run-1"]
        comparing = asyncio.create_task(operator.resync.run())
        assert await operator.queue.take() == KEY
        comparing.cancel()
        observed = operator.store.gather(KEY)
        assert observed is not None
        assert observed.jobs == ()

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
