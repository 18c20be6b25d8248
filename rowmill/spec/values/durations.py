"""Durations as the manifest writes them (`90d`, `1h30m`, `250ms`), and in microseconds."""

from __future__ import annotations

import re
from decimal import Decimal

# The CRD's pattern, so that command line and API server refuse the same texts.
PATTERN = r"^([0-9]+(\.[0-9]+)?(ms|s|m|h|d))+$"
MAX_LENGTH = 64
EXAMPLES = "90d, 1h30m, 5s or 250ms"
# Postgres holds no interval or timestamp that is longer: int64 microseconds.
LONGEST = 2**63 - 1

_WHOLE = re.compile(PATTERN)
_PART = re.compile(r"([0-9]+(?:\.[0-9]+)?)(ms|s|m|h|d)")
_MICROSECONDS = {
    "ms": 1_000,
    "s": 1_000_000,
    "m": 60_000_000,
    "h": 3_600_000_000,
    "d": 86_400_000_000,
}


def parse_duration(text: str) -> int:
    """Read a duration, exactly, into microseconds.

    Raises:
        ValueError: with a message for the manifest's author that says what would be right.
    """
    if len(text) > MAX_LENGTH or _WHOLE.fullmatch(text) is None:
        raise ValueError(f"is no duration; write for example {EXAMPLES}")
    total = sum(
        (Decimal(amount) * _MICROSECONDS[unit] for amount, unit in _PART.findall(text)), Decimal()
    )
    if total != total.to_integral_value():
        raise ValueError("is finer than a microsecond, the smallest step of a timestamp")
    if total > LONGEST:
        raise ValueError("is too long a duration; the longest is 106751991 days")
    return int(total)


def duration_text(microseconds: int) -> str:
    """A duration of so many microseconds, none or more, in as few units as tell it exactly."""
    text = ""
    for unit in ("d", "h", "m", "s"):
        amount, microseconds = divmod(microseconds, _MICROSECONDS[unit])
        text += f"{amount}{unit}" if amount else ""
    if microseconds:
        text += f"{Decimal(microseconds) / _MICROSECONDS['ms']:f}ms"
    return text or "0s"
