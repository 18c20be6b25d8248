"""The kind `normal`: the normal distribution, truncated."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from rowmill.spec.kind.distribution import Distribution, distribution_bounds, mean_inside
from rowmill.spec.kind.entry import Example, KindEntry, Parameters, parameter
from rowmill.spec.kind.reading import Reading
from rowmill.spec.values.types import NUMBERS, Number

if TYPE_CHECKING:
    from rowmill.spec import fields

# No draw of 64 random bits is so many standard deviations from the mean.
_REACH = 10


class NormalSpec(Parameters):
    """The normal distribution, truncated to [min, max]."""

    mean: fields.Number = parameter("The mean before truncation.")
    stddev: fields.Positive = parameter("The standard deviation before truncation.")
    min: fields.Number | None = parameter("The smallest value; default: no limit.", None)
    max: fields.Number | None = parameter("The largest value; default: no limit.", None)


@dataclass(frozen=True)
class Normal(Distribution):
    """Mean and standard deviation are those before truncation."""

    key: ClassVar[str] = "normal"

    mean: float
    stddev: float
    min: Number | None
    max: Number | None


def _read(spec: NormalSpec, reading: Reading) -> Normal | None:
    """A truncated normal distribution, never beyond its column's type."""
    mean, stddev = float(spec.mean), float(spec.stddev)
    reach = mean - _REACH * stddev, mean + _REACH * stddev
    bounds = distribution_bounds(spec.min, spec.max, reach, reading)
    if bounds is None or not mean_inside(spec.mean, spec.min, spec.max, reading):
        return None
    return Normal(mean, stddev, *bounds)


NORMAL = KindEntry(
    key="normal",
    spec=NormalSpec,
    kind=Normal,
    fits=NUMBERS,
    read=_read,
    says="The normal distribution.",
    example=Example("double precision", {"mean": 40, "stddev": 12}, mean=40, deviation=12),
)
