"""Literals: the integers and strings of a manifest, read by the type of their column."""

from __future__ import annotations

import json
import math
import struct
import uuid
from collections.abc import Callable
from decimal import Context, Decimal, InvalidOperation
from typing import Any

from rowmill.counting import counted
from rowmill.spec.paths import shown
from rowmill.spec.values import moments
from rowmill.spec.values.inet import canonical_inet
from rowmill.spec.values.jsonb import canonical_jsonb
from rowmill.spec.values.types import INTEGER_RANGES, ColumnType, Literal, TypeName

# More digits than any number that a column holds: exact where the default context rounds.
_EXACT = Context(prec=2100)
# Longer numbers fit no type; reading them digit by digit would only take time.
_LONGEST_NUMBER = 1000


def read_literal(value: int | str, column_type: ColumnType) -> Literal:
    """The value in the units of `Literal`; of an array column, a JSON array of such values.

    Raises:
        ValueError: with a message for the manifest's author that says what would be right.
    """
    if column_type.array:
        return _array(value, column_type)
    return _READERS[column_type.name](str(value), column_type)


def check_text(text: str, column_type: ColumnType) -> None:
    """Refuse text that the column cannot hold; raises ValueError as `read_literal` does."""
    if "\0" in text:
        raise ValueError("holds a NUL character, which Postgres cannot store; leave it out")
    if any("\ud800" <= c <= "\udfff" for c in text):
        raise ValueError(f"{shown(text)} holds half a surrogate pair; write the character itself")
    if column_type.length is not None and len(text) > column_type.length:
        raise ValueError(
            f"{shown(text)} has {counted(len(text), 'character')}, more than {column_type} holds; "
            f"expected at most {column_type.length}, or a longer column"
        )


def _boolean(text: str, _: ColumnType) -> Literal:
    if text not in ("true", "false"):
        raise ValueError(f'{shown(text)} is no boolean; use "true" or "false"')
    return text == "true"


def _integer(text: str, column_type: ColumnType) -> Literal:
    number = _decimal(text, column_type)
    if number != number.to_integral_value():
        raise ValueError(f"{shown(text)} is no whole number; use one, or numeric(p,s)")
    low, high = INTEGER_RANGES[column_type.name]
    if not low <= number <= high:
        raise ValueError(
            f"{shown(text)} is outside the range of {column_type}; expected {low} to {high}"
        )
    return int(number)


def _float(text: str, column_type: ColumnType) -> Literal:
    number: float = float(_decimal(text, column_type))
    if column_type.name is TypeName.REAL and math.isfinite(number):
        try:
            (number,) = struct.unpack("<f", struct.pack("<f", number))
        except OverflowError:
            number = math.inf
    if not math.isfinite(number):
        raise ValueError(f"{shown(text)} is too large for {column_type}; use a smaller one")
    return number


def _numeric(text: str, column_type: ColumnType) -> Literal:
    return fit_numeric(_decimal(text, column_type), column_type)


def fit_numeric(number: Decimal, column_type: ColumnType) -> Decimal:
    """The number with exactly the scale of a numeric column.

    Raises:
        ValueError: it has more digits, before or after the point, than the column holds.
    """
    scale, precision = column_type.scale or 0, column_type.precision or 0
    exponent = number.normalize(_EXACT).as_tuple().exponent
    if isinstance(exponent, int) and -exponent > scale:
        raise ValueError(
            f"{shown(str(number))} has more decimals than {column_type} holds; "
            "round it, or use a column of a larger scale"
        )
    units = int(number.scaleb(scale, _EXACT))
    if abs(units) >= 10**precision:
        raise ValueError(
            f"{shown(str(number))} is outside the range of {column_type}; "
            f"expected at most {counted(precision - scale, 'digit')} before the point"
        )
    return Decimal(units).scaleb(-scale, _EXACT)


def _text(text: str, column_type: ColumnType) -> Literal:
    # Spaces at the end are no part of a char(n)'s value, in Postgres as here.
    value = text.rstrip(" ") if column_type.name is TypeName.CHAR else text
    check_text(value, column_type)
    return value


