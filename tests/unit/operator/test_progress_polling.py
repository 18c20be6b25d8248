from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from rowmill.spec.cluster_names import TASK
from rowmill_operator.memory import resources
from rowmill_operator.memory.store import Store
from rowmill_operator.model.observed import Observed
from rowmill_operator.watch.polling import Poller
from tests.unit.operator.pod_reports import pod_progress
from tests.unit.operator.raw_objects import raw_experiment, raw_job, raw_pod
from tests.unit.operator.test_operator_store import KEY

NOON = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
REPORT: dict[str, Any] = {
    "run": "r1",
    "task": "shard",
    "shard": 3,
    "rows": 2_000,
    "rowsPerSecond": 812.5,
    "step": "",
    "tables": [{"name": "t", "rows": 2_000, "batches": [[0, 2], [5, 6]]}],
}


def poll(
    answer: Callable[[web.Request], Awaitable[web.StreamResponse]],
    pods: int = 1,
    seconds: float = 60,
    task: str = "shard",
    rounds: int = 1,
) -> tuple[Observed, Counter[str], list[object]]:
    """One round with a server in the pods' place: what is observed then, outcomes, the heard."""
    outcomes: Counter[str] = Counter()
    heard: list[object] = []

    async def polled() -> Observed:
        application = web.Application()
        application.add_routes([web.get("/{path:.*}", answer)])
        runner = web.AppRunner(application, shutdown_timeout=0.1)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        port = runner.addresses[0][1]
        store = Store()
        store.see(resources.EXPERIMENTS, raw_experiment())
        store.see(resources.JOBS, raw_job())
        for number in range(pods):
            name, uid = f"shop-run-1-3-x{number}", f"pod-{number}"
            pod = raw_pod(name, uid, version=30 + number, state={"running": {}})
            pod["status"]["podIP"] = "127.0.0.1"
            pod["metadata"]["labels"][TASK] = task
            store.see(resources.PODS, pod)
        poller = Poller(
            store, 5, heard.append, lambda outcome: outcomes.update([outcome]), port=port
        )
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=seconds)) as session:
            for _ in range(rounds):
                await poller.round(session)
        await runner.cleanup()
        found = store.gather(KEY)
        assert found is not None
        return found

    return asyncio.run(polled()), outcomes, heard


def test_what_a_pod_says_is_observed() -> None:
    async def answer(request: web.Request) -> web.Response:
        assert request.path == "/progress"
        return web.json_response(REPORT)

    observed, outcomes, heard = poll(answer)
    progress = observed.progress[3]
    assert (progress.rows, progress.rows_per_second, progress.step) == (2_000, 812.5, "")
    assert progress.batches == {"t": ((0, 2), (5, 6))}
    assert (outcomes, heard) == ({"ok": 1}, [KEY])


def test_what_a_verify_says_is_none_of_a_run() -> None:
    async def answer(_: web.Request) -> web.Response:
        return web.json_response({**REPORT, "step": "comparing t, 45 %"})

    observed, outcomes, _ = poll(answer, task="verify")
    assert observed.verifying is not None
    assert observed.verifying.step == "comparing t, 45 %"
    assert observed.progress == {}
    assert outcomes == {"ok": 1}


def test_what_a_verify_said_is_forgotten_once_its_pod_has_ended() -> None:
    store = Store()
    store.see(resources.EXPERIMENTS, raw_experiment())
    running: dict[str, Any] = {"running": {}}
    ended: dict[str, Any] = {"terminated": {"exitCode": 143, "finishedAt": "2026-03-01T12:00:00Z"}}
    for version, state in enumerate((running, ended)):
        pod = raw_pod("shop-run-1-verify-x", "pod-1", version=30 + version, state=state)
        pod["metadata"]["labels"][TASK] = "verify"
        store.see(resources.PODS, pod)
        store.reported(KEY, "pod-1", pod_progress(0, 50.0, "comparing t, 45 %", {}))
        found = store.gather(KEY)
        assert found is not None
        assert (found.verifying is not None) == (state is running)


def test_a_verify_that_does_not_answer_says_nothing_of_a_run() -> None:
    async def answer(_: web.Request) -> web.Response:
        return web.Response(status=500)

    observed, _, _ = poll(answer, task="verify", rounds=3)
    assert (observed.verifying, observed.unreachable) == (None, 0)


@pytest.mark.parametrize("task", ["reset", "purge"])
def test_a_pod_that_makes_no_rows_is_not_asked(task: str) -> None:
    """What it says would be taken for finalize's."""

    async def answer(_: web.Request) -> web.Response:
        return web.json_response(REPORT)

    observed, outcomes, _ = poll(answer, task=task)
    assert not observed.progress
    assert not outcomes


async def _elsewhere(_: web.Request) -> web.StreamResponse:
    raise web.HTTPFound("/elsewhere")


async def _refusing(_: web.Request) -> web.StreamResponse:
    return web.json_response(REPORT, status=503)


async def _endless(request: web.Request) -> web.StreamResponse:
    response = web.StreamResponse()
    await response.prepare(request)
    try:
        for _ in range(1_000):
            await response.write(b" " * 1_000)
    except ConnectionResetError:
        pass
    return response


async def _silent(_: web.Request) -> web.StreamResponse:
    await asyncio.Event().wait()
    return web.Response()


async def _nonsense(_: web.Request) -> web.StreamResponse:
    return web.Response(text='{"rows": Infinity}')


@pytest.mark.parametrize(
    ("answer", "seconds"),
    [(_elsewhere, 60), (_refusing, 60), (_endless, 60), (_silent, 0.1), (_nonsense, 60)],
)
def test_what_is_no_answer_is_a_miss(
    answer: Callable[[web.Request], Awaitable[web.StreamResponse]], seconds: float
) -> None:
    observed, outcomes, heard = poll(answer, seconds=seconds)
    assert observed.progress == {}
    assert (outcomes, heard) == ({"failed": 1}, [KEY])


def test_at_most_fifty_pods_are_asked_at_once() -> None:
    asked = most = 0

    async def answer(_: web.Request) -> web.Response:
        nonlocal asked, most
        asked += 1
        most = max(most, asked)
        await asyncio.sleep(0.02)
        asked -= 1
        return web.json_response(REPORT)

    _, outcomes, heard = poll(answer, pods=120)
    assert (outcomes, heard) == ({"ok": 120}, [KEY])
    assert most <= 50
