"""What is counted while a table is compared: rows by destination, and progress."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass, field

from rowmill.destinations.stored_rows import StoredTables
from rowmill.engine.verification import OnProgress, Problem, VerifyProgress
from rowmill.spec.dataset import Table
from rowmill.verify.buckets import Buckets


@dataclass
class Tally:
    """What one destination holds of a table.

    `stored` are the rows that could be read, `absent` those that the unreadable pieces should hold;
    `differing` are the pieces in which a row may differ. Not `readable`: no row can be read.
    """

    store: StoredTables
    problems: list[Problem]
    readable: bool = True
    stored: Buckets = field(default_factory=Buckets)
    absent: Buckets = field(default_factory=Buckets)
    differing: list[int] = field(default_factory=list)


class ProgressCount:
    """Counts rows for all threads and tells."""

    def __init__(self, tables: Sequence[Table], stores: int, report: OnProgress) -> None:
        self._total = sum(table.rows for table in tables) * (1 + stores)
        self._rows = 0
        self._report = report
        self._lock = threading.Lock()

    def add(self, table: Table, rows: int) -> None:
        with self._lock:
            self._rows += rows
            self._report(VerifyProgress("comparing", table.name, self._rows, self._total))

    def turn(self, phase: str, table: Table) -> None:
        with self._lock:
            self._report(VerifyProgress(phase, table.name, self._rows, self._total))
