"""What the kinds of numbers by a law have in common: bounds that truncate, and a mean in them."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from math import exp, inf, isfinite

from rowmill.spec.bounds import as_type, read_bounds, type_limits
from rowmill.spec.kind.base import OwnKind
from rowmill.spec.kind.reading import Reading
from rowmill.spec.values.types import Number

# No draw of 64 random bits is so many means from where an exponential starts.
EXPONENTIAL_REACH = 50


class Distribution(OwnKind, abstract=True):
    """A number by a law, truncated to [min, max]; None: no limit."""

    min: Number | None
    max: Number | None

    def span(self, rows: int, most_children: int | None) -> tuple[Number, Number] | None:
        """From min to max, if there are both."""
        return None if self.min is None or self.max is None else (self.min, self.max)

    def spread(self, rows: int) -> Decimal | None:
        """From min to max, if there are both."""
        span = self.span(rows, None)
        return None if span is None else Decimal(span[1]) - Decimal(span[0])


def distribution_bounds(
    low: Decimal | None, high: Decimal | None, reach: tuple[float, float], reading: Reading
) -> tuple[Number | None, Number | None] | None:
    """The manifest's bounds and, where values could otherwise leave the type, the type's.

    `reach` is what no draw leaves. None after a problem.
    """
    bounds = read_bounds(low, high, reading.type, reading.path, reading.report)
    if bounds is None:
        return None
    least, most = type_limits(reading.type)
    first, last = bounds
    if first is None and not (isfinite(reach[0]) and Decimal(reach[0]) >= least):
        first = as_type(least, reading.type)
    if last is None and not (isfinite(reach[1]) and Decimal(reach[1]) <= most):
        last = as_type(most, reading.type)
    return first, last


def mean_inside(
    mean: Decimal, low: Decimal | int | None, high: Decimal | int | None, reading: Reading
) -> bool:
    """Whether the mean lies between the bounds, or else the type's; said if not."""
    least, most = type_limits(reading.type)
    first = least if low is None else low
    last = most if high is None else high
    if first <= mean <= last:
        return True
    reading.report.add(
        (*reading.path, "mean"),
        f"a mean of {mean} is outside min to max, {first} to {last}; use a mean between them",
    )
    return False


def holds_typical(
    bounds: Sequence[Number | None],
    given: Sequence[Decimal | None],
    typical: tuple[float, float],
    instead: str,
    reading: Reading,
) -> bool:
    """Whether [min, max] holds some of what nearly all values are in; said if not.

    Args:
        bounds: min and max.
        given: those that the manifest has.
        typical: the ends of what nearly all values are in.
        instead: the parameter to change.
        reading: where it stands.
    """
    for name, bound, written, impossible in (
        ("min", bounds[0], given[0], bounds[0] is not None and bounds[0] > typical[1]),
        ("max", bounds[1], given[1], bounds[1] is not None and bounds[1] <= typical[0]),
    ):
        if impossible:
            reading.report.add(
                (*reading.path, name) if written is not None else reading.path,
                f"{name} is {bound}, but nearly all values lie from {typical[0]:.6g} to "
                f"{typical[1]:.6g}; use a wider range or another {instead}",
            )
            return False
    return True


def shapes_in_range(shapes: Sequence[tuple[str, Decimal]], reading: Reading) -> bool:
    """Whether parameters of shape are such as tables can be made of; said if not."""
    fits = True
    for name, shape in shapes:
        if not _SMALLEST_SHAPE <= shape <= _LARGEST_SHAPE:
            fits = False
            reading.report.add(
                (*reading.path, name), f"{shape} is out of range; expected 0.001 to 1000000"
            )
    return fits


def exponential(exponent: Decimal) -> float:
    """e to the power, infinite where a float ends; only compared, never part of a value."""
    return exp(float(exponent)) if exponent < 709 else inf


_SMALLEST_SHAPE, _LARGEST_SHAPE = Decimal("0.001"), 10**6
