"""The kind `after`: another column's date or time plus a delay."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from rowmill.spec.kind.base import Source, WholeKind
from rowmill.spec.kind.distribution import EXPONENTIAL_REACH
from rowmill.spec.kind.entry import Example, KindEntry, Parameters, parameter
from rowmill.spec.kind.moments import MOMENTS, read_moment
from rowmill.spec.kind.reading import Reading
from rowmill.spec.paths import Path, shown
from rowmill.spec.report import Report
from rowmill.spec.values.moments import DAY, MAX_TIMESTAMP, format_timestamp
from rowmill.spec.values.types import ColumnType, Number, TypeName

if TYPE_CHECKING:
    from rowmill.spec.fields import Duration, Name, Text


class AfterSpec(Parameters):
    """Another time of this row, or of its parent's row, plus an exponential delay."""

    column: Name = parameter("The column to add to; with `via` a column of the parent.")
    via: Text | None = parameter(
        "A reference column of this table, which leads to the parent's row.", None
    )
    mean: Duration = parameter("The mean delay before truncation.")
    min: Duration = parameter("The smallest delay.", 0)
    max: Duration | None = parameter("The largest delay; default: no limit.", None)
    end: Text | None = parameter("The latest result; default: no limit.", None)


@dataclass(frozen=True)
class After(WholeKind):
    """`column`'s value (of this row, or through the link `via` of the parent's) plus a delay.

    The delay is exponential with `mean`, truncated to [min, max]; the result is at most `end`.
    Everything in microseconds, for date columns rounded down to days after adding.
    """

    key: ClassVar[str] = "after"

    column: str
    via: str | None
    mean: int
    min: int
    max: int | None
    end: int | None

    @property
    def source(self) -> Source:
        """The column that the delay is added to."""
        return Source(self.column, self.via)

    def sources(self) -> Sequence[Source]:
        """The column that the delay is added to."""
        return (self.source,)

    def span(self, rows: int, most_children: int | None) -> tuple[Number, Number] | None:
        """It hangs on the source's; `check_end` tells the latest."""
        return None

    def check_end(self, latest: int, column_type: ColumnType, path: Path, report: Report) -> int:
        """The latest result where the source is at most `latest`, in microseconds since 1970.

        Refused is what may pass the year 9999, and an end that leaves some row no room.
        """
        # All of a date's last day counts, for the result is rounded down to it.
        rest = DAY - 1 if column_type.name is TypeName.DATE else 0
        longest = self.max if self.max is not None else self.mean * EXPONENTIAL_REACH
        if self.end is None:
            if latest + longest > MAX_TIMESTAMP:
                report.add(path, "may pass the year 9999; use a `max` or an `end`")
            return min(latest + longest, MAX_TIMESTAMP)
        if latest + self.min > self.end + rest:
            report.add(
                (*path, "end"),
                f"leaves no room after the latest {shown(self.column)}, "
                f"{format_timestamp(min(latest, MAX_TIMESTAMP), zoned=False)}; "
                f"use a later end, or an earlier end of {shown(self.column)}",
            )
        return min(latest + longest, self.end + rest)


def _read(spec: AfterSpec, reading: Reading) -> After | None:
    """A delay after a source, through the link `via` if that is a parent's column.

    None after a problem, and for a source that is not known.
    """
    link = reading.link(spec.via) if spec.via is not None else None
    source = reading.source(spec.column, spec.via)
    known = source is not None and not source.doubtful("type")
    if source is not None and known and (source.type.array or source.type.name not in MOMENTS):
        known = False
        reading.report.add(
            (*reading.path, "column"),
            f"{shown(source.name)} is {source.type}; use a date, timestamp or timestamptz",
        )
    delays = _delays_fit(spec, reading)
    end = None
    if spec.end is not None:
        end = read_moment(spec.end, reading, "end")
        if end is None:
            return None
        end *= DAY if reading.type.name is TypeName.DATE else 1
    if not known or not delays or (spec.via is not None and link is None):
        return None
    return After(spec.column, link, spec.mean, spec.min, spec.max, end)


def _delays_fit(spec: AfterSpec, reading: Reading) -> bool:
    path, report = reading.path, reading.report
    fits = True
    if spec.max is not None and spec.min > spec.max:
        fits = False
        report.add((*path, "min"), "is more than max; expected at most max")
    if spec.mean == 0:
        fits = False
        report.add((*path, "mean"), "is no delay; expected more than 0s")
    elif fits and (spec.mean < spec.min or (spec.max is not None and spec.mean > spec.max)):
        fits = False
        report.add((*path, "mean"), "is outside min to max; expected a mean between them")
    return fits


AFTER = KindEntry(
    key="after",
    spec=AfterSpec,
    kind=After,
    fits=MOMENTS,
    read=_read,
    says="A time after another column's.",
    # The moment is any of the first half of 2024, and hardly any delay has a day.
    example=Example(
        "timestamp",
        {"column": "moment", "mean": "2h", "max": "1d"},
        mean=1_711_893_599e6,
        deviation=4_514_423e6,
    ),
)
