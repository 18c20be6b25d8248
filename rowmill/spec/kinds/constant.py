"""The kind `constant`: the same value in every row."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from rowmill.spec.kind.base import KnownContents, KnownSizes, KnownTexts, KnownWidths, OwnKind
from rowmill.spec.kind.entry import Example, KindEntry
from rowmill.spec.kind.reading import Reading
from rowmill.spec.kinds.choice import integer_span
from rowmill.spec.shapes.content import Content, content_of_literals
from rowmill.spec.shapes.size import Size, size_of_literals
from rowmill.spec.shapes.text import Text, text_of_strings
from rowmill.spec.shapes.width import fixed_width, literal_width
from rowmill.spec.values.types import ColumnType, Literal, Number, TypeName


@dataclass(frozen=True)
class Constant(OwnKind):
    """One value."""

    key: ClassVar[str] = "constant"

    value: Literal

    def span(self, rows: int, most_children: int | None) -> tuple[Number, Number] | None:
        """The value, of integers and of moments."""
        return integer_span((self.value,))

    @property
    def few_values(self) -> bool:
        """One."""
        return True

    def text(self, known: KnownTexts) -> Text:
        """The value's."""
        return text_of_strings([str(self.value)])

    def content(self, column_type: ColumnType, known: KnownContents) -> Content:
        """The value's."""
        return content_of_literals((self.value,), column_type)

    def width(self, column_type: ColumnType, known: KnownWidths) -> int:
        """The value's."""
        return fixed_width(column_type) or literal_width(self.value)

    def size(self, column_type: ColumnType, known: KnownSizes) -> Size:
        """The value's."""
        return size_of_literals((self.value,), (1,), column_type)


def _read(value: int | str, reading: Reading) -> Constant | None:
    literal = reading.literal(value)
    return None if literal is None else Constant(literal)


CONSTANT = KindEntry(
    key="constant",
    spec="IntOrString",
    kind=Constant,
    fits=frozenset(TypeName),
    read=_read,
    says="This value, by the column's type.",
    example=Example("integer", 7, mean=7, deviation=0),
    fills_arrays=True,
    literals=("",),
)
