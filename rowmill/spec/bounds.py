"""Bounds of numbers: what a column's type can hold, and [min, max] in its own units."""

from __future__ import annotations

from decimal import ROUND_CEILING, ROUND_FLOOR, Context, Decimal
from math import ceil, floor

from rowmill.spec.paths import Path
from rowmill.spec.report import Report
from rowmill.spec.values.types import INTEGER_RANGES, INTEGERS, ColumnType, Number, TypeName

# Up to these a float holds every integer.
EXACT_INTEGERS = {TypeName.REAL: 2**24, TypeName.DOUBLE: 2**53}
_LARGEST_FLOAT = {
    TypeName.REAL: Decimal("3.4028234663852886e38"),
    TypeName.DOUBLE: Decimal("1.7976931348623157e308"),
}
_EXACT = Context(prec=2100)


def type_limits(column_type: ColumnType) -> tuple[Decimal, Decimal]:
    """The smallest and the largest value of a number's type."""
    if column_type.name in INTEGERS:
        low, high = INTEGER_RANGES[column_type.name]
        return Decimal(low), Decimal(high)
    if column_type.name is TypeName.NUMERIC:
        units = Decimal(10 ** (column_type.precision or 0) - 1)
        most = units.scaleb(-(column_type.scale or 0), _EXACT)
    else:
        most = _LARGEST_FLOAT[column_type.name]
    # A plain minus would round to the 28 digits of Python's default context.
    return most.copy_negate(), most


def integer_limits(column_type: ColumnType) -> tuple[int, int]:
    """The range in which a number's type holds every integer."""
    if column_type.name in EXACT_INTEGERS:
        most = EXACT_INTEGERS[column_type.name]
        return -most, most
    low, high = type_limits(column_type)
    return ceil(low), floor(high)


def has_few_values(column_type: ColumnType, rows: int) -> bool:
    """Whether it is a type of integers that has fewer values than there are rows."""
    if column_type.name not in INTEGERS:
        return False
    low, high = integer_limits(column_type)
    return rows > high - low + 1


def read_bounds(
    low: Decimal | int | None,
    high: Decimal | int | None,
    column_type: ColumnType,
    path: Path,
    report: Report,
    decimals: int | None = None,
) -> tuple[Number | None, Number | None] | None:
    """[min, max] in the type's units, drawn in to the values that the type has between them.

    `decimals` is that of `number`; by default the type's own digits count. None after a problem.
    """
    fine = True
    for name, bound in (("min", low), ("max", high)):
        fine &= bound is None or _in_range(Decimal(bound), column_type, (*path, name), report)
    if not fine:
        return None
    if low is not None and high is not None and low > high:
        report.add((*path, "min"), f"{low} is more than max, {high}; expected at most max")
        return None
    digits = type_decimals(column_type) if decimals is None else decimals
    first = None if low is None else _rounded(Decimal(low), digits, ROUND_CEILING)
    last = None if high is None else _rounded(Decimal(high), digits, ROUND_FLOOR)
    if first is not None and last is not None and first > last:
        report.add(
            (*path, "min"),
            f"no multiple of {Decimal(1).scaleb(-(digits or 0))} lies between {low} and {high}; "
            "use wider bounds or more decimals",
        )
        return None
    return (
        None if first is None else as_type(first, column_type),
        None if last is None else as_type(last, column_type),
    )


def type_decimals(column_type: ColumnType) -> int | None:
    """Digits after the decimal point of a number's type; None for floats, which have no grid."""
    if column_type.name in EXACT_INTEGERS:
        return None
    return column_type.scale or 0


def as_type(value: Decimal, column_type: ColumnType) -> Number:
    """A value within the type's limits in its own units."""
    if column_type.name in INTEGERS:
        return int(value)
    return value if column_type.name is TypeName.NUMERIC else float(value)


def _in_range(bound: Decimal, column_type: ColumnType, path: Path, report: Report) -> bool:
    low, high = type_limits(column_type)
    if low <= bound <= high:
        return True
    report.add(
        path,
        f"{bound} is outside the range of {column_type}; expected {low} to {high}",
    )
    return False


def _rounded(bound: Decimal, decimals: int | None, rounding: str) -> Decimal:
    if decimals is None:
        return bound
    return bound.quantize(Decimal(1).scaleb(-decimals), rounding, _EXACT)
