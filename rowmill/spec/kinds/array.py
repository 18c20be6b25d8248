"""The kind `array`: elements, each made by another kind."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from rowmill.spec.kind.base import InnerKind, Kind, KnownContents, KnownSizes, KnownWidths, Source
from rowmill.spec.kind.entry import Example, KindEntry, Parameters, parameter
from rowmill.spec.kind.reading import Reading
from rowmill.spec.patterns.compression import drawn_kept
from rowmill.spec.shapes.content import FIXED, UNKNOWN, Content, array_of, padded
from rowmill.spec.shapes.size import Size, size_of_array
from rowmill.spec.shapes.width import width_of_type
from rowmill.spec.values.types import ColumnType

if TYPE_CHECKING:
    from rowmill.spec.fields import OneOf

    # The members that may make elements, of which the manifest's models are made.
    ElementSpec = OneOf


class ArraySpec(Parameters):
    """An array of `min` to `max` elements."""

    of: ElementSpec = parameter("How each element is made.")
    min: int = parameter("The fewest elements.", 0, ge=0, le=10_000)
    max: int = parameter("The most elements.", 5, ge=0, le=10_000)


@dataclass(frozen=True)
class Array(Kind):
    """`min` to `max` (uniform) elements, each made by `of`; the column's type is the array type."""

    key: ClassVar[str] = "array"

    of: Kind
    min: int
    max: int

    def sources(self) -> Sequence[Source]:
        """Those of the elements."""
        return self.of.sources()

    def inner_kinds(self, column_type: ColumnType) -> Sequence[InnerKind]:
        """The elements."""
        return (InnerKind(self.of, column_type.element, ("array", "of")),)

    def content(self, column_type: ColumnType, known: KnownContents) -> Content:
        """All of its elements."""
        if not column_type.array:
            return UNKNOWN
        element, one = column_type.element, Content(0, 0)
        if element.name not in FIXED:
            one = padded(self.of.content(element, known), element)
        few, many = array_of([one] * self.min, element), array_of([one] * self.max, element)
        kept = drawn_kept(self.min * self.of.bits(element))
        return Content(few.least, many.most, min(kept, few.least))

    def width(self, column_type: ColumnType, known: KnownWidths) -> int:
        """Elements of the type's width."""
        return 8 + (self.min + self.max) * width_of_type(column_type.element) // 2

    def size(self, column_type: ColumnType, known: KnownSizes) -> Size:
        """Elements of their likely size."""
        element = column_type.element
        drawn = drawn_kept(self.min * self.of.bits(element))
        return size_of_array(known.size_of(self.of, element), self.min, self.max, drawn)


def _read(spec: ArraySpec, reading: Reading) -> Array | None:
    if spec.min > spec.max:
        reading.report.add(
            (*reading.path, "min"),
            f"{spec.min} is more than max, {spec.max}; expected at most max",
        )
    kind = reading.inner_kind(spec.of, "of", reading.type.element, max(spec.max, 1))
    return None if kind is None or spec.min > spec.max else Array(kind, spec.min, spec.max)


ARRAY = KindEntry(
    key="array",
    spec=ArraySpec,
    kind=Array,
    fits=frozenset(),
    read=_read,
    says="An array of generated elements.",
    example=Example("integer[]", {"of": {"integer": {"min": 1, "max": 9}}, "min": 1, "max": 3}),
    in_arrays=False,
    fills_arrays=True,
)
