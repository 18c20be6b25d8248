"""The kind `lognormal`: a number of which the logarithm is normal, truncated."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from rowmill.spec.kind.distribution import (
    Distribution,
    distribution_bounds,
    exponential,
    holds_typical,
)
from rowmill.spec.kind.entry import Example, KindEntry, Parameters, parameter
from rowmill.spec.kind.reading import Reading
from rowmill.spec.values.types import NUMBERS, Number

if TYPE_CHECKING:
    from rowmill.spec import fields

# No draw of 64 random bits is so many standard deviations from the mean, and few are so many.
_REACH, _TYPICAL = 10, 6


class LognormalSpec(Parameters):
    """A number of which the logarithm is normal, truncated to [min, max]."""

    mu: fields.Number = parameter("The mean of the logarithm.")
    sigma: fields.Positive = parameter("The standard deviation of the logarithm.")
    min: fields.Number | None = parameter("The smallest value; default: no limit.", None)
    max: fields.Number | None = parameter("The largest value; default: no limit.", None)


@dataclass(frozen=True)
class Lognormal(Distribution):
    """Mean and standard deviation of the logarithm are those before truncation."""

    key: ClassVar[str] = "lognormal"

    mu: float
    sigma: float
    min: Number | None
    max: Number | None


def _read(spec: LognormalSpec, reading: Reading) -> Lognormal | None:
    """A truncated lognormal distribution of which [min, max] holds a fair part."""
    reach = exponential(spec.mu + _REACH * spec.sigma)
    bounds = distribution_bounds(spec.min, spec.max, (0, reach), reading)
    if bounds is None:
        return None
    typical = (
        exponential(spec.mu - _TYPICAL * spec.sigma),
        exponential(spec.mu + _TYPICAL * spec.sigma),
    )
    if not holds_typical(bounds, (spec.min, spec.max), typical, "mu", reading):
        return None
    return Lognormal(float(spec.mu), float(spec.sigma), *bounds)


LOGNORMAL = KindEntry(
    key="lognormal",
    spec=LognormalSpec,
    kind=Lognormal,
    fits=NUMBERS,
    read=_read,
    says="The lognormal distribution.",
    example=Example("double precision", {"mu": 1, "sigma": 0.5}, mean=3.0802, deviation=1.6416),
)
