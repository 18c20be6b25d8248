"""Kinds of numbers: ranges and distributions, read into the units of their column's type."""

from __future__ import annotations

from decimal import Decimal
from math import exp, inf, isfinite, sqrt

from rowmill.counting import counted
from rowmill.spec.bounds import (
    EXACT_INTEGERS,
    as_type,
    integer_limits,
    read_bounds,
    type_decimals,
    type_limits,
)
from rowmill.spec.kind import (
    Beta,
    Exponential,
    Kind,
    Lognormal,
    Normal,
    Number,
    Ordinal,
    Poisson,
    Sequence,
    Uniform,
    Zipf,
)
from rowmill.spec.manifest.generators import (
    BetaSpec,
    ExponentialSpec,
    IntegerSpec,
    LognormalSpec,
    NormalSpec,
    NumberSpec,
    PoissonSpec,
    SequenceSpec,
    ZipfSpec,
)
from rowmill.spec.paths import Path
from rowmill.spec.report import Report
from rowmill.spec.values.types import ColumnType

# No draw of 64 random bits is so many standard deviations, or means, from where it starts.
_NORMAL_REACH = 10
_EXPONENTIAL_REACH = 50
_LARGEST_SHAPE = 10**6


def read_sequence(
    spec: SequenceSpec,
    column_type: ColumnType,
    rows: int | None,
    path: Path,
    report: Report,
    why: str = "",
) -> Kind | None:
    """A sequence of which every row's value fits the type.

    `why` begins what is said of one that the manifest does not name.
    """
    low, high = integer_limits(column_type)
    last = spec.start + spec.step * (max(rows or 0, 1) - 1)
    if not low <= spec.start <= high:
        report.add(
            (*path, "start"),
            f"{spec.start} is outside the range of {column_type}; expected {low} to {high}",
        )
        return None
    if not low <= last <= high:
        report.add(
            path,
            f"{why}its last value would be {last}, outside the range of {column_type}, "
            f"{low} to {high}; use fewer rows, "
            f"{'a `generate`' if why else 'another start or step'}, or a larger type",
        )
        return None
    return Sequence(spec.start, spec.step)


def check_ordinal(most: int, column_type: ColumnType, path: Path, report: Report) -> Kind | None:
    """An ordinal up to `most`, the children of a parent."""
    high = integer_limits(column_type)[1]
    if most > high:
        report.add(
            path,
            f"a parent may have {counted(most, 'row')}, {column_type} ends at {high}; "
            "use a smaller rowsPer.max or a larger type",
        )
        return None
    return Ordinal()


def read_integer(
    spec: IntegerSpec, column_type: ColumnType, path: Path, report: Report
) -> Kind | None:
    """A uniform whole number."""
    low, high = integer_limits(column_type)
    outside = [b for b in (("min", spec.min), ("max", spec.max)) if not low <= b[1] <= high]
    for name, bound in outside:
        report.add(
            (*path, name),
            f"{bound} is outside the range of {column_type}; expected {low} to {high}",
        )
    if outside:
        return None
    bounds = read_bounds(spec.min, spec.max, column_type, path, report, decimals=0)
    return _uniform(bounds, 0)


def read_number(
    spec: NumberSpec, column_type: ColumnType, path: Path, report: Report
) -> Kind | None:
    """A uniform number, with decimals if the type or the manifest has them."""
    own, decimals = type_decimals(column_type), spec.decimals
    if decimals is None:
        decimals = own
    elif own is not None and decimals > own:
        report.add(
            (*path, "decimals"),
            f"{decimals} is more decimals than {column_type} holds; expected at most {own}",
        )
        # Its bounds are judged by the type's own digits.
        read_bounds(spec.min, spec.max, column_type, path, report)
        return None
    bounds = read_bounds(spec.min, spec.max, column_type, path, report, decimals)
    if bounds is None:
        return None
    if own is None and decimals is not None:
        farthest = max(spec.min.copy_abs(), spec.max.copy_abs())
        if farthest.scaleb(decimals) > EXACT_INTEGERS[column_type.name] or decimals > 22:
            report.add(
                (*path, "decimals"),
                f"{column_type} cannot tell numbers with {counted(decimals, 'decimal')} up to "
                f"{farthest} apart; use fewer, or numeric(p,s)",
            )
            return None
    return _uniform(bounds, decimals)


def read_normal(
    spec: NormalSpec, column_type: ColumnType, path: Path, report: Report
) -> Kind | None:
    """A truncated normal distribution, never beyond its column's type."""
    mean, stddev = float(spec.mean), float(spec.stddev)
    bounds = _distribution_bounds(
        spec.min,
        spec.max,
        (mean - _NORMAL_REACH * stddev, mean + _NORMAL_REACH * stddev),
        column_type,
        path,
        report,
    )
    if bounds is None or not _mean_inside(spec.mean, spec.min, spec.max, column_type, path, report):
        return None
    return Normal(mean, stddev, *bounds)


