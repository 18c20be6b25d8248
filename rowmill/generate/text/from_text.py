"""Texts read into a column's type: for pools and patterns of columns that are not texts."""

from __future__ import annotations

import json
from collections.abc import Callable
from decimal import ROUND_HALF_EVEN, Context, Decimal, InvalidOperation
from typing import Any
from uuid import UUID

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from rowmill.generate.arrow_types import arrow_type
from rowmill.spec.values.inet import canonical_inet
from rowmill.spec.values.jsonb import canonical_jsonb
from rowmill.spec.values.types import FLOATS, INTEGER_RANGES, STRINGS, ColumnType, TypeName

_Reader = Callable[[str], Any]
# More digits than any numeric(p,s) and provider has.
_EXACT = Context(prec=200, rounding=ROUND_HALF_EVEN, traps=[InvalidOperation])


def from_text(texts: pa.Array, column_type: ColumnType) -> pa.Array:
    """The texts as values of the type, row by row; null where one doesn't fit the type.

    Texts longer than varchar(n) or char(n) don't fit, nor those of a char that end in a space,
    which Postgres would not give back. Numerics are rounded half to even.
    """
    if column_type.name in STRINGS:
        return _fitting(texts, column_type)
    encoded = texts.dictionary_encode()
    read = _reader(column_type)
    values = [_or_none(read, text) for text in encoded.dictionary.to_pylist()]
    return pa.array(values, type=arrow_type(column_type)).take(encoded.indices)


def _or_none(read: _Reader, text: str) -> Any:
    try:
        return read(text)
    except (ValueError, InvalidOperation):
        return None


def _reader(column_type: ColumnType) -> _Reader:
    name = column_type.name
    if name in INTEGER_RANGES:
        return _integer(*INTEGER_RANGES[name])
    if name in FLOATS:
        return float if name is TypeName.DOUBLE else lambda text: float(np.float32(text))
    if name is TypeName.NUMERIC:
        assert column_type.precision is not None
        assert column_type.scale is not None
        return _numeric(column_type.precision, column_type.scale)
    if name in _READERS:
        return _READERS[name]
    raise ValueError(f"a column of type {column_type} cannot hold texts; make it a text column")


def _fitting(texts: pa.Array, column_type: ColumnType) -> pa.Array:
    texts = texts.cast(arrow_type(column_type))
    if column_type.length is not None:
        short = pc.less_equal(pc.utf8_length(texts), column_type.length)
        texts = pc.if_else(short, texts, None)
    if column_type.name is TypeName.CHAR:
        texts = pc.if_else(pc.ends_with(texts, " "), None, texts)
    return texts


def _integer(low: int, high: int) -> _Reader:
    def read(text: str) -> int:
        value = int(text)
        if not low <= value <= high:
            raise ValueError
        return value

    return read


def _numeric(precision: int, scale: int) -> _Reader:
    def read(text: str) -> Decimal:
        value = _EXACT.create_decimal(text)
        if not value.is_finite():
            raise ValueError
        value = _EXACT.quantize(value, Decimal(1).scaleb(-scale))
        if value.adjusted() >= precision - scale and value:
            raise ValueError
        return value

    return read


def _boolean(text: str) -> bool:
    if text not in ("true", "false"):
        raise ValueError
    return text == "true"


def _json(text: str) -> str:
    json.loads(text)
    return text


_READERS: dict[TypeName, _Reader] = {
    TypeName.BOOLEAN: _boolean,
    TypeName.UUID: lambda text: UUID(text).bytes,
    TypeName.JSON: _json,
    TypeName.JSONB: canonical_jsonb,
    TypeName.INET: canonical_inet,
    TypeName.BYTEA: str.encode,
}
