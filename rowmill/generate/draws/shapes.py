"""Shapes: the quantile tables of the truncated continuous distributions.

All bounds are exact rationals, None where there is none; a table's values are
`(x - origin) / unit`, so that a column of whole units keeps its precision however far from zero it
lies.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Context as DecimalContext
from decimal import Decimal
from fractions import Fraction

import numpy as np

from rowmill.generate.draws.bits import Bits
from rowmill.generate.draws.exact_math import Floats, exp, expm1, log1p
from rowmill.generate.draws.inversion import LogDensity
from rowmill.generate.draws.quantiles import QuantileTable, constant_table, quantile_table

_DIGITS = DecimalContext(prec=60)
_INFINITY = float("inf")


@dataclass(frozen=True)
class Scale:
    """The interval that a distribution is truncated to, and what a table's values are counted in.

    Raises:
        ValueError: the interval is empty.
    """

    low: Fraction | None = None
    high: Fraction | None = None
    origin: Fraction = Fraction(0)
    unit: Fraction = Fraction(1)

    def __post_init__(self) -> None:
        if self.low is not None and self.high is not None and self.low > self.high:
            raise ValueError(f"no value lies between {self.low} and {self.high}")

    def nearest(self, x: Fraction) -> Fraction:
        """The point of the interval that is nearest to x."""
        if self.low is not None and x < self.low:
            return self.low
        if self.high is not None and x > self.high:
            return self.high
        return x

    def span(self, middle: Fraction, spread: Fraction) -> tuple[float, float]:
        """How far the interval reaches to both sides of `middle`, in units of `spread`."""
        left = _INFINITY if self.low is None else as_float((middle - self.low) / spread)
        right = _INFINITY if self.high is None else as_float((self.high - middle) / spread)
        return left, right

    def clipped(self, values: Floats) -> Floats:
        """Without what rounding has put outside."""
        low = -_INFINITY if self.low is None else as_float((self.low - self.origin) / self.unit)
        high = _INFINITY if self.high is None else as_float((self.high - self.origin) / self.unit)
        clipped: Floats = np.minimum(np.maximum(values, low), high)
        return clipped


def normal_table(mean: float, stddev: float, scale: Scale) -> QuantileTable:
    """Normal with the mean and standard deviation that it has before truncation."""
    centre, spread = Fraction(mean), Fraction(stddev)
    middle = scale.nearest(centre)
    steps = _steps(middle - centre, spread)
    return _linear(lambda d: -d * (steps + 0.5 * d), middle, spread, scale)


def exponential_table(mean: float, scale: Scale) -> QuantileTable:
    """Exponential from 0 with the mean that it has before truncation."""
    from_zero = Scale(
        max(scale.low or Fraction(0), Fraction(0)), scale.high, scale.origin, scale.unit
    )
    assert from_zero.low is not None
    return _linear(lambda d: -d, from_zero.low, Fraction(mean), from_zero)


def lognormal_table(mu: float, sigma: float, scale: Scale) -> QuantileTable:
    """e to the power of a normal with mean mu and standard deviation sigma.

    Raises:
        ValueError: the interval holds no positive value.
    """
    if scale.high is not None and scale.high <= 0:
        raise ValueError(f"a lognormal value is above 0, so it cannot be at most {scale.high}")
    positive = scale.low is not None and scale.low > 0
    logs = Scale(
        natural_log(scale.low) if positive and scale.low is not None else None,
        None if scale.high is None else natural_log(scale.high),
    )
    centre, spread = Fraction(mu), Fraction(sigma)
    middle = logs.nearest(centre)
    steps, per_step = _steps(middle - centre, spread), as_float(spread)
    at_middle = as_float(middle - natural_log(scale.unit))
    shift = as_float(scale.origin / scale.unit)
    return quantile_table(
        lambda d: -d * (steps + 0.5 * d),
        *logs.span(middle, spread),
        lambda d: scale.clipped(exp(at_middle + per_step * d) - shift),
    )


def beta_table(alpha: float, beta: float, scale: Scale) -> QuantileTable:
    """Beta stretched from [0, 1] to the interval of `scale`, which must have both ends.

    In y = log(x / (1 - x)) the density is x**alpha (1 - x)**beta: smooth and log-concave even where
    that of x is infinite at an end. Its maximum is at x = alpha / (alpha + beta).

    For alpha or beta below 0.001 nearly all values are the ends themselves to a double's precision,
    and the chance of what lies between is only right to a part in a thousand.
    """
    assert scale.low is not None
    assert scale.high is not None
    lower = as_float((scale.low - scale.origin) / scale.unit)
    upper = as_float((scale.high - scale.origin) / scale.unit)
    width = as_float((scale.high - scale.low) / scale.unit)
    if width == 0.0:
        return constant_table(lower)
    total = alpha + beta
    x, rest = alpha / total, beta / total

    def log_density(d: Floats) -> Floats:
        # Two forms of one function: small shapes reach so far out that the exponential must fall,
        # large ones would cancel unless it is multiplied by the smaller of x and rest.
        falling = (d > 0.0) if total < 1.0 else np.full(d.shape, rest < x)
        signed = np.where(falling, -d, d)
        bent = log1p(np.where(falling, rest, x) * expm1(signed))
        logs: Floats = np.where(falling, beta, alpha) * signed - total * bent
        return logs

    def value(d: Floats) -> Floats:
        odds = exp(-np.abs(d))
        right = d > 0.0
        near = np.where(right, x, x * odds)
        far = np.where(right, rest * odds, rest)
        both = near + far
        values: Floats = np.where(
            near < far, lower + width * (near / both), upper - width * (far / both)
        )
        return values

    return quantile_table(log_density, _INFINITY, _INFINITY, value)


class TruncatedExponential:
    """An exponential delay with `mean` before truncation to [low, high], low >= 0; None: no limit.

    Raises:
        ValueError: high is below low.
    """

    def __init__(self, mean: float, low: float, high: float | None) -> None:
        limit = None if high is None else Fraction(high)
        start = Fraction(low)
        self._low = float(low)
        self._high = _INFINITY if high is None else float(high)
        self._table = exponential_table(mean, Scale(start, limit, start))

    def draw(self, random: Bits) -> Floats:
        """A delay for each 64 random bits, in the unit of the mean."""
        delays = self._table.draw(random)
        delays += self._low
        np.minimum(delays, self._high, out=delays)
        return delays


def as_float(exact: Fraction) -> float:
    """The nearest double; infinity beyond the range."""
    try:
        return exact.numerator / exact.denominator
    except OverflowError:
        return _INFINITY if exact > 0 else -_INFINITY


def _linear(
    log_density: LogDensity, middle: Fraction, spread: Fraction, scale: Scale
) -> QuantileTable:
    start, step = as_float((middle - scale.origin) / scale.unit), as_float(spread / scale.unit)
    return quantile_table(
        log_density,
        *scale.span(middle, spread),
        lambda d: scale.clipped(start + step * d),
    )


def _steps(distance: Fraction, spread: Fraction) -> float:
    """The distance in units of the spread, kept so far from infinity that products stay finite."""
    return min(max(as_float(distance / spread), -1e290), 1e290)


def natural_log(x: Fraction) -> Fraction:
    """The natural logarithm to 60 digits, by correctly rounded decimal arithmetic."""
    quotient = _DIGITS.divide(Decimal(x.numerator), Decimal(x.denominator))
    return Fraction(_DIGITS.ln(quotient))