def _date(text: str, _: ColumnType) -> Literal:
    return moments.parse_date(text)


def _time(text: str, _: ColumnType) -> Literal:
    return moments.parse_time(text)


def _timestamp(text: str, column_type: ColumnType) -> Literal:
    return moments.parse_timestamp(text, zoned=column_type.name is TypeName.TIMESTAMPTZ)


def _interval(text: str, _: ColumnType) -> Literal:
    return moments.parse_interval(text)


def _uuid(text: str, _: ColumnType) -> Literal:
    try:
        return str(uuid.UUID(text))
    except ValueError:
        raise ValueError(
            f"{shown(text)} is no UUID; expected 32 hexadecimal digits, "
            "for example 123e4567-e89b-12d3-a456-426614174000"
        ) from None


def _json(text: str, column_type: ColumnType) -> Literal:
    check_text(text, column_type)
    try:
        json.loads(text, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise ValueError(
            f"{shown(text)} is no JSON ({error}); use, for example, "
            "'{\"a\": 1}' (text in it keeps its own double quotes)"
        ) from None
    return text


def _jsonb(text: str, column_type: ColumnType) -> Literal:
    return canonical_jsonb(str(_json(text, column_type)))


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is no JSON number")


def _bytea(text: str, _: ColumnType) -> Literal:
    try:
        if not text.startswith("\\x"):
            raise ValueError
        return bytes.fromhex(text[2:])
    except ValueError:
        raise ValueError(
            f"{shown(text)} is no bytea; use hexadecimal digits, say '\\xdeadbeef'"
        ) from None


def _inet(text: str, _: ColumnType) -> Literal:
    return canonical_inet(text)


def _array(value: int | str, column_type: ColumnType) -> Literal:
    wanted = f"{shown(str(value))} is no array; use a JSON array, for example '[1, 2]'"
    try:
        elements = json.loads(str(value), parse_float=str, parse_int=str)
    except (ValueError, RecursionError):
        raise ValueError(wanted) from None
    if not isinstance(elements, list):
        raise ValueError(wanted)
    return tuple(_element(element, column_type) for element in elements)


def _element(element: object, column_type: ColumnType) -> Literal:
    if isinstance(element, bool):
        element = "true" if element else "false"
    if not isinstance(element, str):
        raise ValueError(
            f"{shown(json.dumps(element))} is no element of {column_type}; "
            "use numbers, true, false or quoted text"
        )
    return read_literal(element, column_type.element)


def _decimal(text: str, column_type: ColumnType) -> Decimal:
    try:
        number = Decimal(text.strip())
    except InvalidOperation:
        number = Decimal("NaN")
    # An underscore or a full-width digit is a number to Python alone.
    plain = text.isascii() and "_" not in text and len(text) <= _LONGEST_NUMBER
    if not number.is_finite() or not plain or abs(number.adjusted()) > _LONGEST_NUMBER:
        raise ValueError(f"{shown(text)} is no number that {column_type} gets; use a finite one")
    return number


_READERS: dict[TypeName, Callable[[str, ColumnType], Literal]] = {
    TypeName.BOOLEAN: _boolean,
    TypeName.SMALLINT: _integer,
    TypeName.INTEGER: _integer,
    TypeName.BIGINT: _integer,
    TypeName.REAL: _float,
    TypeName.DOUBLE: _float,
    TypeName.NUMERIC: _numeric,
    TypeName.TEXT: _text,
    TypeName.VARCHAR: _text,
    TypeName.CHAR: _text,
    TypeName.DATE: _date,
    TypeName.TIME: _time,
    TypeName.TIMESTAMP: _timestamp,
    TypeName.TIMESTAMPTZ: _timestamp,
    TypeName.INTERVAL: _interval,
    TypeName.UUID: _uuid,
    TypeName.JSON: _json,
    TypeName.JSONB: _jsonb,
    TypeName.BYTEA: _bytea,
    TypeName.INET: _inet,
}
