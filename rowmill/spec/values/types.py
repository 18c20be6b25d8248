"""Column types: the SQL types a manifest may name, parsed into plain data."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from decimal import Decimal
from enum import StrEnum

from rowmill.spec.paths import shown
from rowmill.spec.values.type_words import SPELLINGS, instead_of

# A literal of the manifest, read by its column's type: bool, int, Decimal, float or str; dates,
# times and timestamps are ints in the units of rowmill.spec.kind.base; interval is (months, days,
# microseconds); uuid, json, inet are canonical text; bytea is bytes; of an array column, a tuple.
Literal = bool | int | float | Decimal | str | bytes | tuple["Literal", ...]
Number = int | float | Decimal


class TypeName(StrEnum):
    """A type without its parameters, in the words of Postgres."""

    BOOLEAN = "boolean"
    SMALLINT = "smallint"
    INTEGER = "integer"
    BIGINT = "bigint"
    REAL = "real"
    DOUBLE = "double precision"
    NUMERIC = "numeric"
    TEXT = "text"
    VARCHAR = "varchar"
    CHAR = "char"
    DATE = "date"
    TIME = "time"
    TIMESTAMP = "timestamp"
    TIMESTAMPTZ = "timestamptz"
    INTERVAL = "interval"
    UUID = "uuid"
    JSON = "json"
    JSONB = "jsonb"
    BYTEA = "bytea"
    INET = "inet"


INTEGERS = frozenset({TypeName.SMALLINT, TypeName.INTEGER, TypeName.BIGINT})
FLOATS = frozenset({TypeName.REAL, TypeName.DOUBLE})
NUMBERS = INTEGERS | FLOATS | {TypeName.NUMERIC}
STRINGS = frozenset({TypeName.TEXT, TypeName.VARCHAR, TypeName.CHAR})
TIMESTAMPS = frozenset({TypeName.TIMESTAMP, TypeName.TIMESTAMPTZ})

INTEGER_RANGES: dict[TypeName, tuple[int, int]] = {
    TypeName.SMALLINT: (-(2**15), 2**15 - 1),
    TypeName.INTEGER: (-(2**31), 2**31 - 1),
    TypeName.BIGINT: (-(2**63), 2**63 - 1),
}

TIMES = TIMESTAMPS | {TypeName.TIME, TypeName.INTERVAL}

MAX_PRECISION = 38
# Binary digits of float(p): up to these it is real, and up to those double precision.
_REAL_BITS, _MOST_BITS = 24, 53
# Postgres's own limit for varchar(n) and char(n).
MAX_LENGTH = 10_485_760

# Postgres's lexer takes these for white space, and knows no others.
_SPACE = " \t\n\r\f\v"
_TOKEN = re.compile(rf"[{_SPACE}]*([A-Za-z_][A-Za-z0-9_]*|-?[0-9]+|[(),\[\]])")
# Arguments stand after the name: of a time within it, `timestamp(3) with time zone`.
_FORM = re.compile(
    r"(?P<head>[a-z]\w*(?: [a-z]\w*)*?)"
    r"(?: \( (?P<args>-?\d+(?: , -?\d+)*) \)(?P<rest>(?: [a-z]\w*)*?))?"
    r"(?P<array>(?: \[(?: \d+)? \])+| array(?: \[ \d+ \])?)?"
)
_WORDS = re.compile(r"[A-Za-z_]\w*( [A-Za-z_]\w*)*", re.ASCII)
ACCEPTED = (
    "boolean, smallint, integer, bigint, real, double precision, numeric(p,s), text, varchar(n), "
    "char(n), date, time, timestamp, timestamptz, interval, uuid, json, jsonb, bytea, inet, "
    "or an array such as text[]"
)


@dataclass(frozen=True)
class ColumnType:
    """One column's type; `length` is in characters, `precision` and `scale` in decimal digits."""

    name: TypeName
    length: int | None = None
    precision: int | None = None
    scale: int | None = None
    array: bool = False

    @property
    def element(self) -> ColumnType:
        """The type of one element of an array; of anything else, itself."""
        return replace(self, array=False)

    @property
    def sql(self) -> str:
        """The type as Postgres's DDL writes it."""
        text = self.name.value
        if self.length is not None:
            text += f"({self.length})"
        elif self.precision is not None:
            text += f"({self.precision},{self.scale})"
        return text + ("[]" if self.array else "")

    def __str__(self) -> str:
        return self.sql


_EXTREMES: dict[TypeName, tuple[ColumnType, ...]] = {
    TypeName.NUMERIC: tuple(
        ColumnType(TypeName.NUMERIC, precision=MAX_PRECISION, scale=scale)
        for scale in (0, MAX_PRECISION)
    ),
    TypeName.VARCHAR: tuple(ColumnType(TypeName.VARCHAR, length=n) for n in (1, MAX_LENGTH)),
    TypeName.CHAR: tuple(ColumnType(TypeName.CHAR, length=n) for n in (1, MAX_LENGTH)),
}
# Of every type those that hold the least and the most, and arrays of them: what is wrong with a
# value by all of these is wrong whatever its type.
SAMPLES = tuple(
    replace(kind, array=array)
    for name in TypeName
    for kind in _EXTREMES.get(name, (ColumnType(name),))
    for array in (False, True)
)


