"""Inject the faults of a schedule while the cluster is at work on an Experiment."""

from __future__ import annotations

import random
import subprocess
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Self

import psutil

from tests.chaos_k8s.schedule import Fault, Schedule, Strike
from tests.chaos_k8s.servers import POSTGRES, S3, Servers
from tests.chaos_k8s.starving import starve
from tests.e2e.cluster.access import Cluster, KubectlError
from tests.e2e.cluster.node import Node
from tests.e2e.experiments import Applied
from tests.e2e.installation import RELEASE, RELEASE_NAMESPACE

OPERATORS = f"app.kubernetes.io/instance={RELEASE}"
# What a fault meets where another one has just struck.
PASSING = (
    *(KubectlError, subprocess.SubprocessError, psutil.Error),
    *(FileNotFoundError, ProcessLookupError),
)
_AGAIN_SECONDS = 0.5


@dataclass
class FaultInjector:
    """Injects faults in a thread of its own, each once there is something that it can hit.

    `dealt` has, in words, those that did.
    """

    schedule: Schedule
    applied: Applied
    node: Node
    servers: Servers
    dealt: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._over = threading.Event()
        self._chance = random.Random(self.schedule.seed)
        self._pool = ThreadPoolExecutor(1)
        self._strikes: dict[Fault, Callable[[Strike], str | None]] = {
            Fault.KILL_WORKER: lambda _: self._kill(self._worker()),
            Fault.DELETE_WORKER: lambda _: self._delete(self._worker(), "--force"),
            Fault.EVICT_WORKER: lambda _: self._evict(self._worker()),
            Fault.STARVE_WORKER: lambda _: self._starve(self._worker()),
            Fault.KILL_OPERATOR: lambda _: self._kill(self._operator()),
            Fault.DELETE_OPERATOR: lambda _: self._delete(self._operator()),
            Fault.KILL_API_SERVER: lambda strike: self._stop("kube-apiserver", strike),
            Fault.KILL_CONTROLLERS: lambda strike: self._stop("kube-controller-manager", strike),
            Fault.KILL_POSTGRES: lambda _: self._kill(self.servers.pod(POSTGRES)),
            Fault.DELETE_POSTGRES: lambda _: self._replace(POSTGRES),
            Fault.KILL_S3: lambda _: self._kill(self.servers.pod(S3)),
            Fault.DELETE_S3: lambda _: self._replace(S3),
            Fault.SUSPEND: self._suspend,
        }

    @property
    def _cluster(self) -> Cluster:
        return self.applied.cluster

    def __enter__(self) -> Self:
        self._began = time.monotonic()
        self._work = self._pool.submit(self._deal)
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        """Deal no more; what a fault broke is mended by then.

        Raises:
            Exception: what kept a fault from being dealt, if it was no other fault.
        """
        self._over.set()
        self._pool.shutdown()
        if kind is None:
            self._work.result()

    def _deal(self) -> None:
        for strike in self.schedule.strikes:
            if not self._dealt(strike):
                return

    def _dealt(self, strike: Strike) -> bool:
        """Deal a fault at its time, or as soon as it can hit; False if it was over before."""
        start = self._last_step() if strike.late else self._began
        wait = start + strike.at - time.monotonic()
        while not self._over.wait(max(0.0, wait)):
            began = time.monotonic()
            with suppress(*PASSING):
                hit = self._strikes[strike.fault](strike)
                if hit is not None:
                    self.dealt.append(f"{began - self._began:.1f} s {strike.fault}: {hit}")
                    return True
            wait = _AGAIN_SECONDS
        return False

    def _last_step(self) -> float:
        """Wait until the run publishes, or until it is over; the time then."""
        while not self._over.wait(_AGAIN_SECONDS):
            with suppress(*PASSING):
                if self.applied.status().get("phase") == "Finalizing":
                    break
        return time.monotonic()

    def _worker(self) -> dict[str, Any] | None:
        return self._one_of(self.applied.pods(running=True))

    def _operator(self) -> dict[str, Any] | None:
        pods = self._cluster.find_all("pods", RELEASE_NAMESPACE, OPERATORS)
        return self._one_of([pod for pod in pods if pod["status"].get("phase") == "Running"])

    def _one_of(self, pods: list[dict[str, Any]]) -> dict[str, Any] | None:
        there = [pod for pod in pods if "deletionTimestamp" not in pod["metadata"]]
        there.sort(key=_name)
        return self._chance.choice(there) if there else None

    def _kill(self, pod: dict[str, Any] | None) -> str | None:
        if pod is None or not self.node.kill_pod(pod["metadata"]["uid"]):
            return None
        return _name(pod)

    def _delete(self, pod: dict[str, Any] | None, *options: str) -> str | None:
        if pod is None:
            return None
        where = ("--namespace", pod["metadata"]["namespace"], "--wait=false")
        grace = ("--grace-period=0",) if options else ()
        self._cluster.kubectl("delete", "pod", _name(pod), *where, *options, *grace)
        return _name(pod)

    def _evict(self, pod: dict[str, Any] | None) -> str | None:
        if pod is None:
            return None
        self._cluster.evict(_name(pod), pod["metadata"]["namespace"])
        return _name(pod)

    def _starve(self, pod: dict[str, Any] | None) -> str | None:
        processes = [] if pod is None else self.node.processes(pod["metadata"]["uid"])
        return _name(pod) if pod is not None and starve(processes) else None

    def _replace(self, server: str) -> str | None:
        pod = self.servers.pod(server)
        if pod is None or "deletionTimestamp" in pod["metadata"]:
            return None
        self.servers.replace(server)
        return _name(pod)

    def _stop(self, program: str, strike: Strike) -> str:
        self.node.kill(program)
        try:
            self._over.wait(strike.seconds)
        finally:
            self.node.start(program)
        return program

    def _suspend(self, strike: Strike) -> str | None:
        if self.applied.status().get("phase") not in ("Pending", "Running", "Finalizing"):
            return None
        try:
            self.applied.patch(suspend=True)
            self._over.wait(strike.seconds)
        finally:
            self._insist(lambda: self.applied.patch(suspend=False))
        return self.applied.name

    def _insist(self, change: Callable[[], None]) -> None:
        """Make a change even where the API server is not yet back."""
        for _ in range(60):
            with suppress(*PASSING):
                return change()
            time.sleep(1)
        return change()


def _name(pod: dict[str, Any]) -> str:
    return str(pod["metadata"]["name"])
