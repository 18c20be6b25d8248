"""The kind `gamma`: the gamma distribution, truncated."""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt
from typing import TYPE_CHECKING, ClassVar

from rowmill.spec.kind.distribution import (
    Distribution,
    distribution_bounds,
    holds_typical,
    shapes_in_range,
)
from rowmill.spec.kind.entry import Example, KindEntry, Parameters, parameter
from rowmill.spec.kind.reading import Reading
from rowmill.spec.values.types import NUMBERS, Number

if TYPE_CHECKING:
    from rowmill.spec import fields

# Of a million values hardly one is above so many deviations, and as many times the scale.
_TYPICAL = 8


class GammaSpec(Parameters):
    """The gamma distribution, truncated to [min, max]: its mean is shape x scale before that."""

    shape: fields.Positive = parameter("The shape; 1 is the exponential distribution.")
    scale: fields.Positive = parameter("The scale, a number of the column's unit.")
    min: fields.Number | None = parameter("The smallest value; default: no limit.", None)
    max: fields.Number | None = parameter("The largest value; default: no limit.", None)


@dataclass(frozen=True)
class Gamma(Distribution):
    """Shape and scale are those before truncation."""

    key: ClassVar[str] = "gamma"

    shape: float
    scale: float
    min: Number | None
    max: Number | None


def _read(spec: GammaSpec, reading: Reading) -> Gamma | None:
    """A truncated gamma distribution of which [min, max] holds a fair part."""
    shape, scale = float(spec.shape), float(spec.scale)
    fits = shapes_in_range([("shape", spec.shape)], reading)
    # No draw of 64 random bits is farther out.
    reach = scale * (shape + 12 * sqrt(shape) + 60)
    bounds = distribution_bounds(spec.min, spec.max, (0, reach), reading)
    if bounds is None or not fits:
        return None
    typical = (0.0, scale * (shape + _TYPICAL * sqrt(shape) + _TYPICAL))
    if not holds_typical(bounds, (spec.min, spec.max), typical, "scale", reading):
        return None
    return Gamma(shape, scale, *bounds)


GAMMA = KindEntry(
    key="gamma",
    spec=GammaSpec,
    kind=Gamma,
    fits=NUMBERS,
    read=_read,
    says="The gamma distribution.",
    example=Example("double precision", {"shape": 2, "scale": 3}, mean=6, deviation=4.2426),
)
