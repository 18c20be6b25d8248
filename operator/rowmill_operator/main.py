"""The entry point `rowmill-operator`: wires watches, queue, controller and metrics together."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import sys
from collections import Counter
from collections.abc import Coroutine
from datetime import datetime
from typing import Any

import kopf
from kubernetes.aio.config import ConfigException

from rowmill.log_times import UtcFormatter
from rowmill.spec.cluster_names import GROUP, PLURAL
from rowmill.version import VERSION
from rowmill_operator.apiserver.answers import ApiError, Unreachable
from rowmill_operator.apiserver.cluster import Cluster, connect
from rowmill_operator.controller import Controller
from rowmill_operator.decide.keeping import other_keeper
from rowmill_operator.decide.situation import Situation
from rowmill_operator.memory.queue import TokenBucket, WorkQueue
from rowmill_operator.memory.store import Store
from rowmill_operator.metrics import Metrics, serve
from rowmill_operator.model.settings import Settings, read_settings
from rowmill_operator.validation.validator import Validator
from rowmill_operator.watch.manifests import Manifests
from rowmill_operator.watch.polling import Poller
from rowmill_operator.watch.resync import Resync
from rowmill_operator.watch.watching import kopf_settings, watch_registry

LOG = logging.getLogger("rowmill")
_HEALTH = "http://0.0.0.0:8081/healthz"
_WORKERS = 16
# Without one Kopf asks for the user's name, which a numeric user in a container lacks.
_IDENTITY: Any = "rowmill-operator"
# Looks a second: far more than is needed, far less than a loop would take.
_RATE, _BURST = 500.0, 1000.0
_AGAIN_SECONDS = 2.0


def main() -> None:
    """Run until SIGTERM; exit code 1 if it cannot run, 2 for settings that make no sense."""
    _log_plainly()
    # Until Kopf takes the signal over; the first process of a container has no default for it.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    try:
        settings = read_settings(os.environ)
    except ValueError as error:
        LOG.error("%s", error)
        sys.exit(2)
    try:
        asyncio.run(_run(settings))
    except (ApiError, ConfigException, OSError, Unreachable, kopf.LoginError) as error:
        LOG.error("%s", error)
        sys.exit(1)


async def _run(settings: Settings) -> None:
    metrics = Metrics()
    cluster = await connect(os.environ, metrics.count_call)
    validator = Validator(settings)
    server = await serve(metrics)
    try:
        await _operate(settings, metrics, cluster, validator)
    finally:
        await server.cleanup()
        await validator.close()
        await cluster.close()


async def _operate(
    settings: Settings, metrics: Metrics, cluster: Cluster, validator: Validator
) -> None:
    store, manifests = Store(), Manifests()
    queue = WorkQueue(TokenBucket(_RATE, _BURST))
    metrics.watch(store.phases, store.left_alone, queue.depth, queue.age)
    resync = Resync(cluster, store, manifests, settings.namespaces, queue.add)
    controller = Controller(store, queue, cluster, validator, manifests, metrics, settings)
    poller = Poller(
        store,
        settings.progress_seconds,
        queue.add,
        lambda outcome: metrics.progress_polls.labels(outcome).inc(),
    )
    await _fill(resync)
    found = list(store.experiments())
    for key in found:
        queue.add(key)
    scope = ", ".join(settings.namespaces) or "the whole cluster"
    LOG.info("rowmill-operator %s watches %s: %d Experiments", VERSION, scope, len(found))
    report_others(store, settings, cluster.clock.now())
    work: list[Coroutine[Any, Any, None]] = [
        resync.run(),
        poller.run(),
        *(controller.run() for _ in range(_WORKERS)),
    ]
    if settings.namespaces:
        work.append(resync.watch_namespaces())
    # Kopf ends, as it ends, all tasks that began after its own.
    tasks = [asyncio.create_task(coroutine) for coroutine in work]
    registry = watch_registry(cluster, store, manifests, queue, settings)
    tasks.append(asyncio.create_task(_watch(registry, settings.namespaces)))
    await _until_one_ends(tasks)


async def _watch(registry: kopf.OperatorRegistry, namespaces: tuple[str, ...]) -> None:
    """Run Kopf, in the whole cluster without namespaces."""
    await kopf.operator(
        registry=registry,
        settings=kopf_settings(),
        standalone=True,
        identity=_IDENTITY,
        clusterwide=not namespaces,
        namespaces=namespaces,
        liveness_endpoint=_HEALTH,
    )


def report_others(store: Store, settings: Settings, now: datetime) -> None:
    """Say at the start which other operators keep Experiments of the namespaces that it watches."""
    observed = filter(None, map(store.gather, store.experiments()))
    others = Counter(
        keeper.engine
        for one in observed
        if (keeper := other_keeper(Situation(one, now, settings))) is not None
    )
    for engine, count in sorted(others.items()):
        LOG.warning(
            "another operator, with the engineId %s, keeps %d of them, which are left alone: two "
            "releases should not watch the same namespaces",
            engine,
            count,
        )


async def _fill(resync: Resync) -> None:
    """Take in what there is; the API server may still be starting, the CRD be on its way."""
    while True:
        try:
            await resync.fill()
        except Unreachable as error:
            LOG.warning("%s; trying again", error)
        except ApiError as error:
            if error.status != 404:
                raise
            LOG.warning("the CRD %s.%s is not installed; trying again", PLURAL, GROUP)
        else:
            return
        await asyncio.sleep(_AGAIN_SECONDS)


async def _until_one_ends(tasks: list[asyncio.Task[None]]) -> None:
    """The end of one is the end of all: by a signal it is Kopf's, else something is wrong."""
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        # Kopf leaves watches half open, of which asyncio would complain.
        logging.getLogger("asyncio").setLevel(logging.CRITICAL)
        for task in tasks:
            task.cancel()
        outcomes = await asyncio.gather(*tasks, return_exceptions=True)
    for outcome in outcomes:
        if isinstance(outcome, Exception):
            raise outcome


class _OneLine(UtcFormatter):
    """A message is one line, whatever a manifest's author wrote into it."""

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - logging's own name
        record.message = record.message.replace("\r", "\\r").replace("\n", "\\n")
        return super().formatMessage(record)


def _log_plainly() -> None:
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_OneLine("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    logging.basicConfig(level=logging.INFO, handlers=[handler])
    # At INFO these tell of each event that is handed over, and of each probe.
    for name in ("kopf", "aiohttp.access"):
        logging.getLogger(name).setLevel(logging.WARNING)


if __name__ == "__main__":
    main()
