"""The kinds `integer` and `number`: uniform between two bounds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from math import log2
from typing import TYPE_CHECKING, Any, ClassVar

from rowmill.counting import counted
from rowmill.spec.bounds import (
    EXACT_INTEGERS,
    has_few_values,
    integer_limits,
    read_bounds,
    type_decimals,
)
from rowmill.spec.kind.base import UNCOUNTED, OwnKind
from rowmill.spec.kind.entry import (
    DigestedColumn,
    Example,
    KindEntry,
    Parameters,
    parameter,
)
from rowmill.spec.kind.reading import Reading
from rowmill.spec.values.types import INTEGERS, NUMBERS, ColumnType, Number

if TYPE_CHECKING:
    from rowmill.spec import fields


class IntegerSpec(Parameters):
    """A whole number, each in [min, max] as likely."""

    min: fields.Int64 = parameter("The smallest value, inclusive.")
    max: fields.Int64 = parameter("The largest value, inclusive.")


class NumberSpec(Parameters):
    """A number, uniform on [min, max]."""

    min: fields.Number = parameter("The smallest value, inclusive.")
    max: fields.Number = parameter("The largest value, inclusive.")
    decimals: int | None = parameter(
        "Digits after the decimal point; default: the column's scale, none for floats.",
        None,
        ge=0,
        le=38,
    )


@dataclass(frozen=True)
class Uniform(OwnKind):
    """`integer` and `number`: uniform on [min, max], both inclusive.

    `decimals` is the number of decimal digits; None means a continuous float.
    """

    key: ClassVar[str] = "uniform"

    min: Number
    max: Number
    decimals: int | None

    def domain(self, column_type: ColumnType, data_version: int) -> int | None:
        """The multiples of its last decimal; of a float without decimals they are not counted."""
        decimals = 0 if column_type.name in INTEGERS else self.decimals
        if decimals is None:
            return UNCOUNTED
        low, high = (Fraction(str(bound)) for bound in (self.min, self.max))
        return int((high - low) * 10**decimals) + 1

    def more_values(self, rows: int, column_type: ColumnType, data_version: int) -> str:
        """A wider type where the type has too few."""
        return "a wider type" if has_few_values(column_type, rows) else _WIDER

    def span(self, rows: int, most_children: int | None) -> tuple[Number, Number] | None:
        """From min to max."""
        return self.min, self.max

    def spread(self, rows: int) -> Decimal | None:
        """From min to max."""
        return Decimal(self.max) - Decimal(self.min)

    def bits(self, column_type: ColumnType) -> float:
        """Each value is as likely."""
        return log2(self.domain(column_type, 0) or 1)


_WIDER = "a wider range or a finer step"


def _read_integer(spec: IntegerSpec, reading: Reading) -> Uniform | None:
    """A uniform whole number."""
    low, high = integer_limits(reading.type)
    outside = [b for b in (("min", spec.min), ("max", spec.max)) if not low <= b[1] <= high]
    for name, bound in outside:
        reading.report.add(
            (*reading.path, name),
            f"{bound} is outside the range of {reading.type}; expected {low} to {high}",
        )
    if outside:
        return None
    bounds = read_bounds(spec.min, spec.max, reading.type, reading.path, reading.report, decimals=0)
    return _uniform(bounds, 0)


def _read_number(spec: NumberSpec, reading: Reading) -> Uniform | None:
    """A uniform number, with decimals if the type or the manifest has them."""
    column_type, path, report = reading.type, reading.path, reading.report
    own, decimals = type_decimals(column_type), spec.decimals
    if decimals is None:
        decimals = own
    elif own is not None and decimals > own:
        report.add(
            (*path, "decimals"),
            f"{decimals} is more decimals than {column_type} holds; expected at most {own}",
        )
        # Its bounds are judged by the type's own digits.
        read_bounds(spec.min, spec.max, column_type, path, report)
        return None
    bounds = read_bounds(spec.min, spec.max, column_type, path, report, decimals)
    if bounds is None:
        return None
    if own is None and decimals is not None:
        farthest = max(spec.min.copy_abs(), spec.max.copy_abs())
        if farthest.scaleb(decimals) > EXACT_INTEGERS[column_type.name] or decimals > 22:
            report.add(
                (*path, "decimals"),
                f"{column_type} cannot tell numbers with {counted(decimals, 'decimal')} up to "
                f"{farthest} apart; use fewer, or numeric(p,s)",
            )
            return None
    return _uniform(bounds, decimals)


def _uniform(
    bounds: tuple[Number | None, Number | None] | None, decimals: int | None
) -> Uniform | None:
    if bounds is None or bounds[0] is None or bounds[1] is None:
        return None
    return Uniform(bounds[0], bounds[1], decimals)


def _decimals(given: Mapping[str, Any], column: DigestedColumn) -> Mapping[str, Any]:
    return {"decimals": type_decimals(column.type)}


INTEGER = KindEntry(
    key="integer",
    spec=IntegerSpec,
    kind=Uniform,
    fits=NUMBERS,
    read=_read_integer,
    says="A uniform whole number.",
    example=Example("integer", {"min": 1, "max": 6}, mean=3.5, deviation=1.7078),
)
NUMBER = KindEntry(
    key="number",
    spec=NumberSpec,
    kind=Uniform,
    fits=NUMBERS,
    read=_read_number,
    says="A uniform number.",
    example=Example("double precision", {"min": -1, "max": 2}, mean=0.5, deviation=0.8660),
    defaults=_decimals,
    unique_if="of a float with `decimals`",
)
