"""`logs`: what the pods of the newest run say, also of several at once."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from queue import Empty, SimpleQueue
from threading import Thread

from rowmill.cluster.apiserver.patience import patiently
from rowmill.cluster.experiment import Experiment
from rowmill.cluster.namespace import Cluster, Pod
from rowmill.errors import RowmillError
from rowmill.terminal.failures import UsageError
from rowmill.terminal.prose import notice, say

_SECONDS = 2.0
_ENDED = ("Succeeded", "Failed")


def logs(cluster: Cluster, name: str, shard: int | None, follow: bool) -> None:
    """Print the lines of all pods of the newest run, each with its shard before it, or of one."""
    run = _Run(cluster, name, shard)
    if follow:
        _follow(run)
        return
    started = [pod for pod in run.pods() if pod.phase != "Pending"]
    if not started:
        raise UsageError(run.nothing())
    for pod in started:
        for line in cluster.log(pod.name, follow=False):
            print(run.labelled(pod, line))


@dataclass
class _Run:
    """The pods that were asked for, of whichever run is the newest."""

    cluster: Cluster
    name: str
    shard: int | None
    experiment: Experiment = field(init=False)

    def __post_init__(self) -> None:
        self.look()
        number, shards = self.experiment.number, self.experiment.run.get("shards")
        if number is None:
            raise UsageError(f"{self.name} has no run yet: {self.experiment.message or 'wait'}")
        if self.shard is not None and shards is not None and self.shard >= shards:
            raise UsageError(f"run {number} has the shards 0 to {shards - 1}")

    def look(self) -> None:
        self.experiment = Experiment(self.cluster.experiment(self.name))

    def pods(self) -> Sequence[Pod]:
        """The pods in the order of shards, of one shard in the order of its attempts."""
        found = self.cluster.pods(self.name, self.experiment.number or 0)
        if self.shard is not None:
            found = [pod for pod in found if pod.shard == self.shard]
        return sorted(
            found,
            key=lambda pod: (pod.shard is None, pod.shard or 0, pod.created, pod.name),
        )

    def labelled(self, pod: Pod, line: str) -> str:
        if self.shard is not None:
            return line
        return f"[{pod.task if pod.shard is None else f'shard {pod.shard}'}] {line}"

    def nothing(self) -> str:
        which = f"run {self.experiment.number} of {self.name}"
        if not self.experiment.ended:
            return f"{which} has no pod yet: {self.experiment.message or self.experiment.phase}"
        gone = f"{which} has ended, and its pods are gone"
        if self.experiment.asks_more:
            return f"{gone}: they made room for what was asked for since; wait for its pods"
        if self.experiment.phase == "Failed":
            return f"{gone}: those of a run that failed or was aborted go with it"
        ttl = self.experiment.spec.get("ttlSecondsAfterFinished")
        if ttl is not None:
            return f"{gone} (ttlSecondsAfterFinished: {ttl})"
        return f"{gone}: somebody deleted them or their Jobs"


def _follow(run: _Run) -> None:
    """Print lines of all pods as they come, and of those that start later, until the run ends."""
    lines: SimpleQueue[str] = SimpleQueue()
    threads: dict[str, Thread] = {}
    # What had ended before is history, unless there is nothing else.
    known = run.pods()
    past = {pod.name for pod in known if pod.phase in _ENDED}
    skipped = past if len(past) < len(known) or not run.experiment.settled else set()
    while True:
        # Asked before the pods: those of a run that has ended are all there.
        patiently(run.look, notice)
        for pod in patiently(run.pods, notice):
            if pod.name not in threads and pod.name not in skipped and pod.phase != "Pending":
                threads[pod.name] = Thread(target=_read, args=(run, pod, lines), daemon=True)
                threads[pod.name].start()
        _print_for(lines, _SECONDS)
        if run.experiment.settled and not any(thread.is_alive() for thread in threads.values()):
            _print_for(lines, 0)
            return


def _read(run: _Run, pod: Pod, lines: SimpleQueue[str]) -> None:
    try:
        for line in run.cluster.log(pod.name, follow=True):
            lines.put(run.labelled(pod, line))
    except RowmillError as error:
        # The pod may be gone, its node too, or a token over; the others go on.
        say(f"rowmill: {pod.name}: {error}", err=True)


def _print_for(lines: SimpleQueue[str], seconds: float) -> None:
    """Print what comes within this time."""
    until = time.monotonic() + seconds
    while True:
        try:
            print(lines.get(timeout=max(0.0, until - time.monotonic()) or None, block=seconds > 0))
        except Empty:
            sys.stdout.flush()
            return
