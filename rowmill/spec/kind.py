"""Kinds of cells as plain data: what a column generates, every parameter filled in and typed.

The manifest's `generate` members resolve to these. Bounds are in the units of the column's type:
integers as they are, numerics as `Decimal`, floats as `float`, dates as days since 1970-01-01,
times as microseconds since midnight, timestamps as microseconds since 1970-01-01 (UTC), intervals
as microseconds.

Every class has a `key`, by which versions and messages know it. A class may be renamed, a key not.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import ClassVar

# A literal of the manifest, read by its column's type: bool, int, Decimal, float or str; dates,
# times and timestamps are ints in the units above; interval is (months, days, microseconds);
# uuid, json, inet are canonical text; bytea is bytes; of an array column, a tuple of these.
Literal = bool | int | float | Decimal | str | bytes | tuple["Literal", ...]
Number = int | float | Decimal


@dataclass(frozen=True)
class Sequence:
    """`start + step x row`."""

    key: ClassVar[str] = "sequence"

    start: int
    step: int


@dataclass(frozen=True)
class Ordinal:
    """1, 2, 3 ... within the row's parent (rowsPer tables)."""

    key: ClassVar[str] = "ordinal"


@dataclass(frozen=True)
class Uniform:
    """`integer` and `number`: uniform on [min, max], both inclusive.

    `decimals` is the number of decimal digits; None means a continuous float.
    """

    key: ClassVar[str] = "uniform"

    min: Number
    max: Number
    decimals: int | None


@dataclass(frozen=True)
class Boolean:
    key: ClassVar[str] = "boolean"

    probability: float


@dataclass(frozen=True)
class Choice:
    """One of `values`; `weights` are integers proportional to the manifest's, or None: equal."""

    key: ClassVar[str] = "choice"

    values: tuple[Literal, ...]
    weights: tuple[int, ...] | None


@dataclass(frozen=True)
class Between:
    """`start`, `start + resolution`, ... up to `end`, in the units of the type."""

    key: ClassVar[str] = "between"

    start: int
    end: int
    resolution: int


@dataclass(frozen=True)
class After:
    """`column`'s value (of this row, or through the link `via` of the parent's) plus a delay.

    The delay is exponential with `mean`, truncated to [min, max]; the result is at most `end`.
    Everything in microseconds, for date columns rounded down to days after adding.
    """

    key: ClassVar[str] = "after"

    column: str
    via: str | None
    mean: int
    min: int
    max: int | None
    end: int | None


@dataclass(frozen=True)
class Normal:
    key: ClassVar[str] = "normal"

    mean: float
    stddev: float
    min: Number | None
    max: Number | None


@dataclass(frozen=True)
class Lognormal:
    key: ClassVar[str] = "lognormal"

    mu: float
    sigma: float
    min: Number | None
    max: Number | None


@dataclass(frozen=True)
class Exponential:
    key: ClassVar[str] = "exponential"

    mean: float
    min: Number | None
    max: Number | None


@dataclass(frozen=True)
class Poisson:
    key: ClassVar[str] = "poisson"

    mean: float
    min: int | None
    max: int | None


@dataclass(frozen=True)
class Beta:
    key: ClassVar[str] = "beta"

    alpha: float
    beta: float
    min: Number
    max: Number


@dataclass(frozen=True)
class Zipf:
    """Ranks 1 to `ranks`, rank r with weight r ** -exponent."""

    key: ClassVar[str] = "zipf"

    exponent: float
    ranks: int


@dataclass(frozen=True)
class Uuid:
    key: ClassVar[str] = "uuid"

    version: int


@dataclass(frozen=True)
class Faker:
    """A draw from a pool of `pool` distinct values of a Faker provider.

    Columns of one `entity` in one table draw by the same index: one coherent person a row.
    """

    key: ClassVar[str] = "faker"

    provider: str
    args: tuple[tuple[str, int | str], ...]
    locale: str
    pool: int
    entity: str


@dataclass(frozen=True)
class Field:
    """`{column|filter:argument}`; the filter is None, slug, upper, lower, title or pad."""

    column: str
    filter: str | None
    argument: int | None


@dataclass(frozen=True)
class Template:
    key: ClassVar[str] = "template"

    parts: tuple[str | Field, ...]


@dataclass(frozen=True)
class Pattern:
    key: ClassVar[str] = "pattern"

    pattern: str


@dataclass(frozen=True)
class Constant:
    key: ClassVar[str] = "constant"

    value: Literal


@dataclass(frozen=True)
class Parent:
    """The value that the parent's row has in `column`; `via` names the link."""

    key: ClassVar[str] = "parent"

    via: str
    column: str


@dataclass(frozen=True)
class Reference:
    """The parent's key: the value of `column` in the row that the link `via` picked."""

    key: ClassVar[str] = "reference"

    via: str
    column: str


@dataclass(frozen=True)
class Array:
    """`min` to `max` (uniform) elements, each made by `of`; the column's type is the array type."""

    key: ClassVar[str] = "array"

    of: Kind
    min: int
    max: int


Kind = (
    Sequence
    | Ordinal
    | Uniform
    | Boolean
    | Choice
    | Between
    | After
    | Normal
    | Lognormal
    | Exponential
    | Poisson
    | Beta
    | Zipf
    | Uuid
    | Faker
    | Template
    | Pattern
    | Constant
    | Parent
    | Reference
    | Array
)
