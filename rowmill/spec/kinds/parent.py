"""The kind `parent`: a value of the row that a reference leads to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from rowmill.spec.kind.base import KnownWidths, Source, WholeKind
from rowmill.spec.kind.entry import Example, KindEntry, Parameters, parameter
from rowmill.spec.kind.reading import Reading
from rowmill.spec.paths import shown
from rowmill.spec.shapes.width import width_of_type
from rowmill.spec.values.types import ColumnType, TypeName, holds

if TYPE_CHECKING:
    from rowmill.spec.fields import Name, Text


class ParentSpec(Parameters):
    """The value that the parent's row has in `column`."""

    via: Text = parameter(
        "A reference column of this table, or its foreign key's columns with commas."
    )
    column: Name = parameter("The parent's column.")


class Copy(WholeKind, abstract=True):
    """A value of the row that the link `via` picked, as it is."""

    via: str
    column: str

    def sources(self) -> Sequence[Source]:
        """The parent's column."""
        return (self.copied,)

    @property
    def copied(self) -> Source:
        """The parent's column."""
        return Source(self.column, self.via)

    def width(self, column_type: ColumnType, known: KnownWidths) -> int:
        """The parent's column's."""
        found = known.width(self.copied)
        return width_of_type(column_type) if found is None else found


@dataclass(frozen=True)
class Parent(Copy):
    """The value that the parent's row has in `column`; `via` names the link."""

    key: ClassVar[str] = "parent"

    via: str
    column: str


def _read(spec: ParentSpec, reading: Reading) -> Parent | None:
    link = reading.link(spec.via)
    source = reading.source(spec.column, spec.via)
    if source is None or source.doubtful("type"):
        return None
    if not holds(reading.type, source.type):
        reading.report.add(
            (*reading.path, "column"),
            f"{shown(source.name)} is {source.type}, this column {reading.type}; use {source.type}",
        )
        return None
    return None if link is None else Parent(link, spec.column)


PARENT = KindEntry(
    key="parent",
    spec=ParentSpec,
    kind=Parent,
    fits=frozenset(TypeName),
    read=_read,
    says="A value of the referenced row.",
    example=Example("text", {"via": "owner", "column": "name"}),
    in_arrays=False,
    fills_arrays=True,
)
