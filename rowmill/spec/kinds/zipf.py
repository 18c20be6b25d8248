"""The kind `zipf`: a rank by Zipf's law."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, ClassVar

from rowmill.spec.bounds import integer_limits
from rowmill.spec.kind.base import OwnKind
from rowmill.spec.kind.entry import Example, KindEntry, Parameters, parameter
from rowmill.spec.kind.reading import Reading
from rowmill.spec.values.types import NUMBERS, Number

if TYPE_CHECKING:
    from rowmill.spec.fields import Positive


class ZipfSpec(Parameters):
    """A rank from 1 to `ranks` by Zipf's law: rank r has weight r ** -exponent."""

    exponent: Positive = parameter("How steeply the weights fall.")
    ranks: int = parameter("The highest rank.", ge=1, le=10**12)


@dataclass(frozen=True)
class Zipf(OwnKind):
    """Ranks 1 to `ranks`, rank r with weight r ** -exponent."""

    key: ClassVar[str] = "zipf"

    exponent: float
    ranks: int

    def span(self, rows: int, most_children: int | None) -> tuple[Number, Number] | None:
        """Its ranks."""
        return 1, self.ranks

    def spread(self, rows: int) -> Decimal | None:
        """Its ranks."""
        return Decimal(self.ranks)


def _read(spec: ZipfSpec, reading: Reading) -> Zipf | None:
    """Ranks that fit the type."""
    high = integer_limits(reading.type)[1]
    if spec.ranks > high:
        reading.report.add(
            (*reading.path, "ranks"),
            f"{spec.ranks} is outside the range of {reading.type}; expected at most {high}",
        )
        return None
    return Zipf(float(spec.exponent), spec.ranks)


ZIPF = KindEntry(
    key="zipf",
    spec=ZipfSpec,
    kind=Zipf,
    fits=NUMBERS,
    read=_read,
    says="A rank by Zipf's law.",
    example=Example("integer", {"exponent": 1, "ranks": 4}, mean=1.92, deviation=1.0553),
)
