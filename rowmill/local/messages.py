"""What supervisor and worker processes say to each other over their pipe."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from rowmill.destinations.ledger import Run


@dataclass(frozen=True)
class RunShard:
    """To a worker: make what is missing of this shard."""

    run: Run
    shard: int


@dataclass(frozen=True)
class RunFinalize:
    """To a worker: finalize and publish the run."""

    run: Run


@dataclass(frozen=True)
class Stop:
    """To a worker: end what you do at the next batch or step."""


Command = RunShard | RunFinalize | Stop


@dataclass(frozen=True)
class TableProgress:
    """What one process did for one table since it started: rows and bytes by stage."""

    generated: int = 0
    copied: int = 0
    copied_bytes: int = 0
    uploaded: int = 0
    recorded: int = 0
    object_bytes: int = 0


@dataclass(frozen=True)
class Stretch:
    """From a process's first batch to its last durable one; nothing of start-up or finalize.

    `since` and `until` are on the clock that all processes of the machine share, `cpu_seconds` is
    the processor time between them.
    """

    since: float
    until: float
    cpu_seconds: float


@dataclass(frozen=True)
class Vitals:
    """A process's peak resident memory in bytes and its processor time in seconds so far."""

    peak_bytes: int
    cpu_seconds: float
    loading: Stretch | None = None


@dataclass(frozen=True)
class Progress:
    """From a worker: all it did since it started, by table."""

    tables: dict[str, TableProgress]
    vitals: Vitals


@dataclass(frozen=True)
class Step:
    """From a worker that finalizes: the step that begins."""

    label: str


@dataclass(frozen=True)
class Notice:
    """From a worker: what the user should know while it goes on, such as a server that is down."""

    text: str


class Ending(StrEnum):
    """How a command ended."""

    DONE = "done"
    STOPPED = "stopped"
    FENCED = "fenced"
    REFUSED = "refused"
    UNAVAILABLE = "unavailable"
    FAILED = "failed"


@dataclass(frozen=True)
class Ended:
    """From a worker: the command ended; `reason` is a refusal's one word."""

    ending: Ending
    message: str = ""
    reason: str = ""
    trace: str = field(default="", repr=False)


Report = Progress | Step | Notice | Ended
