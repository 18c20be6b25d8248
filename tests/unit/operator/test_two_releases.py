"""Two releases of the chart that serve one namespace, against one API server."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

import pytest

from rowmill_operator.apiserver.answers import Blocked
from rowmill_operator.main import report_others
from rowmill_operator.memory import resources
from rowmill_operator.validation.validator import Judgement
from tests.unit.operator.fake_api import FakeApi
from tests.unit.operator.memory_cluster import SETTINGS, START
from tests.unit.operator.operator_env import (
    EVENTS,
    EXPERIMENT,
    JOBS,
    PLANS,
    Operator,
    QuickValidator,
    status,
    with_operator,
)
from tests.unit.operator.raw_objects import raw_pod

THERE = replace(SETTINGS, engine="there", release="there/rowmill")
REFUSED = Judgement(problems=("names no server",), reason="InvalidSpec")

Story = Callable[[Operator, Operator, FakeApi], Awaitable[None]]


def _with_two(story: Story, *, validator: QuickValidator | None = None, **changes: Any) -> FakeApi:
    """Both know the new Experiment; neither knows what the other does but by the API server."""

    async def reported(first: Operator, api: FakeApi) -> None:
        second = Operator(first.controller._cluster, validator or QuickValidator(), THERE)
        await second.start()
        await story(first, second, api)

    return with_operator(reported, validator=validator, **changes)


def _events(api: FakeApi) -> list[str]:
    return [raw["reason"] for path, raw in api.objects.items() if path.startswith(f"{EVENTS}/")]


def _gauge(operator: Operator) -> int:
    return operator.store.left_alone()


async def _see_again(operator: Operator, api: FakeApi) -> None:
    """What a watch would bring."""
    await operator.resync.compare()
    await operator.settle()


def test_who_loses_the_race_for_the_plan_lets_go_and_tells_it_once() -> None:
    async def story(first: Operator, second: Operator, api: FakeApi) -> None:
        await first.settle()
        before = status(api)
        await second.settle()
        await _see_again(second, api)
        assert status(api) == before
        assert before["operator"]["engine"] == "here"
        assert [path for path in api.objects if path.startswith((PLANS, JOBS))] == [
            f"{PLANS}/shop-run-1",
            f"{JOBS}/shop-run-1",
        ]
        assert _events(api) == ["Starting", "LeftToAnother"]
        assert (_gauge(first), _gauge(second)) == (0, 1)
        assert (list(first.store.phases()), list(second.store.phases())) == (["Pending"], [])

    _with_two(story)


def test_a_rerun_is_the_keepers_alone() -> None:
    async def story(first: Operator, second: Operator, api: FakeApi) -> None:
        await first.settle()
        await second.settle()
        api.objects[EXPERIMENT]["metadata"]["annotations"] = {"rowmill.dev/rerun": "2"}
        api.put(EXPERIMENT, api.objects[EXPERIMENT])
        api.calls.clear()
        await _see_again(second, api)
        assert api.writes() == []

    _with_two(story)


def test_a_restart_does_not_tell_it_again_but_says_it_in_the_log(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def story(first: Operator, second: Operator, api: FakeApi) -> None:
        await first.settle()
        await second.settle()
        again = Operator(second.controller._cluster, QuickValidator(), THERE)
        await again.start()
        caplog.clear()
        with caplog.at_level(logging.WARNING, "rowmill"):
            report_others(again.store, THERE, START)
            report_others(first.store, SETTINGS, START)
        (reported,) = caplog.messages
        assert "another operator, with the engineId here, keeps 1 of them" in reported
        await again.settle()
        assert _events(api) == ["Starting", "LeftToAnother"]
        assert _gauge(again) == 1

    _with_two(story)


def test_only_the_keeper_asks_the_pods() -> None:
    async def story(first: Operator, second: Operator, api: FakeApi) -> None:
        await first.settle()
        await second.settle()
        await _see_again(second, api)
        job = api.objects[f"{JOBS}/shop-run-1"]["metadata"]["uid"]
        for each in (first, second):
            each.store.see(resources.PODS, raw_pod(job=job, state={"running": {}}))
        assert len(list(first.store.running_pods())) == 1
        assert list(second.store.running_pods()) == []

    _with_two(story)


def test_a_refusal_that_both_see_at_once_is_told_once() -> None:
    async def story(first: Operator, second: Operator, api: FakeApi) -> None:
        await first.settle()
        with pytest.raises(Blocked):
            await second.settle()
        await second.settle()
        assert _events(api) == ["InvalidSpec"]
        assert status(api)["operator"]["engine"] == "here"

    _with_two(story, validator=QuickValidator(REFUSED))


def test_two_of_one_release_tell_a_transition_once() -> None:
    async def story(first: Operator, _: Operator, api: FakeApi) -> None:
        twin = Operator(first.controller._cluster, QuickValidator(REFUSED))
        await twin.start()
        await first.settle()
        with pytest.raises(Blocked):
            await twin.settle()
        await twin.settle()
        assert _events(api) == ["InvalidSpec"]

    _with_two(story, validator=QuickValidator(REFUSED))


def test_who_adopts_it_keeps_it_and_counts_it() -> None:
    async def story(first: Operator, second: Operator, api: FakeApi) -> None:
        await first.settle()
        await second.settle()
        api.objects[EXPERIMENT]["metadata"]["annotations"] = {"rowmill.dev/adopt": "here/team/shop"}
        api.put(EXPERIMENT, api.objects[EXPERIMENT])
        await second.resync.compare()
        await second.settle()
        assert f"{PLANS}/shop-run-2" in api.objects
        await _see_again(first, api)
        assert (_gauge(first), _gauge(second)) == (1, 0)
        assert status(api)["operator"] == {"engine": "there", "release": "there/rowmill"}

    _with_two(story)


def test_an_experiment_that_is_gone_is_nobodys() -> None:
    async def story(first: Operator, second: Operator, api: FakeApi) -> None:
        await first.settle()
        await second.settle()
        second.store.see(resources.EXPERIMENTS, api.objects[EXPERIMENT], gone=True)
        assert _gauge(second) == 0

    _with_two(story)
