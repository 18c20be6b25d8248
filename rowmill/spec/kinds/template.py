"""The kind `template`: text joined from fixed pieces and other columns of the row."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar

from rowmill.spec.kind.base import (
    KnownContents,
    KnownSizes,
    KnownTexts,
    KnownWidths,
    Source,
    WholeKind,
)
from rowmill.spec.kind.entry import Example, KindEntry
from rowmill.spec.kind.reading import Reading
from rowmill.spec.patterns.character_sets import CharacterSet
from rowmill.spec.shapes.content import LENGTH_WORD, Content, content_of_text
from rowmill.spec.shapes.size import Size, size_of_joined, unknown_size
from rowmill.spec.shapes.text import Text, text_of_strings
from rowmill.spec.shapes.width import width_of_type
from rowmill.spec.templates.addresses import Stretch, stretches
from rowmill.spec.templates.field_text import (
    cut_stretch,
    field_content,
    field_size,
    field_text,
    growth,
)
from rowmill.spec.templates.placeholders import Field, parse_template
from rowmill.spec.values.types import STRINGS, ColumnType
from rowmill.spec.versions import version_of


@dataclass(frozen=True)
class Template(WholeKind):
    """Fixed texts and fields, from the left."""

    key: ClassVar[str] = "template"

    pieces: tuple[str | Field, ...]

    @property
    def fields(self) -> list[Field]:
        """Its fields, from the left."""
        return [piece for piece in self.pieces if isinstance(piece, Field)]

    def sources(self) -> Sequence[Source]:
        """The columns of its fields."""
        return [Source(field.column) for field in self.fields]

    def text(self, known: KnownTexts) -> Text:
        """All pieces one behind the other; an address's slugs are cut from version 2 on."""
        parts = [
            field_text(piece, known) if isinstance(piece, Field) else text_of_strings([piece])
            for piece in self.pieces
        ]
        cuts = version_of(known.data_version, self.key) > 1
        return Text(
            self._most([part.most for part in parts], stretches(self.pieces) if cuts else []),
            CharacterSet.of_spans(span for part in parts for span in part.characters.spans),
            all(part.known for part in parts),
        )

    def why_long(self, known: KnownTexts, length: int) -> tuple[str, str] | None:
        """Which fields may grow, and whether a version that cuts an address's slugs would help."""
        right = ""
        most, cut = self.text(known).most, self._most_cut(known)
        if cut is not None and (most is None or cut < most) and cut <= length:
            right = f", or `dataVersion: 2`, which cuts an address's slugs: to {cut} in all"
        return ", and ".join(self._growing(known)), right

    def text_content(self, known: KnownContents) -> Content:
        """All pieces one behind the other."""
        parts = [
            field_content(piece, known) if isinstance(piece, Field) else content_of_text(piece)
            for piece in self.pieces
        ]
        most = [part.most for part in parts if part.most is not None]
        return Content(
            sum(part.least for part in parts),
            sum(most) if len(most) == len(parts) else None,
            # What stands around it may be a match's beginning or end.
            max((part.kept - LENGTH_WORD for part in parts if part.kept), default=0),
            sum(part.beyond for part in parts),
        )

    def width(self, column_type: ColumnType, known: KnownWidths) -> int:
        """All pieces one behind the other."""
        widths = [
            known.width(Source(piece.column)) if isinstance(piece, Field) else len(piece.encode())
            for piece in self.pieces
        ]
        found = [width for width in widths if width is not None]
        return sum(found) if len(found) == len(widths) else width_of_type(column_type)

    def size(self, column_type: ColumnType, known: KnownSizes) -> Size:
        """All pieces one behind the other."""
        sizes = [
            field_size(piece, known) if isinstance(piece, Field) else _fixed_size(piece)
            for piece in self.pieces
        ]
        found = [size for size in sizes if size is not None]
        if len(found) < len(sizes):
            return unknown_size(known.width_of(self, column_type))
        return size_of_joined(found)

    def _most_cut(self, known: KnownTexts) -> int | None:
        """The most characters by a data version that cuts slugs, None for any number of them."""
        parts = [
            field_text(piece, known).most if isinstance(piece, Field) else len(piece)
            for piece in self.pieces
        ]
        return self._most(parts, stretches(self.pieces))

    def _growing(self, known: KnownTexts) -> Iterator[str]:
        """What is said of each field that has no limit, or that its filter makes longer."""
        for field in dict.fromkeys(self.fields):
            if (said := growth(field, known)) is not None:
                yield said

    def _most(self, parts: Sequence[int | None], cut: Sequence[Stretch]) -> int | None:
        """The most characters of the whole, its pieces having so many at most."""
        fields = [
            (piece, most)
            for piece, most in zip(self.pieces, parts, strict=True)
            if isinstance(piece, Field)
        ]
        total = sum(len(piece) for piece in self.pieces if isinstance(piece, str))
        inside = {place for s in cut for place in range(s.first, s.end)}
        found = [most for place, (_, most) in enumerate(fields) if place not in inside]
        found += [cut_stretch(fields[s.first : s.end], s.most - s.fixed) for s in cut]
        known = [most for most in found if most is not None]
        return total + sum(known) if len(known) == len(found) else None


def _fixed_size(text: str) -> Size:
    size = len(text.encode())
    return Size(size, size)


def _read(text: str, reading: Reading) -> Template | None:
    pieces, problems = parse_template(text, reading.columns, open_names=reading.open_names)
    for problem in problems:
        reading.report.add(reading.path, problem)
    return None if pieces is None else Template(pieces)


TEMPLATE = KindEntry(
    key="template",
    spec="Text",
    kind=Template,
    fits=STRINGS,
    read=_read,
    says="Text with {column} and {column|filter}: slug, upper, lower, title, pad:8.",
    example=Example("text", "{name|slug}-{number|pad:4}"),
    unique_if="with a unique column in it",
)
