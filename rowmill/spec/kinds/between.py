"""The kind `between`: a uniform date, time, timestamp or interval."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import log2
from typing import TYPE_CHECKING, Any, ClassVar

from rowmill.spec.bounds import has_few_values
from rowmill.spec.kind.base import OwnKind
from rowmill.spec.kind.entry import (
    DigestedColumn,
    Example,
    KindEntry,
    Parameters,
    parameter,
)
from rowmill.spec.kind.moments import MOMENTS, read_range
from rowmill.spec.kind.reading import Reading
from rowmill.spec.values.moments import DAY, SECOND
from rowmill.spec.values.types import ColumnType, Number, TypeName

if TYPE_CHECKING:
    from rowmill.spec.fields import Duration, Text


class BetweenSpec(Parameters):
    """A date, time or timestamp, uniform from start to end."""

    start: Text = parameter("The earliest value, inclusive.")
    end: Text = parameter("The latest value, inclusive.")
    resolution: Duration | None = parameter(
        "The step between values; default: 1s, of dates 1d.", None
    )


@dataclass(frozen=True)
class Between(OwnKind):
    """`start`, `start + resolution`, ... up to `end`, in the units of the type."""

    key: ClassVar[str] = "between"

    start: int
    end: int
    resolution: int

    def domain(self, column_type: ColumnType, data_version: int) -> int | None:
        """The steps from start to end."""
        return (self.end - self.start) // self.resolution + 1

    def more_values(self, rows: int, column_type: ColumnType, data_version: int) -> str:
        """Its range is what bounds it."""
        narrow = has_few_values(column_type, rows)
        return "a wider type" if narrow else "a wider range or a finer step"

    def span(self, rows: int, most_children: int | None) -> tuple[Number, Number] | None:
        """From start to end."""
        return self.start, self.end

    def bits(self, column_type: ColumnType) -> float:
        """Each step is as likely."""
        return log2(self.domain(column_type, 0) or 1)


def _read(spec: BetweenSpec, reading: Reading) -> Between | None:
    """A uniform date, time, timestamp or interval, in the units of the type."""
    bounds = read_range(spec.start, spec.end, reading)
    unit = DAY if reading.type.name is TypeName.DATE else 1
    step = spec.resolution
    if step is None:
        step = _step(reading.type)
    fits = step != 0 and step % unit == 0
    if not fits:
        right = "whole days, such as 1d" if unit == DAY else "more than 0s"
        reading.report.add(
            (*reading.path, "resolution"), f"is no step for {reading.type}; use {right}"
        )
    return Between(*bounds, step // unit) if bounds is not None and fits else None


def _step(column_type: ColumnType) -> int:
    return DAY if column_type.name is TypeName.DATE else SECOND


def _resolution(given: Mapping[str, Any], column: DigestedColumn) -> Mapping[str, Any]:
    return {"resolution": _step(column.type)}


BETWEEN = KindEntry(
    key="between",
    spec=BetweenSpec,
    kind=Between,
    fits=MOMENTS | {TypeName.TIME, TypeName.INTERVAL},
    read=_read,
    says="A uniform date, time or timestamp.",
    example=Example(
        "date", {"start": "2024-01-01", "end": "2024-12-31"}, mean=19_905.5, deviation=105.65
    ),
    defaults=_resolution,
)
