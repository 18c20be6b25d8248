"""The kind `poisson`: a count by Poisson's law, truncated."""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt
from typing import TYPE_CHECKING, ClassVar

from rowmill.spec.bounds import integer_limits, read_bounds
from rowmill.spec.kind.distribution import Distribution, mean_inside
from rowmill.spec.kind.entry import Example, KindEntry, Parameters, parameter
from rowmill.spec.kind.reading import Reading
from rowmill.spec.values.types import NUMBERS

if TYPE_CHECKING:
    from rowmill.spec.fields import Int64, Positive


class PoissonSpec(Parameters):
    """A count by Poisson's law, truncated to [min, max]."""

    mean: Positive = parameter("The mean before truncation.")
    min: Int64 | None = parameter("The smallest value; default: no limit.", None)
    max: Int64 | None = parameter("The largest value; default: no limit.", None)


@dataclass(frozen=True)
class Poisson(Distribution):
    """The mean is that before truncation."""

    key: ClassVar[str] = "poisson"

    mean: float
    min: int | None
    max: int | None


def _read(spec: PoissonSpec, reading: Reading) -> Poisson | None:
    """A truncated Poisson distribution."""
    mean, column_type = float(spec.mean), reading.type
    fits = mean <= 10**12
    if not fits:
        reading.report.add(
            (*reading.path, "mean"), f"{spec.mean} is too large; expected at most 10^12"
        )
    high = integer_limits(column_type)[1]
    bounds = read_bounds(spec.min, spec.max, column_type, reading.path, reading.report, decimals=0)
    low = spec.min if spec.min is not None else 0
    if bounds is None or not fits or not mean_inside(spec.mean, low, spec.max, reading):
        return None
    reach = mean + 40 * sqrt(mean) + 100
    most = high if spec.max is None and reach > high else spec.max
    return Poisson(mean, spec.min, most)


POISSON = KindEntry(
    key="poisson",
    spec=PoissonSpec,
    kind=Poisson,
    fits=NUMBERS,
    read=_read,
    says="A count by Poisson's law.",
    example=Example("integer", {"mean": 4}, mean=4, deviation=2),
)
