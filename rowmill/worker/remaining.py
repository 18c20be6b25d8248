"""What is left of a shard: pure set arithmetic between the plan and what the ledger holds."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from rowmill.plan.intervals import Interval, covers
from rowmill.plan.layout import Batch, Part, Plan

PartKey = tuple[str, int]


@dataclass(frozen=True)
class Durable:
    """What the ledger holds of a run: committed batches per table and recorded parts.

    `batches` or `parts` is None where the experiment has no such destination.
    """

    batches: Mapping[str, Sequence[Interval]] | None
    parts: frozenset[PartKey] | None

    def copied(self, batch: Batch) -> bool:
        """Nothing is left to copy: the batch is in Postgres, or there is no Postgres."""
        return self.batches is None or covers(self.batches.get(batch.table, ()), batch.number)

    def uploaded(self, part: Part) -> bool:
        """Nothing is left to upload: the part is recorded, or there is no bucket."""
        return self.parts is None or (part.table, part.number) in self.parts


@dataclass(frozen=True)
class PartWork:
    """The work left on one part: `batches` to make, each with whether Postgres still lacks it.

    If `upload` is set the part is made again from its first batch, for Parquet alone where
    Postgres has the batch already.
    """

    part: Part
    upload: bool
    batches: tuple[tuple[Batch, bool], ...]


def remaining(plan: Plan, parts: Iterable[Part], durable: Durable) -> Iterator[PartWork]:
    """The work left on `parts`, in their order; parts with nothing left are passed over."""
    for part in parts:
        upload = not durable.uploaded(part)
        layout = plan.by_name[part.table]
        batches = tuple(
            (batch, copy)
            for batch in layout.batches_of(part)
            if (copy := not durable.copied(batch)) or upload
        )
        if upload or batches:
            yield PartWork(part, upload, batches)


def rows_durable(plan: Plan, durable: Durable) -> dict[str, int]:
    """Per table the rows that every destination holds: the smaller of their done-sets."""
    return {layout.table: _table_rows(plan, durable, layout.table) for layout in plan.tables}


def _table_rows(plan: Plan, durable: Durable, table: str) -> int:
    layout = plan.by_name[table]
    rows = layout.rows
    if durable.batches is not None:
        done = durable.batches.get(table, ())
        rows = min(rows, sum(layout.rows_of(first, stop) for first, stop in done))
    if durable.parts is not None:
        numbers = (number for name, number in durable.parts if name == table)
        rows = min(rows, sum(layout.part(number).rows for number in numbers))
    return rows
