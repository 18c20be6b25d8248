"""The kind `weekday`: a date on one of the given days of the week."""

from __future__ import annotations

from dataclasses import dataclass
from math import log2
from typing import TYPE_CHECKING, ClassVar

from rowmill.spec.kind.base import OwnKind
from rowmill.spec.kind.entry import Example, KindEntry, Parameters, parameter
from rowmill.spec.kind.moments import read_range
from rowmill.spec.kind.reading import Reading
from rowmill.spec.paths import shown
from rowmill.spec.values.moments import WEEKDAY_NAMES
from rowmill.spec.values.types import ColumnType, Number, TypeName

if TYPE_CHECKING:
    from rowmill.spec.fields import Days, Text

# 1970-01-01, day 0, was a Thursday.
_DAY_0 = WEEKDAY_NAMES.index("thu")


class WeekdaySpec(Parameters):
    """A date on one of the given days of the week, each such date as likely."""

    days: Days = parameter("The days of the week, in any order.", WEEKDAY_NAMES[:5])
    start: Text = parameter("The earliest date, inclusive.")
    end: Text = parameter("The latest date, inclusive.")


@dataclass(frozen=True)
class Weekday(OwnKind):
    """The dates from `start` to `end` on `days`: ascending, 0 is Monday; there is at least one."""

    key: ClassVar[str] = "weekday"

    days: tuple[int, ...]
    start: int
    end: int

    @property
    def week(self) -> tuple[int, ...]:
        """The days from start to the first of each of `days`: all dates are these, by weeks."""
        return tuple(sorted((day - _DAY_0 - self.start) % 7 for day in self.days))

    @property
    def count(self) -> int:
        """How many dates there are."""
        room = self.end - self.start
        return sum((room - first) // 7 + 1 for first in self.week)

    def domain(self, column_type: ColumnType, data_version: int) -> int | None:
        """The dates from start to end."""
        return self.count

    def more_values(self, rows: int, column_type: ColumnType, data_version: int) -> str:
        """Its range and its days are what bounds it."""
        return "a wider range" if len(self.days) == 7 else "a wider range or more days"

    def span(self, rows: int, most_children: int | None) -> tuple[Number, Number] | None:
        """The first and the last of the dates."""
        weeks, place = divmod(self.count - 1, len(self.days))
        return self.start + self.week[0], self.start + 7 * weeks + self.week[place]

    def bits(self, column_type: ColumnType) -> float:
        """Each date is as likely."""
        return log2(self.count)


def _read(spec: WeekdaySpec, reading: Reading) -> Weekday | None:
    bounds = read_range(spec.start, spec.end, reading)
    twice = [day for day in dict.fromkeys(spec.days) if spec.days.count(day) > 1]
    if twice:
        reading.report.add(
            (*reading.path, "days"), f"has {', '.join(twice)} twice; expected each day once"
        )
    if bounds is None or twice:
        return None
    kind = Weekday(tuple(map(WEEKDAY_NAMES.index, spec.days)), *bounds)
    if kind.count == 0:
        reading.report.add(
            reading.path,
            f"has no {' or '.join(spec.days)} from {shown(spec.start)} to {shown(spec.end)}; "
            "use a wider range or other days",
        )
        return None
    return kind


WEEKDAY = KindEntry(
    key="weekday",
    spec=WeekdaySpec,
    kind=Weekday,
    fits=frozenset({TypeName.DATE}),
    read=_read,
    says="A date on one of the given days of the week.",
    example=Example(
        "date",
        {"days": ["mon", "fri"], "start": "2024-01-01", "end": "2024-12-31"},
        mean=19_905.25,
        deviation=106.08,
    ),
)
