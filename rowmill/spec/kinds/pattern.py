"""The kind `pattern`: texts that match a regular expression."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from rowmill.spec.kind.base import KnownContents, KnownSizes, KnownTexts, OwnKind
from rowmill.spec.kind.entry import Example, KindEntry
from rowmill.spec.kind.reading import Reading
from rowmill.spec.patterns.automaton import (
    compile_pattern,
    count_strings,
    differs_in_end_spaces,
)
from rowmill.spec.patterns.compression import drawn_kept, pattern_bits, pattern_kept
from rowmill.spec.shapes.content import Content
from rowmill.spec.shapes.size import Size
from rowmill.spec.shapes.text import Text
from rowmill.spec.values.types import STRINGS, ColumnType, TypeName

# Where UTF-8 takes a byte more for a character.
_WIDER = (0x80, 0x800, 0x10000)


@dataclass(frozen=True)
class Pattern(OwnKind):
    """Strings of a regular expression, a subset."""

    key: ClassVar[str] = "pattern"

    pattern: str

    def why_repeats(self, column_type: ColumnType) -> str | None:
        """In a char(n) spaces at the end keep nothing apart."""
        is_char = column_type.name is TypeName.CHAR and not column_type.array
        if not is_char or not self.differs_in_end_spaces:
            return None
        return (
            f"has values that differ in spaces at the end alone, which {column_type} does "
            "not compare; use a pattern without them, or varchar"
        )

    def domain(self, column_type: ColumnType, data_version: int) -> int | None:
        """Its strings."""
        return count_strings(self.pattern)

    def more_values(self, rows: int, column_type: ColumnType, data_version: int) -> str:
        """Longer strings."""
        return "a longer pattern"

    @property
    def differs_in_end_spaces(self) -> bool:
        """Whether two of its strings do."""
        return differs_in_end_spaces(self.pattern)

    def text(self, known: KnownTexts) -> Text:
        """Its longest string and all of its characters."""
        automaton = compile_pattern(self.pattern)
        return Text(automaton.max_length, automaton.characters)

    def why_long(self, known: KnownTexts, length: int) -> tuple[str, str] | None:
        """It is refused where it is longer than its column."""
        return "", ""

    def text_content(self, known: KnownContents) -> Content:
        """Its strings, of characters as wide as they are."""
        automaton = compile_pattern(self.pattern)
        codes = [code for edges in automaton.edges for e in edges for code in (e.low, e.high)]
        widths = [_width(code) for code in codes] or [0]
        return Content(
            automaton.min_length * min(widths),
            automaton.max_length * max(widths),
            pattern_kept(self.pattern),
            automaton.max_length * (max(widths) - 1),
        )

    def bits(self, column_type: ColumnType) -> float:
        """Those of its choices."""
        return pattern_bits(self.pattern)

    def size(self, column_type: ColumnType, known: KnownSizes) -> Size:
        """A string of mean length."""
        automaton = compile_pattern(self.pattern)
        codes = sum(high - low + 1 for low, high in automaton.characters.spans)
        wider = sum(
            max(0, high + 1 - max(low, bound))
            for low, high in automaton.characters.spans
            for bound in _WIDER
        )
        mean = (automaton.min_length + automaton.max_length) / 2
        width = 1 + wider / codes if codes else 1
        drawn = drawn_kept(pattern_bits(self.pattern))
        return Size(automaton.min_length, mean * width, pattern_kept(self.pattern), drawn)


def _width(code: int) -> int:
    """The bytes of a character in UTF-8; a class reaches over no surrogates."""
    return 1 + sum(code >= bound for bound in _WIDER)


def _read(text: str, reading: Reading) -> Pattern | None:
    try:
        compile_pattern(text)
    except ValueError as error:
        reading.report.attempt(reading.path, error)
        return None
    return Pattern(text)


PATTERN = KindEntry(
    key="pattern",
    spec="Text",
    kind=Pattern,
    fits=STRINGS,
    read=_read,
    says="A regular expression (a subset) that the text matches.",
    example=Example("text", "[A-Z]{2}-[0-9]{3}"),
)