def parse_type(text: str) -> ColumnType:
    """Read a type as Postgres does: `numeric(10,2)`, `int8`, `character varying (20)`, `text[]`.

    Raises:
        ValueError: with a message for the manifest's author that says what would be right.
    """
    match = _FORM.fullmatch(_tokens(text))
    if match is None:
        begins = _WORDS.match(text)
        raise _unknown(text, begins and instead_of(begins[0].lower()))
    array = match["array"] or ""
    if array.count("[") > 1:
        raise ValueError(f"{shown(text)} is an array of arrays; use one dimension, such as text[]")
    args = [int(arg) for arg in match["args"].split(" , ")] if match["args"] else []
    written = _Written(text, match["head"] + (match["rest"] or ""), args)
    spelled = SPELLINGS.get(written.words)
    if spelled is None:
        raise _unknown(text, instead_of(written.words))
    name = TypeName(spelled)
    if name in _SIZED:
        if match["rest"]:
            raise _unknown(text, f"{name}(n)")
        return replace(_SIZED[name](written, name), array=bool(array))
    if args:
        raise ValueError(_no_size(written, name))
    return ColumnType(name, array=bool(array))


@dataclass(frozen=True)
class _Written:
    """A type as the manifest has it: the words of its name in lower case, and what they take."""

    text: str
    words: str
    args: list[int]


def _tokens(text: str) -> str:
    """The tokens in lower case with a space between two; of anything else than these, nothing."""
    found, place = [], 0
    text = text.rstrip(_SPACE)
    while match := _TOKEN.match(text, place):
        found.append(match[1].lower())
        place = match.end()
    return " ".join(found) if place == len(text) else ""


def _float(written: _Written, name: TypeName) -> ColumnType:
    if not written.args:
        return ColumnType(name)
    if written.words != "float":
        raise ValueError(_no_size(written, name))
    if len(written.args) != 1 or not 1 <= written.args[0] <= _MOST_BITS:
        raise ValueError(
            f"{shown(written.text)} is out of range: float(p) takes 1 to {_REAL_BITS} binary "
            f"digits for real, and up to {_MOST_BITS} for double precision"
        )
    return ColumnType(TypeName.REAL if written.args[0] <= _REAL_BITS else name)


def _numeric(written: _Written, name: TypeName) -> ColumnType:
    if not written.args:
        raise ValueError(
            f"{shown(written.text)} needs its digits: write numeric(p,s), for example numeric(10,2)"
        )
    precision, scale, *more = (*written.args, 0) if len(written.args) == 1 else written.args
    if more or not 1 <= precision <= MAX_PRECISION or not 0 <= scale <= precision:
        raise ValueError(
            f"{shown(written.text)} is out of range: "
            "numeric(p,s) takes 1 <= p <= 38 and 0 <= s <= p"
        )
    return ColumnType(name, precision=precision, scale=scale)


def _text(written: _Written, name: TypeName) -> ColumnType:
    if len(written.args) > 1 or (written.words == "bpchar" and not written.args):
        raise ValueError(
            f"{shown(written.text)} needs one length: write {name}(n), for example {name}(20)"
        )
    # By the SQL standard char is char(1); a varchar without a length takes any text.
    length = written.args[0] if written.args else (1 if name is TypeName.CHAR else None)
    if length is not None and not 1 <= length <= MAX_LENGTH:
        raise ValueError(f"{shown(written.text)} is out of range: the length is 1 to {MAX_LENGTH}")
    return ColumnType(name, length=length)


def _no_size(written: _Written, name: TypeName) -> str:
    if name in TIMES:
        return f"{shown(written.text)} has a precision, and cells have microseconds; use {name}"
    return f"{shown(written.text)} has a size, and {written.words} has none; use {name}"


def _unknown(text: str, right: str | None) -> ValueError:
    return ValueError(f"{shown(text)} is no column type; use {right or ACCEPTED}")


_SIZED: dict[TypeName, Callable[[_Written, TypeName], ColumnType]] = {
    TypeName.DOUBLE: _float,
    TypeName.NUMERIC: _numeric,
    TypeName.VARCHAR: _text,
    TypeName.CHAR: _text,
}


def holds(column: ColumnType, source: ColumnType) -> bool:
    """Whether every value of a column of the type `source` is one of the type `column` as it is."""
    if column == source:
        return True
    if column.array or source.array or not {column.name, source.name} <= STRINGS:
        return False
    return column.length is None or (source.length is not None and source.length <= column.length)
