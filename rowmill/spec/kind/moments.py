"""Moments and durations that a kind's parameters name, read by the column's type."""

from __future__ import annotations

from rowmill.spec.kind.reading import Reading
from rowmill.spec.paths import shown
from rowmill.spec.values.durations import parse_duration
from rowmill.spec.values.literals import read_literal
from rowmill.spec.values.types import TypeName

MOMENTS = frozenset({TypeName.DATE, TypeName.TIMESTAMP, TypeName.TIMESTAMPTZ})


def read_moment(text: str, reading: Reading, name: str) -> int | None:
    """The moment in the type's units; of an interval, microseconds. None after a problem."""
    try:
        if reading.type.name is TypeName.INTERVAL:
            return _read_duration(text)
        value = read_literal(text, reading.type)
    except ValueError as error:
        reading.report.attempt((*reading.path, name), error)
        return None
    assert isinstance(value, int)
    return value


def read_range(start: str, end: str, reading: Reading) -> tuple[int, int] | None:
    """The parameters `start` and `end` in the type's units; None after a problem."""
    first, last = read_moment(start, reading, "start"), read_moment(end, reading, "end")
    if first is None or last is None:
        return None
    if first > last:
        reading.report.add(
            (*reading.path, "start"),
            f"{shown(start)} is after the end, {shown(end)}; expected a start at or before the end",
        )
        return None
    return first, last


def _read_duration(text: str) -> int:
    try:
        return parse_duration(text)
    except ValueError as error:
        raise ValueError(f"{shown(text)} {error}") from None
