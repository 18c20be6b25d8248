"""The kind `beta`: the beta distribution, stretched over a range."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, ClassVar

from rowmill.spec.bounds import read_bounds
from rowmill.spec.kind.distribution import Distribution, shapes_in_range
from rowmill.spec.kind.entry import Example, KindEntry, Parameters, parameter
from rowmill.spec.kind.reading import Reading
from rowmill.spec.values.types import NUMBERS, Number

if TYPE_CHECKING:
    from rowmill.spec import fields


class BetaSpec(Parameters):
    """The beta distribution, stretched over [min, max]."""

    alpha: fields.Positive = parameter("The first shape parameter.")
    beta: fields.Positive = parameter("The second shape parameter.")
    min: fields.Number = parameter("The smallest value.", Decimal(0))
    max: fields.Number = parameter("The largest value.", Decimal(1))


@dataclass(frozen=True)
class Beta(Distribution):
    """It reaches from min to max."""

    key: ClassVar[str] = "beta"

    alpha: float
    beta: float
    min: Number
    max: Number


def _read(spec: BetaSpec, reading: Reading) -> Beta | None:
    """A beta distribution over [min, max]."""
    fits = shapes_in_range((("alpha", spec.alpha), ("beta", spec.beta)), reading)
    bounds = read_bounds(spec.min, spec.max, reading.type, reading.path, reading.report)
    if bounds is None or not fits:
        return None
    low, high = bounds
    assert low is not None
    assert high is not None
    return Beta(float(spec.alpha), float(spec.beta), low, high)


BETA = KindEntry(
    key="beta",
    spec=BetaSpec,
    kind=Beta,
    fits=NUMBERS,
    read=_read,
    says="The beta distribution.",
    example=Example("double precision", {"alpha": 2, "beta": 3}, mean=0.4, deviation=0.2),
)
