"""An operator without watches, whose API server and validator answer at once."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

from kubernetes.aio.client import Configuration

from rowmill_operator.apiserver.cluster import Cluster
from rowmill_operator.controller import Controller
from rowmill_operator.memory.queue import Key, TokenBucket, WorkQueue
from rowmill_operator.memory.store import Store
from rowmill_operator.metrics import Metrics
from rowmill_operator.model.actions import FreezePlan, Validate
from rowmill_operator.model.settings import Settings
from rowmill_operator.validation.validator import Judgement
from rowmill_operator.watch.manifests import Manifests
from rowmill_operator.watch.resync import Resync
from tests.unit.operator.fake_api import FakeApi
from tests.unit.operator.memory_cluster import SETTINGS
from tests.unit.operator.raw_objects import DIGEST, bundle_of, frozen, raw_experiment

KEY = ("team", "shop")
EXPERIMENT = "/apis/rowmill.dev/v1alpha1/namespaces/team/experiments/shop"
PLANS = "/api/v1/namespaces/team/configmaps"
JOBS = "/apis/batch/v1/namespaces/team/jobs"
PODS = "/api/v1/namespaces/team/pods"
EVENTS = "/api/v1/namespaces/team/events"
MADE = [
    ("POST", "team/configmaps"),
    ("POST", "team/jobs"),
    ("PATCH", "shop/status"),
    ("POST", "team/events"),
]


@dataclass
class QuickValidator:
    """Judges as it is told, without a process."""

    verdict: Judgement = field(default_factory=lambda: Judgement(digest=DIGEST))
    judged: list[str] = field(default_factory=list)

    async def judge(self, namespace: str, manifest: str, wanted: Validate) -> Judgement:
        self.judged.append(manifest)
        return self.verdict

    async def freeze(
        self, namespace: str, uid: str, manifest: str, wanted: FreezePlan
    ) -> Judgement:
        plan = replace(
            frozen(),
            number=wanted.number,
            adopt=wanted.adopt,
            engine=wanted.engine,
            image=wanted.image,
            defaults=wanted.defaults,
        )
        return replace(self.verdict, bundle=bundle_of(plan))


@dataclass
class Watch:
    """A steady clock that a test winds on."""

    seconds: float = 1e6

    def __call__(self) -> float:
        return self.seconds


class Operator:
    """An operator without watches: it knows what it lists at its start, and its own answers."""

    def __init__(self, cluster: Cluster, validator: Any, settings: Settings = SETTINGS) -> None:
        self.watch = Watch()
        self.store, self.manifests = Store(self.watch), Manifests()
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

    async def settle(self, key: Key = KEY) -> None:
        """Look as often as news ask for it, but never wait."""
        self.queue.add(key)
        while self.queue.depth():
            taken = await self.queue.take()
            await self.controller.look_at(taken)
            self.queue.done(taken)
            # As if the next news came a while later.
            self.controller._news.forget(taken)


def with_operator(
    story: Callable[[Operator, FakeApi], Awaitable[None]],
    *,
    settings: Settings = SETTINGS,
    validator: QuickValidator | None = None,
    behind: timedelta = timedelta(),
    **changes: Any,
) -> FakeApi:
    """Tell a story of one Experiment that was just applied; the API server at its end.

    The API server's clock is `behind` the operator's.
    """
    api = FakeApi(behind=behind)
    api.put(EXPERIMENT, raw_experiment(**changes))

    async def reported() -> None:
        async with api.served() as address:
            cluster = Cluster(Configuration(host=address), lambda _: None)
            operator = Operator(cluster, validator or QuickValidator(), settings)
            await operator.start()
            try:
                await story(operator, api)
            finally:
                await cluster.close()

    asyncio.run(reported())
    return api


async def settle(operator: Operator, _: FakeApi) -> None:
    await operator.settle()


def status(api: FakeApi) -> dict[str, Any]:
    found: dict[str, Any] = api.objects[EXPERIMENT]["status"]
    return found
