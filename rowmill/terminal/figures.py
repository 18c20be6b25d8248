"""Figures as people read them: counts, sizes, durations, rates."""

from __future__ import annotations

import sys
from datetime import UTC, datetime

from rowmill.counting import counted

# Of a checksum's 32 digits or a digest's 64 so many tell two apart at a glance.
_DIGITS = 12


def count(number: float) -> str:
    """1,234,567."""
    return f"{number:,.0f}"


def count_of(rows: int, total: int | None) -> str:
    """1,234, and where fewer than planned are there: 1,234 of 5,000."""
    return count(rows) if total in (None, rows) else f"{count(rows)} of {count(total or 0)}"


def durable(rows: int, total: int) -> str:
    """70 of 100 rows durable: how far a run is, in the words of every face."""
    return f"{count(rows)} of {counted(total, 'row')} durable"


def size(number: float) -> str:
    """Bytes with a binary unit: 1.5 GiB."""
    for unit in ("B", "KiB", "MiB", "GiB", "TiB"):
        if abs(number) < 1024 or unit == "TiB":
            return f"{number:.0f} {unit}" if unit == "B" else f"{number:.1f} {unit}"
        number /= 1024
    raise AssertionError("the last unit takes everything")


def duration(seconds: float | None) -> str:
    """0.4 s, 12.3 s, 4m05s, 1h02m; an em dash when it is not known."""
    if seconds is None:
        return "—"
    if round(seconds, 1) < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes}m{rest:02d}s"
    return f"{minutes // 60}h{minutes % 60:02d}m"


def moment(time: datetime) -> str:
    """A time of the aware kind in UTC, to the minute: 2026-01-02 03:04."""
    return f"{time.astimezone(UTC):%Y-%m-%d %H:%M}"


def rate(rows_per_second: float) -> str:
    """Rows per second, at thousands in k: 412 k rows/s."""
    if rows_per_second >= 10_000:
        return f"{rows_per_second / 1000:,.0f} k rows/s"
    return f"{rows_per_second:,.0f} rows/s"


def short(checksum: str) -> str:
    """A checksum or digest cut to what tells it apart, if it is shown on a terminal."""
    if not sys.stdout.isatty():
        return checksum
    kind, colon, digits = checksum.rpartition(":")
    return kind + colon + (digits if len(digits) <= _DIGITS else digits[:_DIGITS] + "…")
