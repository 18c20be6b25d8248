"""Arrow values as plain ones: what Postgres would print, in JSON's types."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pyarrow as pa

_MONTHS_IN_YEAR = 12


def plain_values(column: pa.Array) -> list[Any]:
    """The column's values as None, bool, int, float, str or lists of these."""
    kind = column.type
    if pa.types.is_dictionary(kind):
        return plain_values(column.cast(kind.value_type))
    if pa.types.is_list(kind):
        return [None if not item.is_valid else plain_values(item.values) for item in column]
    return [_plain(value, kind) for value in column.to_pylist()]


def _plain(value: Any, kind: pa.DataType) -> Any:
    if value is None or isinstance(value, bool | int | float):
        return value
    if pa.types.is_fixed_size_binary(kind):
        return str(UUID(bytes=value))
    if isinstance(value, bytes):
        return "\\x" + value.hex()
    if isinstance(value, pa.MonthDayNano):
        return _interval(value)
    return str(value)


def _interval(value: pa.MonthDayNano) -> str:
    """As Postgres prints it: 1 year 2 mons 3 days 04:05:06.7."""
    years, months = divmod(abs(value.months), _MONTHS_IN_YEAR)
    sign = -1 if value.months < 0 else 1
    pieces = [
        _piece(sign * years, "year"),
        _piece(sign * months, "mon"),
        _piece(value.days, "day"),
    ]
    micros = value.nanoseconds // 1000
    if micros or not any(pieces):
        pieces.append(_clock(micros))
    return " ".join(filter(None, pieces))


def _piece(number: int, unit: str) -> str:
    return f"{number} {unit}{'' if number == 1 else 's'}" if number else ""


def _clock(micros: int) -> str:
    seconds, rest = divmod(abs(micros), 1_000_000)
    text = f"{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}"
    fraction = f".{rest:06d}".rstrip("0") if rest else ""
    return ("-" if micros < 0 else "") + text + fraction
