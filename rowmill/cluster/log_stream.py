"""A pod's log as it comes; a stream that is cut goes on where it ended, and no line comes twice."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from threading import Thread

from rowmill.cluster.failures import ApiUnreachable
from rowmill.cluster.namespace import Cluster, StampedLine
from rowmill.engine.cancellation import Cancellation, Cancelled
from rowmill.errors import RowmillError

# With a look every two seconds a minute.
_TRIES = 30
_FRACTION = re.compile(r"\.[0-9]+")


@dataclass
class LogStream:
    """The log of one pod, read by a thread that gives `tell` each line.

    `notice` is told why the rest of it cannot be read.
    """

    cluster: Cluster
    pod: str
    tell: Callable[[str], None]
    notice: Callable[[str], None]
    cancellation: Cancellation
    # Whether its last end was none of the log's.
    cut: bool = False
    _thread: Thread | None = None
    _lost: bool = False
    _tries: int = 0
    # The lines of the last second: to ask for what came since is to ask for that second again.
    _recent: list[StampedLine] = field(default_factory=list)

    @property
    def alive(self) -> bool:
        """Whether it is being read."""
        return self._thread is not None and self._thread.is_alive()

    def read_on(self, *, running: bool) -> None:
        """Read what has not been read, unless that is done or nothing is left.

        A stream may end as if the log did while its pod is `running`: an idle connection is closed.
        """
        begun = self._thread is not None
        if self.alive or self._lost or (begun and not running and not self.cut):
            return
        self._thread = Thread(target=self._read, daemon=True)
        self._thread.start()

    def _read(self) -> None:
        try:
            for line in self._new():
                self._tries = 0
                self._remember(line)
                self.tell(line.text)
            self.cut = False
        except Cancelled:
            self.cut = False
        except ApiUnreachable as error:
            self._tries += 1
            self.cut = self._tries < _TRIES
            if not self.cut:
                self._give_up(error)
        except RowmillError as error:
            # The pod may be gone, its node too, or a token over; the others go on.
            self.cut = False
            self._give_up(error)

    def _give_up(self, error: RowmillError) -> None:
        self._lost = True
        self.notice(f"{self.pod}: {error}")

    def _new(self) -> Iterator[StampedLine]:
        known = deque(self._recent)
        since = _second(known[-1]) if known else None
        for line in self.cluster.follow_log(self.pod, since, self.cancellation):
            if known and line == known[0]:
                known.popleft()
            else:
                known.clear()
                yield line

    def _remember(self, line: StampedLine) -> None:
        if self._recent and _second(self._recent[-1]) != _second(line):
            self._recent.clear()
        self._recent.append(line)


def _second(line: StampedLine) -> str:
    """Its stamp without a fraction: the API server takes none."""
    return _FRACTION.sub("", line.stamp)
