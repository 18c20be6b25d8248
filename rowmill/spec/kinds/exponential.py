"""The kind `exponential`: the exponential distribution, truncated."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from rowmill.spec.kind.distribution import (
    EXPONENTIAL_REACH,
    Distribution,
    distribution_bounds,
    mean_inside,
)
from rowmill.spec.kind.entry import Example, KindEntry, Parameters, parameter
from rowmill.spec.kind.reading import Reading
from rowmill.spec.values.types import NUMBERS, Number

if TYPE_CHECKING:
    from rowmill.spec import fields


class ExponentialSpec(Parameters):
    """The exponential distribution, truncated to [min, max]."""

    mean: fields.Positive = parameter("The mean before truncation.")
    min: fields.Number | None = parameter("The smallest value; default: no limit.", None)
    max: fields.Number | None = parameter("The largest value; default: no limit.", None)


@dataclass(frozen=True)
class Exponential(Distribution):
    """The mean is that before truncation."""

    key: ClassVar[str] = "exponential"

    mean: float
    min: Number | None
    max: Number | None


def _read(spec: ExponentialSpec, reading: Reading) -> Exponential | None:
    """A truncated exponential distribution."""
    mean = float(spec.mean)
    reach = (0.0, mean * EXPONENTIAL_REACH)
    bounds = distribution_bounds(spec.min, spec.max, reach, reading)
    low = spec.min if spec.min is not None else 0
    if bounds is None or not mean_inside(spec.mean, low, spec.max, reading):
        return None
    return Exponential(mean, *bounds)


EXPONENTIAL = KindEntry(
    key="exponential",
    spec=ExponentialSpec,
    kind=Exponential,
    fits=NUMBERS,
    read=_read,
    says="The exponential distribution.",
    example=Example("double precision", {"mean": 5}, mean=5, deviation=5),
)
