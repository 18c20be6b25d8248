"""A run's pods as processes of their own, with bundle and Secrets where a pod finds them."""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from threading import Event
from typing import Any

from rowmill.errors import RowmillError
from rowmill.local.servers.process import free_ports
from rowmill.plan.bundle import FILE, Bundle, pack
from rowmill.plan.freeze import freeze
from rowmill.plan.layout import Plan
from rowmill.plan.pod_contract import (
    METRICS_PATH,
    MOUNTS,
    PROGRESS_PATH,
    RUN,
    SHARD_INDEX,
    PodEnvironment,
)
from rowmill.plan.pod_report import MOST_BYTES, Published
from rowmill.plan.purging import Written
from rowmill.spec.cluster import Defaults
from rowmill.spec.load import load_spec
from rowmill_job.board import Board
from rowmill_job.outcome import Outcome, failed
from rowmill_job.place import Place
from rowmill_job.pod import Pod
from rowmill_job.tasks import TASKS
from tests.integration.experiments import Manifest

TIMEOUT = 120
ENGINE = "cluster"
NAMESPACE = "team"


@dataclass(frozen=True)
class Ended:
    """How a pod ended: exit code, termination message, log."""

    code: int
    message: dict[str, Any]
    log: str


@dataclass
class RunningPod:
    """A pod's process; `port` is where it answers."""

    process: subprocess.Popen[str]
    port: int
    termination_log: Path
    log: Path

    def get(self, path: str) -> str:
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=10) as answer:
            text: str = answer.read().decode()
        return text

    def progress(self) -> Any:
        return json.loads(self.get(PROGRESS_PATH))

    def metric(self, name: str) -> dict[str, float]:
        """A metric's values by its labels' values, joined by a comma."""
        found = re.findall(rf"^{name}(?:{{(.*)}})? (\S+)$", self.get(METRICS_PATH), re.MULTILINE)
        return {",".join(re.findall(r'"(.*?)"', labels)): float(value) for labels, value in found}

    def wait_until(self, condition: Callable[[], bool]) -> None:
        """Poll until it holds; fails if it never does, or if the pod ends before."""
        deadline = time.monotonic() + TIMEOUT
        while not condition():
            assert time.monotonic() < deadline, "it never came to that"
            assert self.process.poll() is None, self.log.read_text()
            time.sleep(0.05)

    def serving(self) -> bool:
        with socket.socket() as client:
            return client.connect_ex(("127.0.0.1", self.port)) == 0

    def end(self) -> Ended:
        code = self.process.wait(TIMEOUT)
        left = self.termination_log
        size = left.stat().st_size if left.exists() else 0
        assert size <= MOST_BYTES
        message = json.loads(left.read_text()) if size else {}
        return Ended(code, message, self.log.read_text())


