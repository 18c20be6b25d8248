"""Values of any type as text, as Postgres casts them to text: for templates."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from rowmill.generate.arrow_types import arrow_type
from rowmill.spec.values.types import FLOATS, STRINGS, ColumnType, TypeName

_DASHES = (8, 13, 18, 23)
_HEX = np.frombuffer(b"".join(b"%02x" % byte for byte in range(256)), dtype=np.uint16)
# Digits before Postgres turns to an exponent: DBL_DIG and FLT_DIG.
_DIGITS = {TypeName.DOUBLE: 15, TypeName.REAL: 6}


def to_text(values: pa.Array, column_type: ColumnType) -> pa.Array:
    """The values as text; nulls stay. Of a dictionary array the dictionary is rendered alone.

    Times end without trailing zeros, timestamps with time zone are shown in UTC (`+00`), booleans
    are `true` and `false`, bytes `\\x` and hexadecimal digits; inet without `/32` or `/128`.
    """
    if isinstance(values, pa.DictionaryArray):
        return to_text(values.dictionary, column_type).take(values.indices)
    if column_type.array:
        return _each(values, lambda items: _array(items, column_type.element))
    name = column_type.name
    if name in STRINGS or name in (TypeName.JSON, TypeName.JSONB, TypeName.INET):
        return values
    if name in FLOATS:
        return _floats(values, _DIGITS[name])
    if name in _RENDERERS:
        return _RENDERERS[name](values)
    # Integers, booleans and dates, which Arrow and Postgres print alike.
    return values.cast(pa.string())


def uuid_texts(raw: np.ndarray[Any, np.dtype[np.uint8]]) -> pa.Array:
    """UUIDs, rows by 16 bytes, as lower-case text of 36 characters."""
    digits = _HEX[raw].view(np.uint8).reshape(len(raw), 32)
    texts = np.full((len(raw), 36), ord("-"), dtype=np.uint8)
    starts = [0, *(place + 1 for place in _DASHES)]
    taken = 0
    for start, end in zip(starts, [*_DASHES, 36], strict=True):
        texts[:, start:end] = digits[:, taken : taken + end - start]
        taken += end - start
    offsets = np.arange(0, 36 * len(raw) + 1, 36, dtype=np.int32)
    return pa.StringArray.from_buffers(len(raw), pa.py_buffer(offsets), pa.py_buffer(texts))


def _each(values: pa.Array, render: Callable[[Any], str]) -> pa.Array:
    texts = [None if value is None else render(value) for value in values.to_pylist()]
    return pa.array(texts, type=pa.string())


def _numeric(values: pa.Array) -> pa.Array:
    texts = values.cast(pa.string())
    exponents = pc.match_substring(texts, "E")
    if pc.any(exponents).as_py():
        return _each(values, lambda number: f"{number:f}")
    return texts


def _floats(values: pa.Array, digits: int) -> pa.Array:
    shortest = np.float32 if digits == _DIGITS[TypeName.REAL] else float
    return _each(values, lambda number: _float(str(shortest(number)), digits))


def _float(shortest: str, digits: int) -> str:
    """The shortest digits that read back as the number, in Postgres's notation."""
    number = Decimal(shortest)
    if not number.is_finite():
        return {"inf": "Infinity", "-inf": "-Infinity"}.get(shortest, "NaN")
    sign, figures, _ = number.as_tuple()
    if not any(figures):
        return "-0" if sign else "0"
    exponent = number.adjusted()
    if -4 <= exponent < digits:
        text = f"{number:f}"
        return text.rstrip("0").rstrip(".") if "." in text else text
    mantissa = f"{number.scaleb(-exponent).normalize():f}"
    return f"{mantissa}e{'-' if exponent < 0 else '+'}{abs(exponent):02d}"


def _without_zeros(texts: pa.Array) -> pa.Array:
    """`12:30:00.500000` as `12:30:00.5`: Arrow always prints six digits after the point."""
    return pc.ascii_rtrim(pc.ascii_rtrim(texts, "0"), ".")


def _timestamps(values: pa.Array) -> pa.Array:
    return _without_zeros(values.cast(pa.timestamp("us")).cast(pa.string()))


def _timestamps_with_zone(values: pa.Array) -> pa.Array:
    return pc.binary_join_element_wise(_timestamps(values), "+00", "")


def _uuids(values: pa.Array) -> pa.Array:
    filled = values.fill_null(bytes(16)) if values.null_count else values
    raw = np.frombuffer(filled.buffers()[1], dtype=np.uint8)
    here = raw.reshape(-1, 16)[filled.offset : filled.offset + len(filled)]
    texts = uuid_texts(here)
    return pc.if_else(values.is_valid(), texts, None) if values.null_count else texts


def _interval(value: pa.MonthDayNano) -> str:
    years, months = divmod(abs(value.months), 12)
    if value.months < 0:
        years, months = -years, -months
    parts = []
    negative_before = False
    for count, unit in ((years, "year"), (months, "mon"), (value.days, "day")):
        if count:
            plus = "+" if negative_before and count > 0 else ""
            parts.append(f"{plus}{count} {unit}{'' if count == 1 else 's'}")
            negative_before = count < 0
    microseconds = value.nanoseconds // 1000
    if microseconds or not parts:
        sign = "-" if microseconds < 0 else "+" if negative_before else ""
        seconds, rest = divmod(abs(microseconds), 1_000_000)
        clock = f"{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}"
        parts.append(sign + (f"{clock}.{rest:06d}".rstrip("0") if rest else clock))
    return " ".join(parts)


def _array(items: list[Any], element: ColumnType) -> str:
    if element.name is TypeName.BOOLEAN:
        texts = [None if item is None else "t" if item else "f" for item in items]
    else:
        # One list at a time: arrays in templates are rare.
        texts = to_text(pa.array(items, type=arrow_type(element)), element).to_pylist()
    return "{" + ",".join("NULL" if text is None else _quoted(text) for text in texts) + "}"


def _quoted(text: str) -> str:
    if text and text.upper() != "NULL" and not any(c in '{}," \\\t\n\r\v\f' for c in text):
        return text
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


_RENDERERS: dict[TypeName, Callable[[pa.Array], pa.Array]] = {
    TypeName.NUMERIC: _numeric,
    TypeName.TIME: lambda values: _without_zeros(values.cast(pa.string())),
    TypeName.TIMESTAMP: _timestamps,
    TypeName.TIMESTAMPTZ: _timestamps_with_zone,
    TypeName.INTERVAL: lambda values: _each(values, _interval),
    TypeName.UUID: _uuids,
    TypeName.BYTEA: lambda values: _each(values, lambda raw: "\\x" + raw.hex()),
}
