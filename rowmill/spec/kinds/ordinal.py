"""The kind `ordinal`: the row's number within its parent."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import ClassVar

from rowmill.counting import counted
from rowmill.spec.bounds import integer_limits
from rowmill.spec.kind.base import OwnKind
from rowmill.spec.kind.entry import Example, KindEntry, Parameters
from rowmill.spec.kind.reading import Reading
from rowmill.spec.values.types import NUMBERS, Number


class OrdinalSpec(Parameters):
    """The row's number within its parent: 1, 2, 3 ... (tables with rowsPer)."""


@dataclass(frozen=True)
class Ordinal(OwnKind):
    """1, 2, 3 ... within the row's parent (rowsPer tables)."""

    key: ClassVar[str] = "ordinal"

    def span(self, rows: int, most_children: int | None) -> tuple[Number, Number] | None:
        """Up to the most rows of a parent."""
        return None if most_children is None else (1, most_children)

    def spread(self, rows: int) -> Decimal | None:
        """No parent has more rows than the table."""
        return Decimal(rows)


def _read(spec: OrdinalSpec, reading: Reading) -> Ordinal | None:
    most = reading.most_children
    if most is None:
        if not reading.per_unknown:
            reading.report.add(
                reading.path,
                "counts rows within a parent, and this table has no `rowsPer`; "
                "use sequence, or `rowsPer` in place of `rows`",
            )
        return None
    high = integer_limits(reading.type)[1]
    if most > high:
        reading.report.add(
            reading.path,
            f"a parent may have {counted(most, 'row')}, {reading.type} ends at {high}; "
            "use a smaller rowsPer.max or a larger type",
        )
        return None
    return Ordinal()


ORDINAL = KindEntry(
    key="ordinal",
    spec=OrdinalSpec,
    kind=Ordinal,
    fits=NUMBERS,
    read=_read,
    says="1, 2, 3 ... within the row's parent.",
    # Of a parent with four rows in the mean, and eight at most.
    example=Example("integer", {}, mean=2.927, deviation=1.69),
    in_arrays=False,
)
