"""Dates, times and intervals as a manifest writes them, read into whole units.

Strict on purpose: one spelling each (ISO 8601), so that no reader has to guess. Years run from
1 to 9999, which Parquet's readers, Python and Postgres all hold.
"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from typing import Literal, get_args

from rowmill.spec.paths import shown
from rowmill.spec.values.durations import parse_duration

SECOND = 1_000_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR

# The days of the week, by the manifest's names for them.
WeekdayName = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
WEEKDAY_NAMES: tuple[WeekdayName, ...] = get_args(WeekdayName)

MIN_DATE = date.min.toordinal() - date(1970, 1, 1).toordinal()
MAX_DATE = date.max.toordinal() - date(1970, 1, 1).toordinal()
MIN_TIMESTAMP = MIN_DATE * DAY
MAX_TIMESTAMP = MAX_DATE * DAY + DAY - 1

# Arrow counts the time of an interval in nanoseconds of 64 bits.
_MAX_INTERVAL_TIME = (2**63 - 1) // 1000
_ISO_DATE = {"years": "Y", "months": "M", "weeks": "W", "days": "D"}
_ISO_TIME = {"hours": "H", "minutes": "M"}
_ISO = re.compile(
    "P"
    + "".join(f"(?:(?P<{name}>[0-9]{{1,9}}){letter})?" for name, letter in _ISO_DATE.items())
    + "(?:T(?=[0-9])"
    + "".join(f"(?:(?P<{name}>[0-9]{{1,12}}){letter})?" for name, letter in _ISO_TIME.items())
    + r"(?:(?P<seconds>[0-9]{1,12}(?:\.[0-9]{1,6})?)S)?)?"
)
_TIME = (
    r"(?P<hour>[0-9]{2}):(?P<minute>[0-9]{2})(?::(?P<second>[0-9]{2})(?:\.(?P<part>[0-9]{1,6}))?)?"
)
_DATE = r"(?P<year>[0-9]{4})-(?P<month>[0-9]{2})-(?P<day>[0-9]{2})"
_ZONE = r"(?P<zone>[Zz]|[+-][0-9]{2}(?::?[0-9]{2})?)"
_DATES = re.compile(_DATE)
_TIMES = re.compile(_TIME)
_TIMESTAMPS = re.compile(rf"{_DATE}(?:[Tt ]{_TIME}{_ZONE}?)?")


def parse_interval(text: str) -> tuple[int, int, int]:
    """(months, days, microseconds) of `90d`, `1h30m`, or ISO 8601 such as `P1Y2M3DT4H`.

    A leading minus makes all three negative.

    Raises:
        ValueError: with a message that says what would be right.
    """
    bare = text.strip()
    sign = -1 if bare.startswith("-") else 1
    bare = bare.removeprefix("-")
    months, days, micros = _iso_interval(bare) if bare.startswith("P") else _short_interval(bare)
    if max(months, days) > 2**31 - 1 or micros > _MAX_INTERVAL_TIME:
        raise ValueError(f"{shown(text)} is too long for an interval; use a shorter one")
    return sign * months, sign * days, sign * micros


def parse_date(text: str) -> int:
    """Days since 1970-01-01 of `YYYY-MM-DD`; raises ValueError saying what would be right."""
    match = _DATES.fullmatch(text.strip())
    if match is None:
        raise ValueError(f"{shown(text)} is no date; use, for example, 2024-02-29")
    return _day(text, match)


def parse_time(text: str) -> int:
    """Microseconds since midnight of `HH:MM[:SS[.ffffff]]`; raises ValueError."""
    match = _TIMES.fullmatch(text.strip())
    if match is None:
        raise ValueError(f"{shown(text)} is no time of day; use, for example, 08:30:00")
    return _clock(text, match)


def parse_timestamp(text: str, zoned: bool) -> int:
    """Microseconds since 1970-01-01 (UTC if `zoned`) of an ISO 8601 timestamp or date.

    A zoned one without an offset is read as UTC; an unzoned one must have none.

    Raises:
        ValueError: with a message that says what would be right.
    """
    match = _TIMESTAMPS.fullmatch(text.strip())
    example = "2024-02-29T08:30:00Z" if zoned else "2024-02-29T08:30:00"
    if match is None:
        raise ValueError(f"{shown(text)} is no timestamp; use, for example, {example}")
    zone = match["zone"]
    if zone and not zoned:
        raise ValueError(
            f"{shown(text)} has a time zone, a timestamp column has none; "
            "leave it out or make the column timestamptz"
        )
    micros = _day(text, match) * DAY + (_clock(text, match) if match["hour"] else 0)
    micros -= _offset(text, zone) if zone else 0
    if not MIN_TIMESTAMP <= micros <= MAX_TIMESTAMP:
        raise ValueError(
            f"{shown(text)} is outside the years 1 to 9999 in UTC; use a moment inside them"
        )
    return micros


def format_timestamp(micros: int, zoned: bool) -> str:
    """The timestamp as the manifest writes it, for messages."""
    moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=micros)
    return moment.replace(tzinfo=None).isoformat() + ("Z" if zoned else "")


def _short_interval(text: str) -> tuple[int, int, int]:
    try:
        micros = parse_duration(text)
    except ValueError:
        raise ValueError(
            f"{shown(text)} is no interval; use, for example, 90d, 1h30m or P1Y2M3DT4H"
        ) from None
    return 0, micros // DAY, micros % DAY


def _iso_interval(text: str) -> tuple[int, int, int]:
    match = _ISO.fullmatch(text)
    if match is None or not any(match.groupdict().values()):
        raise ValueError(f"{shown(text)} is no ISO 8601 interval; use, say, P1Y2M3DT4H or PT0.5S")
    amount = {name: value or "0" for name, value in match.groupdict().items()}
    months = int(amount["years"]) * 12 + int(amount["months"])
    days = int(amount["weeks"]) * 7 + int(amount["days"])
    micros = int(amount["hours"]) * HOUR + int(amount["minutes"]) * MINUTE
    whole, _, part = amount["seconds"].partition(".")
    return months, days, micros + int(whole) * SECOND + int(part.ljust(6, "0"))


def _day(text: str, match: re.Match[str]) -> int:
    try:
        found = date(int(match["year"]), int(match["month"]), int(match["day"]))
    except ValueError as error:
        raise ValueError(f"{shown(text)} is no date ({error}); expected a real day") from None
    return found.toordinal() - date(1970, 1, 1).toordinal()


def _clock(text: str, match: re.Match[str]) -> int:
    hour, minute, second = int(match["hour"]), int(match["minute"]), int(match["second"] or 0)
    if hour > 23 or minute > 59 or second > 59:
        raise ValueError(f"{shown(text)} is past 23:59:59.999999; use a time of day")
    part = int((match["part"] or "").ljust(6, "0"))
    return hour * HOUR + minute * MINUTE + second * SECOND + part


def _offset(text: str, zone: str) -> int:
    if zone in "Zz":
        return 0
    digits = zone[1:].replace(":", "").ljust(4, "0")
    if int(digits[2:]) > 59 or int(digits[:2]) > 15:
        raise ValueError(f"{shown(text)} has no real time zone; use Z or, say, +02:00")
    micros = int(digits[:2]) * HOUR + int(digits[2:]) * MINUTE
    return -micros if zone.startswith("-") else micros
