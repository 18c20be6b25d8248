"""What is left of a shard: pure set arithmetic between the plan and what the ledger holds."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from rowmill.plan.intervals import Interval, covers, intersection, union
from rowmill.plan.layout import Batch, Part, Plan, TableLayout

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


def batches_durable(plan: Plan, durable: Durable) -> dict[str, list[Interval]]:
    """Per table the batches that every destination holds; a part's are held all at once."""
    return {layout.table: _table_batches(layout, durable) for layout in plan.tables}


def rows_durable(plan: Plan, durable: Durable) -> dict[str, int]:
    """Per table the rows of the batches that every destination holds."""
    return {
        name: sum(plan.by_name[name].rows_of(first, stop) for first, stop in batches)
        for name, batches in batches_durable(plan, durable).items()
    }


def _table_batches(layout: TableLayout, durable: Durable) -> list[Interval]:
    held: list[Interval] = [(0, layout.batches)] if layout.batches else []
    if durable.batches is not None:
        held = intersection(held, union(durable.batches.get(layout.table, ())))
    if durable.parts is not None:
        parts = (layout.part(number) for name, number in durable.parts if name == layout.table)
        held = intersection(held, union((p.first_batch, p.stop_batch) for p in parts))
    return held
