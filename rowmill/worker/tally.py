"""What one worker process did, for every table: rows and bytes by stage, memory and time."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from pathlib import Path
from resource import RUSAGE_SELF, getrusage
from threading import Lock

from rowmill.destinations.ledger import PendingPart
from rowmill.plan.layout import Batch


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


class Tally:
    """Counts what this process did, for every table; a `Report` of shard.py."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._tables: dict[str, TableProgress] = {}
        self._changed = False
        self._began: _Moment | None = None
        self._durable: _Moment | None = None

    def begin(self) -> None:
        """The first batch is about to be made; later calls change nothing."""
        self._began = self._began or _Moment.now()

    def generated(self, table: str, rows: int) -> None:
        self._add(table, generated=rows)

    def copied(self, batch: Batch, size: int) -> None:
        self._add(batch.table, copied=batch.rows, copied_bytes=size)
        self._durable = _Moment.now()

    def uploaded(self, table: str, rows: int) -> None:
        self._add(table, uploaded=rows)

    def recorded(self, part: PendingPart) -> None:
        self._add(part.table, recorded=part.rows, object_bytes=part.bytes)
        self._durable = _Moment.now()

    def tables(self) -> dict[str, TableProgress]:
        """All counts."""
        with self._lock:
            return dict(self._tables)

    def changed(self) -> dict[str, TableProgress] | None:
        """All counts, or None if nothing changed since the last call."""
        with self._lock:
            if not self._changed:
                return None
            self._changed = False
            return dict(self._tables)

    def stretch(self) -> Stretch | None:
        """From the first batch to the last durable one; None while none is durable."""
        first, last = self._began, self._durable
        if first is None or last is None:
            return None
        return Stretch(first.at, last.at, last.cpu_seconds - first.cpu_seconds)

    def _add(self, table: str, **counts: int) -> None:
        with self._lock:
            known = self._tables.get(table, TableProgress())
            sums = {name: getattr(known, name) + n for name, n in counts.items()}
            self._tables[table] = replace(known, **sums)
            self._changed = True


@dataclass(frozen=True)
class _Moment:
    at: float
    cpu_seconds: float

    @classmethod
    def now(cls) -> _Moment:
        return cls(time.monotonic(), time.process_time())


def vitals(loading: Stretch | None) -> Vitals:
    """This process's peak memory (VmHWM where the system tells it) and processor time."""
    usage = getrusage(RUSAGE_SELF)
    peak = _peak_bytes() or usage.ru_maxrss * 1024
    return Vitals(peak, usage.ru_utime + usage.ru_stime, loading)


def _peak_bytes() -> int | None:
    # ru_maxrss survives exec and so counts what the parent had: VmHWM does not.
    try:
        status = Path("/proc/self/status").read_text(encoding="ascii")
    except OSError:
        return None
    line = next((line for line in status.splitlines() if line.startswith("VmHWM:")), None)
    return int(line.split()[1]) * 1024 if line else None
