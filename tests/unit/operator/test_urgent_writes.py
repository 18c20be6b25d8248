"""How often a status that is more than progress is written by operators that see differently."""

from __future__ import annotations

import asyncio

from rowmill_operator.memory import resources
from rowmill_operator.watch.status_writing import Pace
from tests.unit.operator.fake_api import FakeApi
from tests.unit.operator.operator_env import (
    JOBS,
    KEY,
    Operator,
    QuickValidator,
    status,
    with_operator,
)
from tests.unit.operator.pod_reports import pod_progress
from tests.unit.operator.raw_objects import raw_pod


def test_news_wait_a_second_since_the_news_before() -> None:
    pace = Pace(5)
    assert pace.wait(KEY, 2_000, 100, urgent=True) == 0
    pace.written(KEY, 100, urgent=True)
    assert pace.wait(KEY, 2_000, 100.25, urgent=True) == 0.75
    assert pace.wait(KEY, 2_000, 101, urgent=True) == 0
    pace.written(KEY, 110, urgent=False)
    assert pace.wait(KEY, 2_000, 110, urgent=True) == 0, "progress keeps no news back"


def test_operators_that_see_differently_do_not_write_in_turns_without_a_pause() -> None:
    async def story(operator: Operator, api: FakeApi) -> None:
        await operator.settle()
        uid = api.objects[f"{JOBS}/shop-run-1"]["metadata"]["uid"]
        other = Operator(operator.controller._cluster, QuickValidator())
        await other.start()
        pod = raw_pod(uid="pod-1", job=uid, state={"running": {}})
        api.put("/api/v1/namespaces/team/pods/" + pod["metadata"]["name"], pod)
        for each in (operator, other):
            each.store.see(resources.PODS, pod)
        operator.store.reported(KEY, "pod-1", pod_progress(1, 5.0, "", {}))
        for _ in range(2):
            other.store.reported(KEY, "pod-1", None)
        # That its pods are at work is told once, by the first.
        await operator.look()
        await other.resync.compare()
        api.calls.clear()
        since = asyncio.get_running_loop().time()
        for _ in range(10):
            for each in (operator, other):
                await each.look()
                await each.resync.compare()
        elapsed = asyncio.get_running_loop().time() - since
        assert len(api.writes()) <= 2 * (elapsed + 1), "each writes once a second"
        assert operator.queue._schedule.next_due() is not None, "it is looked at again"
        assert status(api)["phase"] == "Running"

    with_operator(story)
