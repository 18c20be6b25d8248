"""The kind `sequence`: `start + step x row`."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, ClassVar

from rowmill.spec.bounds import integer_limits
from rowmill.spec.kind.base import OwnKind
from rowmill.spec.kind.entry import Example, KindEntry, Parameters, parameter
from rowmill.spec.kind.reading import Reading
from rowmill.spec.values.types import NUMBERS, ColumnType, Number

if TYPE_CHECKING:
    from rowmill.spec.fields import Int64


class SequenceSpec(Parameters):
    """`start + step x row`."""

    start: Int64 = parameter("The first row's value.", 1)
    step: Int64 = parameter("What each row adds.", 1)


@dataclass(frozen=True)
class Sequence(OwnKind):
    """`start + step x row`."""

    key: ClassVar[str] = "sequence"

    start: int
    step: int

    @property
    def never_repeats(self) -> bool:
        """It counts on, or stands still."""
        return self.step != 0

    def why_repeats(self, column_type: ColumnType) -> str | None:
        """It stands still."""
        return "is a sequence of step 0; use another step"

    def span(self, rows: int, most_children: int | None) -> tuple[Number, Number] | None:
        """From the first row's value to the last one's."""
        last = self.start + self.step * (max(rows, 1) - 1)
        return min(self.start, last), max(self.start, last)

    def spread(self, rows: int) -> Decimal | None:
        """All of its steps."""
        return Decimal(rows) * abs(self.step)

    @property
    def even_steps(self) -> bool:
        """By construction."""
        return True


def _read(spec: SequenceSpec, reading: Reading) -> Sequence | None:
    """A sequence of which every row's value fits the type."""
    column_type, path = reading.type, reading.path
    low, high = integer_limits(column_type)
    last = spec.start + spec.step * (max(reading.values or 0, 1) - 1)
    if not low <= spec.start <= high:
        reading.report.add(
            (*path, "start"),
            f"{spec.start} is outside the range of {column_type}; expected {low} to {high}",
        )
        return None
    if not low <= last <= high:
        unique, why = "unique and " if reading.unique else "", ""
        if reading.inferred:
            why = f"is {unique}without `generate`, so it counts from {spec.start}: "
        reading.report.add(
            path,
            f"{why}its last value would be {last}, outside the range of {column_type}, "
            f"{low} to {high}; use fewer rows, "
            f"{'a `generate`' if why else 'another start or step'}, or a larger type",
        )
        return None
    return Sequence(spec.start, spec.step)


SEQUENCE = KindEntry(
    key="sequence",
    spec=SequenceSpec,
    kind=Sequence,
    fits=NUMBERS,
    read=_read,
    says="start, start + step ...",
    example=Example("bigint", {"start": 10, "step": 2}, mean=20_009, deviation=11_547),
)
