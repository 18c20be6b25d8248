"""How far the parts of one worker are: the batches that every destination holds."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from threading import Lock

from rowmill.destinations.ledger import PendingPart
from rowmill.plan.intervals import Interval, intersection, union
from rowmill.plan.layout import Batch, Part, Plan, TableLayout
from rowmill.worker.remaining import Durable

_LOOSE = 256


@dataclass(frozen=True)
class TableDone:
    """Durable `batches` of a table, as sorted half-open intervals, and their rows of `total`.

    A batch has `batch_rows`, a part's last one maybe fewer.
    """

    name: str
    rows: int
    total: int
    batch_rows: int
    batches: tuple[Interval, ...]


class ShardProgress:
    """What is durable of some parts of a plan: by the ledger's last reading and since then.

    With both destinations a batch counts once Postgres has it and its part is recorded. Safe for
    threads.
    """

    def __init__(self, plan: Plan, parts: Iterable[Part]) -> None:
        self._lock = Lock()
        self._tables: dict[str, _Table] = {}
        for part in parts:
            layout = plan.by_name[part.table]
            self._tables.setdefault(part.table, _Table(layout)).wants(part)
        self._whole = False

    def read(self, durable: Durable) -> None:
        """Take over what the ledger holds at this moment."""
        with self._lock:
            for table in self._tables.values():
                table.read(durable)

    def all_done(self) -> None:
        """Everything is durable, by another's word than the ledger's batches."""
        self._whole = True

    def copied(self, batch: Batch) -> None:
        with self._lock:
            self._tables[batch.table].copy(batch.number)

    def recorded(self, part: PendingPart) -> None:
        with self._lock:
            self._tables[part.table].record(part.number)

    def tables(self) -> list[TableDone]:
        """The tables that the parts are of, in the plan's order."""
        with self._lock:
            return [table.done(whole=self._whole) for table in self._tables.values()]

    @property
    def rows(self) -> int:
        return sum(table.rows for table in self.tables())


class _Table:
    def __init__(self, layout: TableLayout) -> None:
        self._layout = layout
        self._wanted: list[Interval] = []
        # None where there is no such destination; nothing is known before the first reading.
        self._copied: list[Interval] | None = []
        self._recorded: list[Interval] | None = []

    def wants(self, part: Part) -> None:
        self._wanted = union([*self._wanted, (part.first_batch, part.stop_batch)])

    def read(self, durable: Durable) -> None:
        name = self._layout.table
        self._copied = self._recorded = None
        if durable.batches is not None:
            self._copied = intersection(list(durable.batches.get(name, ())), self._wanted)
        if durable.parts is not None:
            parts = (self._batches(number) for table, number in durable.parts if table == name)
            self._recorded = intersection(union(parts), self._wanted)

    def copy(self, batch: int) -> None:
        if self._copied is not None:
            self._copied = _with(self._copied, (batch, batch + 1))

    def record(self, part: int) -> None:
        if self._recorded is not None:
            self._recorded = _with(self._recorded, self._batches(part))

    def done(self, *, whole: bool) -> TableDone:
        batches = self._wanted
        for held in (self._copied, self._recorded):
            if held is not None and not whole:
                batches = intersection(batches, union(held))
        layout = self._layout
        return TableDone(
            name=layout.table,
            rows=sum(layout.rows_of(*interval) for interval in batches),
            total=sum(layout.rows_of(*interval) for interval in self._wanted),
            batch_rows=layout.batch_rows,
            batches=tuple(batches),
        )

    def _batches(self, part: int) -> Interval:
        found = self._layout.part(part)
        return found.first_batch, found.stop_batch


def _with(intervals: list[Interval], more: Interval) -> list[Interval]:
    """The intervals and one more; merged now and then, since they mostly come in order."""
    if intervals and intervals[-1][1] == more[0]:
        intervals[-1] = (intervals[-1][0], more[1])
        return intervals
    intervals.append(more)
    return union(intervals) if len(intervals) % _LOOSE == 0 else intervals
