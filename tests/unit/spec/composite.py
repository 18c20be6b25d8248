"""A kind made of others, as no released one is yet."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from rowmill.spec.kind.base import InnerKind, Kind, Source
from rowmill.spec.values.types import ColumnType


@dataclass(frozen=True)
class Pair(Kind):
    """Two kinds side by side."""

    key: ClassVar[str] = "pair"

    left: Kind
    right: Kind

    def sources(self) -> Sequence[Source]:
        return (*self.left.sources(), *self.right.sources())

    def inner_kinds(self, column_type: ColumnType) -> Sequence[InnerKind]:
        return (
            InnerKind(self.left, column_type, ("pair", "left")),
            InnerKind(self.right, column_type, ("pair", "right")),
        )
