"""Column types: the SQL types a manifest may name, parsed into plain data."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from enum import StrEnum


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

MAX_PRECISION = 38
# Postgres's own limit for varchar(n) and char(n).
MAX_LENGTH = 10_485_760

_PLAIN = {
    t.value: t for t in TypeName if t not in {TypeName.NUMERIC, TypeName.VARCHAR, TypeName.CHAR}
}
_FORM = re.compile(
    r"(?P<name>[a-z]+(?: precision)?)(?:\((?P<args>[0-9]+(?:, *[0-9]+)?)\))?(?P<array>\[\])?"
)
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


def parse_type(text: str) -> ColumnType:
    """Read a type such as `numeric(10,2)` or `text[]`.

    Raises:
        ValueError: with a message for the manifest's author that says what would be right.
    """
    match = _FORM.fullmatch(text.strip().lower())
    if match is None:
        raise ValueError(f"{text!r} is no column type; right would be {ACCEPTED}")
    name, array = match["name"], match["array"] is not None
    args = [int(a) for a in match["args"].split(",")] if match["args"] else []
    if name in _PLAIN and not args:
        return ColumnType(_PLAIN[name], array=array)
    if name == "numeric":
        return _numeric(text, args, array)
    if name in ("varchar", "char"):
        return _sized(text, TypeName(name), args, array)
    raise ValueError(f"{text!r} is no column type; right would be {ACCEPTED}")


def _numeric(text: str, args: list[int], array: bool) -> ColumnType:
    if not args:
        raise ValueError(
            f"{text!r} needs its digits: write numeric(p,s), for example numeric(10,2)"
        )
    precision, scale = args[0], args[1] if len(args) == 2 else 0
    if not 1 <= precision <= MAX_PRECISION or scale > precision:
        raise ValueError(
            f"{text!r} is out of range: numeric(p,s) takes 1 <= p <= 38 and 0 <= s <= p"
        )
    return ColumnType(TypeName.NUMERIC, precision=precision, scale=scale, array=array)


def _sized(text: str, name: TypeName, args: list[int], array: bool) -> ColumnType:
    if len(args) != 1:
        raise ValueError(f"{text!r} needs one length: write {name}(n), for example {name}(20)")
    if not 1 <= args[0] <= MAX_LENGTH:
        raise ValueError(f"{text!r} is out of range: the length is 1 to {MAX_LENGTH}")
    return ColumnType(name, length=args[0], array=array)
