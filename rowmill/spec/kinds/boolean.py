"""The kind `boolean`: true or false."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, ClassVar

from rowmill.spec.kind.base import OwnKind
from rowmill.spec.kind.entry import Example, KindEntry, Parameters, parameter
from rowmill.spec.kind.reading import Reading
from rowmill.spec.values.types import ColumnType, TypeName

if TYPE_CHECKING:
    from rowmill.spec.fields import Share


class BooleanSpec(Parameters):
    """True or false."""

    probability: Share = parameter("The share of true.", Decimal("0.5"))


@dataclass(frozen=True)
class Boolean(OwnKind):
    """True with a probability."""

    key: ClassVar[str] = "boolean"

    probability: float

    def why_repeats(self, column_type: ColumnType) -> str | None:
        """A share is not kept where each value comes once."""
        if self.probability == 0.5:
            return None
        return "has a probability, and unique takes each value once; leave it out"

    def domain(self, column_type: ColumnType, data_version: int) -> int | None:
        """True and false."""
        return 2

    def more_values(self, rows: int, column_type: ColumnType, data_version: int) -> str:
        """There are no more."""
        return "another type"


def _read(spec: BooleanSpec, reading: Reading) -> Boolean | None:
    return Boolean(float(spec.probability))


BOOLEAN = KindEntry(
    key="boolean",
    spec=BooleanSpec,
    kind=Boolean,
    fits=frozenset({TypeName.BOOLEAN}),
    read=_read,
    says="True or false.",
    example=Example("boolean", {"probability": 0.25}, mean=0.25, deviation=0.4330),
    unique_if="without a probability",
)
