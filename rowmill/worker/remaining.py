"""What is left of a shard: pure set arithmetic between the plan and what the ledger holds."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from rowmill.destinations.ledger import PendingPart
from rowmill.plan.intervals import Interval, covers, intersection, union
from rowmill.plan.layout import Batch, Part, Plan, TableLayout

PartKey = tuple[str, int]


@dataclass(frozen=True)
class Durable:
    """What the ledger holds of a run: committed batches per table and recorded parts.

    `batches` or `parts` is None where the experiment has no such destination. Of the parts it has
    those of `parts_kept`.
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


def parts_kept(plan: Plan, recorded: Mapping[PartKey, PendingPart]) -> frozenset[PartKey]:
    """The recorded parts that hold as many rows as the plan's: any other is to be made again."""
    return frozenset(key for key, part in recorded.items() if _is_planned(plan, part))


def _is_planned(plan: Plan, recorded: PendingPart) -> bool:
    layout = plan.by_name[recorded.table]
    if recorded.number >= layout.parts:
        return False
    return layout.part(recorded.number).rows == recorded.rows


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


def rows_to_copy(plan: Plan, durable: Durable) -> dict[str, int]:
    """Per table the rows that Postgres still lacks."""
    return {each.table: each.rows - _rows(each, _copied(each, durable)) for each in plan.tables}


def rows_to_upload(plan: Plan, durable: Durable) -> dict[str, int]:
    """Per table the rows of which no part is uploaded yet."""
    return {each.table: each.rows - _rows(each, _uploaded(each, durable)) for each in plan.tables}


def batches_durable(plan: Plan, durable: Durable) -> dict[str, list[Interval]]:
    """Per table the batches that every destination holds; a part's are held all at once."""
    return {
        each.table: intersection(_copied(each, durable), _uploaded(each, durable))
        for each in plan.tables
    }


def rows_durable(plan: Plan, durable: Durable) -> dict[str, int]:
    """Per table the rows of the batches that every destination holds."""
    held = batches_durable(plan, durable)
    return {each.table: _rows(each, held[each.table]) for each in plan.tables}


def _copied(layout: TableLayout, durable: Durable) -> list[Interval]:
    if durable.batches is None:
        return _all(layout)
    return intersection(_all(layout), union(durable.batches.get(layout.table, ())))


def _uploaded(layout: TableLayout, durable: Durable) -> list[Interval]:
    if durable.parts is None:
        return _all(layout)
    parts = (layout.part(number) for name, number in durable.parts if name == layout.table)
    return intersection(_all(layout), union((p.first_batch, p.stop_batch) for p in parts))


def _all(layout: TableLayout) -> list[Interval]:
    return [(0, layout.batches)] if layout.batches else []


def _rows(layout: TableLayout, batches: Iterable[Interval]) -> int:
    return sum(layout.rows_of(first, stop) for first, stop in batches)