def read_lognormal(
    spec: LognormalSpec, column_type: ColumnType, path: Path, report: Report
) -> Kind | None:
    """A truncated lognormal distribution of which [min, max] holds a fair part."""
    mu, sigma = float(spec.mu), float(spec.sigma)
    reach = _exp(spec.mu + _NORMAL_REACH * spec.sigma)
    bounds = _distribution_bounds(spec.min, spec.max, (0, reach), column_type, path, report)
    if bounds is None:
        return None
    typical = _exp(spec.mu - 6 * spec.sigma), _exp(spec.mu + 6 * spec.sigma)
    for name, bound, impossible in (
        ("min", bounds[0], bounds[0] is not None and bounds[0] > typical[1]),
        ("max", bounds[1], bounds[1] is not None and bounds[1] <= typical[0]),
    ):
        if impossible:
            report.add(
                (*path, name) if getattr(spec, name) is not None else path,
                f"{name} is {bound}, but nearly all values lie from {typical[0]:.6g} to "
                f"{typical[1]:.6g}; use a wider range or another mu",
            )
            return None
    return Lognormal(mu, sigma, *bounds)


def read_exponential(
    spec: ExponentialSpec, column_type: ColumnType, path: Path, report: Report
) -> Kind | None:
    """A truncated exponential distribution."""
    mean = float(spec.mean)
    bounds = _distribution_bounds(
        spec.min, spec.max, (0, mean * _EXPONENTIAL_REACH), column_type, path, report
    )
    low = spec.min if spec.min is not None else 0
    if bounds is None or not _mean_inside(spec.mean, low, spec.max, column_type, path, report):
        return None
    return Exponential(mean, *bounds)


def read_poisson(
    spec: PoissonSpec, column_type: ColumnType, path: Path, report: Report
) -> Kind | None:
    """A truncated Poisson distribution."""
    mean = float(spec.mean)
    fits = mean <= 10**12
    if not fits:
        report.add((*path, "mean"), f"{spec.mean} is too large; expected at most 10^12")
    high = integer_limits(column_type)[1]
    bounds = read_bounds(spec.min, spec.max, column_type, path, report, decimals=0)
    low = spec.min if spec.min is not None else 0
    if bounds is None or not fits:
        return None
    if not _mean_inside(spec.mean, low, spec.max, column_type, path, report):
        return None
    reach = mean + 40 * sqrt(mean) + 100
    most = high if spec.max is None and reach > high else spec.max
    return Poisson(mean, spec.min, most)


def read_beta(spec: BetaSpec, column_type: ColumnType, path: Path, report: Report) -> Kind | None:
    """A beta distribution over [min, max]."""
    fits = True
    for name, shape in (("alpha", spec.alpha), ("beta", spec.beta)):
        if not Decimal("0.001") <= shape <= _LARGEST_SHAPE:
            fits = False
            report.add((*path, name), f"{shape} is out of range; expected 0.001 to 1000000")
    bounds = read_bounds(spec.min, spec.max, column_type, path, report)
    if bounds is None or not fits:
        return None
    low, high = bounds
    assert low is not None
    assert high is not None
    return Beta(float(spec.alpha), float(spec.beta), low, high)


def read_zipf(spec: ZipfSpec, column_type: ColumnType, path: Path, report: Report) -> Kind | None:
    """Ranks by Zipf's law."""
    high = integer_limits(column_type)[1]
    if spec.ranks > high:
        report.add(
            (*path, "ranks"),
            f"{spec.ranks} is outside the range of {column_type}; expected at most {high}",
        )
        return None
    return Zipf(float(spec.exponent), spec.ranks)


def _uniform(
    bounds: tuple[Number | None, Number | None] | None, decimals: int | None
) -> Kind | None:
    if bounds is None or bounds[0] is None or bounds[1] is None:
        return None
    return Uniform(bounds[0], bounds[1], decimals)


def _distribution_bounds(
    low: Decimal | None,
    high: Decimal | None,
    reach: tuple[float, float],
    column_type: ColumnType,
    path: Path,
    report: Report,
) -> tuple[Number | None, Number | None] | None:
    """The manifest's bounds and, where values could otherwise leave the type, the type's."""
    bounds = read_bounds(low, high, column_type, path, report)
    if bounds is None:
        return None
    least, most = type_limits(column_type)
    first, last = bounds
    if first is None and not (isfinite(reach[0]) and Decimal(reach[0]) >= least):
        first = as_type(least, column_type)
    if last is None and not (isfinite(reach[1]) and Decimal(reach[1]) <= most):
        last = as_type(most, column_type)
    return first, last


def _mean_inside(
    mean: Decimal,
    low: Decimal | int | None,
    high: Decimal | int | None,
    column_type: ColumnType,
    path: Path,
    report: Report,
) -> bool:
    least, most = type_limits(column_type)
    first = least if low is None else low
    last = most if high is None else high
    if first <= mean <= last:
        return True
    report.add(
        (*path, "mean"),
        f"a mean of {mean} is outside min to max, {first} to {last}; use a mean between them",
    )
    return False


def _exp(exponent: Decimal) -> float:
    """e to the power, infinite where a float ends; only compared, never part of a value."""
    return exp(float(exponent)) if exponent < 709 else inf
