"""What the pods of a run say, also those of several at once."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from queue import Empty, SimpleQueue

from rowmill.cluster.apiserver.patience import patiently
from rowmill.cluster.experiment import Experiment
from rowmill.cluster.log_stream import LogStream
from rowmill.cluster.namespace import Cluster, Pod
from rowmill.engine.cancellation import Cancellation
from rowmill.engine.json_records import time_from_json
from rowmill.engine.records import LogLine
from rowmill.errors import NotFound

_SECONDS = 2.0
_ENDED = ("Succeeded", "Failed")
# As log_times.py has a pod write it.
_STAMPED = re.compile(r"(?P<time>[-0-9]{10}T[:.0-9]+Z) (?P<level>[A-Z]+) (?P<text>.*)", re.DOTALL)


@dataclass
class PodLogs:
    """The pods that were asked for, of run `number` or of whichever is the newest.

    Raises:
        NotFound: RunUnknown, the status tells of no such run; NoLogs, there is no run yet,
            or no such shard.
    """

    cluster: Cluster
    name: str
    number: int | None
    shard: int | None
    notice: Callable[[str], None]
    cancellation: Cancellation = field(default_factory=Cancellation)
    experiment: Experiment = field(init=False)

    def __post_init__(self) -> None:
        self._look()
        number, shards = self.experiment.number, self.experiment.run.get("shards")
        if number is None:
            raise _no_logs(f"{self.name} has no run yet: {self.experiment.message or 'wait'}")
        newest = self.number in (None, number)
        if not newest and self.number not in [run.number for run in self.experiment.runs()]:
            raise self.experiment.unknown_run(self.number)
        if newest and self.shard is not None and shards is not None and self.shard >= shards:
            raise _no_logs(f"run {number} has the shards 0 to {shards - 1}")

    def lines(self) -> Iterator[LogLine]:
        """What they have said, pod by pod.

        Raises:
            NotFound: NoLogs, there is no pod that has said anything.
        """
        started = [pod for pod in self._pods() if pod.phase != "Pending"]
        if not started:
            raise _no_logs(self._nothing())
        for pod in started:
            for line in self.cluster.log(pod.name):
                yield _line(pod, line)

    def following(self) -> Iterator[LogLine]:
        """What all pods say as it comes, and those that start later, until the run ends.

        Raises:
            NotFound: NoLogs, it has ended and there is no pod of it.
            Cancelled: by its cancellation, within seconds.
        """
        lines: SimpleQueue[LogLine] = SimpleQueue()
        streams: dict[str, LogStream] = {}
        # What had ended before is history, unless there is nothing else.
        known = self._pods()
        if self._ended and not known:
            raise _no_logs(self._nothing())
        past = {pod.name for pod in known if pod.phase in _ENDED}
        skipped = past if len(past) < len(known) or not self._ended else set()
        while True:
            self.cancellation.check()
            # Asked before the pods: those of a run that has ended are all there.
            patiently(self._look, self.notice, self.cancellation.sleep)
            pods = [
                pod
                for pod in patiently(self._pods, self.notice, self.cancellation.sleep)
                if pod.name not in skipped and pod.phase != "Pending"
            ]
            for pod in pods:
                stream = streams.setdefault(pod.name, self._stream(pod, lines))
                stream.read_on(running=pod.phase not in _ENDED)
            yield from _within(lines, _SECONDS)
            alive = any(stream.alive for stream in streams.values())
            if self._ended and not alive and not any(streams[pod.name].cut for pod in pods):
                yield from _within(lines, 0)
                return

    @property
    def _ended(self) -> bool:
        newest = self.experiment.number
        return self.experiment.settled or (self.number is not None and self.number != newest)

    def _look(self) -> None:
        self.experiment = Experiment(self.cluster.experiment(self.name))

    def _pods(self) -> Sequence[Pod]:
        """The pods in the order of shards, of one shard in the order of its attempts."""
        found = self.cluster.pods(self.name, self.number or self.experiment.number or 0)
        if self.shard is not None:
            found = [pod for pod in found if pod.shard == self.shard]
        return sorted(
            found,
            key=lambda pod: (pod.shard is None, pod.shard or 0, pod.created, pod.name),
        )

    def _stream(self, pod: Pod, lines: SimpleQueue[LogLine]) -> LogStream:
        return LogStream(
            self.cluster,
            pod.name,
            lambda text: lines.put(_line(pod, text)),
            self.notice,
            self.cancellation,
        )

    def _nothing(self) -> str:
        which = f"run {self.number or self.experiment.number} of {self.name}"
        if self.number not in (None, self.experiment.number):
            gone = "the Jobs of a run go, with pods and logs, as the next begins"
            return f"{which} is not the newest: {gone}"
        if self.experiment.phase == "Suspended":
            return f"{which} is suspended, and its pods are gone until it is resumed"
        if not self._ended and not self.experiment.ended:
            return f"{which} has no pod yet: {self.experiment.message or self.experiment.phase}"
        gone = f"{which} has ended, and its pods are gone"
        if self.experiment.asks_more:
            return f"{gone}: they made room for what was asked for since; wait for its pods"
        if self.experiment.phase == "Failed":
            return f"{gone}: those of a run that failed or was aborted go with it"
        if self.experiment.phase == "Reset":
            return f"{gone}: those of a run that is reset go before its data"
        ttl = self.experiment.spec.get("ttlSecondsAfterFinished")
        if ttl is not None:
            return f"{gone} (ttlSecondsAfterFinished: {ttl})"
        return f"{gone}: somebody deleted them or their Jobs"


def _line(pod: Pod, text: str) -> LogLine:
    """As one machine's line; what has no time or no level in their form is text."""
    source = pod.task if pod.shard is None else f"shard {pod.shard}"
    found = _STAMPED.fullmatch(text)
    time = None if found is None else time_from_json(found["time"])
    if found is None or time is None:
        return LogLine(text, source)
    return LogLine(found["text"], source, time, found["level"])


def _no_logs(message: str) -> NotFound:
    return NotFound("NoLogs", message)


def _within(lines: SimpleQueue[LogLine], seconds: float) -> Iterator[LogLine]:
    """What comes within this time."""
    until = time.monotonic() + seconds
    while True:
        try:
            left = until - time.monotonic()
            yield lines.get(timeout=max(0.0, left) or None, block=seconds > 0 and left > 0)
        except Empty:
            return
