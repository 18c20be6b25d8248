"""The operator's metrics, and the small server from which Prometheus reads them."""

from __future__ import annotations

from collections import Counter as Tally
from collections.abc import Callable, Iterable, Iterator

from aiohttp import web
from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    GCCollector,
    Histogram,
    PlatformCollector,
    ProcessCollector,
)
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.registry import Collector

PORT = 8080
_PHASES = ("Pending", "Running", "Finalizing", "Complete", "Failed", "Suspended", "Reset")
_OUTCOMES = ("ok", "failed")
# How a purge ended by its pod's report, "unheard" where there is none; then, why it did not.
_PURGES = (
    *("succeeded", "partly", "taken", "nothing", "unheard"),
    *("deadline", "skipped", "namespace", "secret", "plan"),
)


class Metrics:
    """All metrics of one operator, in a registry of its own."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        PlatformCollector(registry=self.registry)
        GCCollector(registry=self.registry)
        name = "rowmill_operator_"
        self.reconcile_seconds = Histogram(
            f"{name}reconcile_seconds",
            "Seconds of one look at an experiment, calls to the API server included.",
            registry=self.registry,
            buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30),
        )
        self.reconcile_errors = Counter(
            f"{name}reconcile_errors",
            "Looks at an experiment that failed and are tried again.",
            registry=self.registry,
        )
        self.api_calls = Counter(
            f"{name}api_calls",
            "Calls to the API server beside watches.",
            ["verb"],
            registry=self.registry,
        )
        self.progress_polls = Counter(
            f"{name}progress_polls",
            "Requests to worker pods for their progress.",
            ["outcome"],
            registry=self.registry,
        )
        self.purges = Counter(
            f"{name}purges",
            "Experiments deleted with their data, by how that ended.",
            ["outcome"],
            registry=self.registry,
        )
        for outcome in _OUTCOMES:
            self.progress_polls.labels(outcome)
        for outcome in _PURGES:
            self.purges.labels(outcome)

    def watch(
        self,
        phases: Callable[[], Iterable[str]],
        foreign: Callable[[], float],
        depth: Callable[[], float],
        age: Callable[[], float],
    ) -> None:
        """Read these at each scrape: experiments' phases and strangers, the queue's depth and age.

        `foreign` tells how many experiments are another operator's.
        """
        self.registry.register(_Phases(phases))
        gauges = (
            ("foreign_experiments", "Experiments that another operator keeps.", foreign),
            ("queue_depth", "Experiments that wait to be looked at.", depth),
            ("queue_age_seconds", "For how long the first of them has waited.", age),
        )
        for name, text, read in gauges:
            Gauge(f"rowmill_operator_{name}", text, registry=self.registry).set_function(read)

    def count_call(self, verb: str) -> None:
        """Count a call to the API server."""
        self.api_calls.labels(verb).inc()


class _Phases(Collector):
    """Experiments by phase, counted when asked for: no phase keeps a count of the past."""

    def __init__(self, phases: Callable[[], Iterable[str]]) -> None:
        self._phases = phases

    def collect(self) -> Iterator[GaugeMetricFamily]:
        family = GaugeMetricFamily(
            "rowmill_operator_experiments",
            "Experiments of this operator by phase.",
            labels=["phase"],
        )
        counts = Tally(self._phases())
        for phase in _PHASES:
            family.add_metric([phase], counts.pop(phase, 0))
        yield family


async def serve(metrics: Metrics, port: int = PORT) -> web.AppRunner:
    """Serve /metrics on all addresses; `cleanup` of what is returned ends it."""

    async def scrape(_: web.Request) -> web.Response:
        return web.Response(
            body=generate_latest(metrics.registry),
            headers={"Content-Type": CONTENT_TYPE_LATEST},
        )

    application = web.Application()
    application.add_routes([web.get("/metrics", scrape)])
    runner = web.AppRunner(application, handle_signals=False, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, port=port).start()
    return runner
