"""The operator as a process of this machine, with its memory and what its metrics say."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import psutil
from prometheus_client.parser import text_string_to_metric_families

ENGINE = "scale/rowmill"
_SAMPLED_SECONDS = 1.0
_METRICS = "http://127.0.0.1:8080/metrics"


@dataclass
class OperatorProcess:
    """A running operator; `peak` is the most memory that it was seen to have, in bytes."""

    process: subprocess.Popen[bytes]
    peak: int = 0

    def memory(self) -> int:
        """Bytes of its own and its validator's, shared pages counted by their share."""
        return sum(one.memory_full_info().pss for one in self._members())

    def answers(self) -> bool:
        """Whether it has begun to call the API server."""
        return self.metric("rowmill_operator_api_calls_total") > 0

    def looks(self) -> float:
        """How many times it has looked at an experiment since it started."""
        return self.metric("rowmill_operator_reconcile_seconds_count")

    def experiments(self, phase: str) -> float:
        """How many experiments are in this phase, as it knows them."""
        return self.metric("rowmill_operator_experiments", phase=phase)

    def metric(self, name: str, **labels: str) -> float:
        """The sum of a metric's samples with these labels; 0 while it answers nothing."""
        try:
            with urllib.request.urlopen(_METRICS, timeout=5) as answer:
                text = answer.read().decode()
        except OSError:
            return 0.0
        return sum(
            sample.value
            for family in text_string_to_metric_families(text)
            for sample in family.samples
            if sample.name == name and labels.items() <= sample.labels.items()
        )

    def _members(self) -> list[psutil.Process]:
        family = psutil.Process(self.process.pid)
        return [family, *family.children(recursive=True)]


@contextmanager
def operator(kubeconfig: Path, log: Path) -> Iterator[OperatorProcess]:
    """Run an operator as long as the block lasts."""
    environ = {
        **os.environ,
        "KUBECONFIG": str(kubeconfig),
        "ROWMILL_ENGINE_ID": ENGINE,
        "ROWMILL_RELEASE": ENGINE,
        "ROWMILL_WORKER_IMAGE": "rowmill/worker:simulated",
    }
    with log.open("ab") as sink:
        process = subprocess.Popen(
            [sys.executable, "-m", "rowmill_operator.main"], env=environ, stdout=sink, stderr=sink
        )
        running, ended = OperatorProcess(process), threading.Event()
        threading.Thread(target=_watch_memory, args=(running, ended), daemon=True).start()
        try:
            yield running
        finally:
            ended.set()
            process.send_signal(signal.SIGTERM)
            process.wait(30)


def _watch_memory(running: OperatorProcess, ended: threading.Event) -> None:
    while not ended.wait(_SAMPLED_SECONDS):
        # Its validator comes and goes.
        with suppress(psutil.Error):
            running.peak = max(running.peak, running.memory())
