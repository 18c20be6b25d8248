"""The kind `uuid`: random or ordered by time, and never the same twice."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

from rowmill.spec.kind.base import KnownContents, KnownSizes, KnownTexts, OwnKind
from rowmill.spec.kind.entry import Example, KindEntry, Parameters, parameter
from rowmill.spec.kind.reading import Reading
from rowmill.spec.patterns.compression import drawn_kept
from rowmill.spec.shapes.content import Content
from rowmill.spec.shapes.size import Size
from rowmill.spec.shapes.text import UUID_LENGTH, Text, uuid_text
from rowmill.spec.values.types import STRINGS, ColumnType, TypeName

_RANDOM_BITS = 122


class UuidSpec(Parameters):
    """A UUID."""

    version: Literal[4, 7] = parameter("4 (random) or 7 (ordered by time).", 4)


@dataclass(frozen=True)
class Uuid(OwnKind):
    """Of version 4 or 7."""

    key: ClassVar[str] = "uuid"

    version: int

    @property
    def never_repeats(self) -> bool:
        """By construction."""
        return True

    @property
    def compressible(self) -> bool:
        """Nearly all of its bits are drawn."""
        return False

    def text(self, known: KnownTexts) -> Text:
        """Hexadecimal digits in groups."""
        return uuid_text()

    def text_content(self, known: KnownContents) -> Content:
        """Its characters."""
        return Content(UUID_LENGTH, UUID_LENGTH, self._kept)

    def bits(self, column_type: ColumnType) -> float:
        """Those of version 4 are random."""
        return _RANDOM_BITS if self.version == 4 else 0.0

    def size(self, column_type: ColumnType, known: KnownSizes) -> Size:
        """Its characters."""
        return Size(UUID_LENGTH, UUID_LENGTH, self._kept, self._kept)

    @property
    def _kept(self) -> int:
        return drawn_kept(_RANDOM_BITS) if self.version == 4 else 0


def _read(spec: UuidSpec, reading: Reading) -> Uuid | None:
    length = reading.type.length
    if length is not None and length < UUID_LENGTH:
        reading.report.add(
            reading.path,
            f"has {UUID_LENGTH} characters, more than {reading.type} holds; use the type uuid",
        )
        return None
    return Uuid(spec.version)


UUID = KindEntry(
    key="uuid",
    spec=UuidSpec,
    kind=Uuid,
    fits=STRINGS | {TypeName.UUID},
    read=_read,
    says="A UUID.",
    example=Example("uuid", {}),
)