@dataclass
class Pods:
    """The pods of one experiment; `secrets` are by destination, as the operator mounts them."""

    folder: Path
    secrets: Mapping[str, Mapping[str, str]]
    _started: list[RunningPod] = field(default_factory=list)

    @property
    def mounts(self) -> Path:
        return self.folder / MOUNTS.removeprefix("/")

    def bundle(
        self, content: Manifest, uid: str = "uid-1", number: int = 1, **changes: Any
    ) -> Plan:
        """Write the bundle of a run, as the operator does."""
        spec = load_spec("manifest", text=json.dumps(content))
        plan = freeze(
            spec.dataset,
            digest=spec.digest,
            parallelism=spec.parallelism or 2,
            worker_memory=2**29,
            parquet_types=spec.parquet_types,
            batch_rows=spec.batch_rows,
        )
        bundle = Bundle(
            engine=ENGINE,
            namespace=NAMESPACE,
            uid=uid,
            number=number,
            adopt=None,
            image="worker:1",
            manifest=content,
            defaults=Defaults(),
            plan=plan,
        )
        run = self.mounts / RUN
        run.mkdir(parents=True, exist_ok=True)
        (run / FILE).write_bytes(pack(replace(bundle, **changes)))
        return plan

    def mount(self, destination: str, values: Mapping[str, str]) -> None:
        """Mount a Secret, or swap its new version in, as the kubelet does."""
        folder = self.mounts / destination
        data = folder / f"..{time.monotonic_ns()}"
        data.mkdir(parents=True)
        for key, value in values.items():
            (data / key).write_text(value)
        (folder / "..next").symlink_to(data.name)
        (folder / "..next").rename(folder / "..data")
        for key in values:
            if not (folder / key).is_symlink():
                (folder / key).symlink_to(Path("..data") / key)

    def in_this_process(self, task: str, say: Callable[[str], None]) -> Pod:
        """A pod of a task without a shard, for a test to run by itself."""
        self._mount_missing()
        place = Place.here({"ROWMILL_JOB_ROOT": str(self.folder), "ROWMILL_LOGIN_SECONDS": "1"})
        board = Board(task, None)
        return Pod(place, board, Event(), wait=lambda _: None, say=say, leave=lambda _: None)

    def outcome(self, task: str, written: Written | None = None) -> Outcome:
        """What a task without a shard comes to, in this process: it costs no start of another."""
        pod = self.in_this_process(task, lambda text: None)
        environment = replace(pod.place.environment, written=written)
        try:
            return TASKS[task](replace(pod, place=replace(pod.place, environment=environment)))
        except RowmillError as error:
            return failed(error)

    def publish(self, content: Manifest, uid: str = "uid-1", number: int = 1) -> Published:
        """As `complete`, in this process; returns what the finalize reports."""
        self.bundle(content, uid, number)
        outcome = self.outcome("finalize")
        assert outcome.published is not None, outcome
        return outcome.published

    def start(
        self, task: str, shard: int | None = None, env: Mapping[str, str] | None = None
    ) -> RunningPod:
        self._mount_missing()
        number = len(self._started)
        # Below those that outgoing connections take: it stays free until the pod listens.
        [port] = free_ports(1)
        left, log = self.folder / f"termination-{number}", self.folder / f"log-{number}"
        ours = {
            "ROWMILL_JOB_ROOT": str(self.folder),
            "ROWMILL_JOB_PORT": str(port),
            "ROWMILL_TERMINATION_LOG": str(left),
            # Nobody brings a rotated Secret late here, but for the test that says so.
            "ROWMILL_LOGIN_SECONDS": "1",
        }
        if shard is not None:
            ours[SHARD_INDEX] = str(shard)
        stray = ("PG", "AWS_")
        inherited = {k: v for k, v in os.environ.items() if not k.startswith(stray)}
        with log.open("w") as output:
            process = subprocess.Popen(
                [sys.executable, "-m", "rowmill_job.main", task],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                text=True,
                env={**inherited, **ours, **(env or {})},
            )
        pod = RunningPod(process, port, left, log)
        self._started.append(pod)
        return pod

    def run(
        self, task: str, shard: int | None = None, env: Mapping[str, str] | None = None
    ) -> Ended:
        return self.start(task, shard, env).end()

    def run_shards(self, plan: Plan, at_once: int = 2) -> list[Ended]:
        """All shards of a plan, so many at a time."""
        ended: list[Ended] = []
        for first in range(0, plan.shards, at_once):
            some = range(first, min(plan.shards, first + at_once))
            ended += [pod.end() for pod in [self.start("shard", shard) for shard in some]]
        return ended

    def complete(self, content: Manifest, uid: str = "uid-1", number: int = 1) -> Ended:
        """A whole run by its finalize alone, which makes what shards did not."""
        self.bundle(content, uid, number)
        ended = self.run("finalize")
        assert ended.code == 0, ended.log
        return ended

    def logs(self) -> list[str]:
        return [pod.log.read_text() for pod in self._started]

    def _mount_missing(self) -> None:
        for destination, values in self.secrets.items():
            if not (self.mounts / destination).exists():
                self.mount(destination, values)

    def kill(self) -> None:
        for pod in self._started:
            if pod.process.poll() is None:
                pod.process.kill()
                pod.process.wait(TIMEOUT)


def told(ended: Ended) -> dict[str, str]:
    """What the environment of a purge says once this run is published."""
    return PodEnvironment({}, Written(1, ended.message["run"])).variables()
