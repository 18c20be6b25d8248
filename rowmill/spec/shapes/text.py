"""Texts: how long a cell can be as text, and which characters it can hold."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from rowmill.spec.patterns.character_sets import ANY, CharacterSet
from rowmill.spec.values.types import INTEGERS, ColumnType, TypeName

UUID_LENGTH = 36
_MOST_CHARACTERS: dict[TypeName, tuple[int, str]] = {
    TypeName.BOOLEAN: (5, "truefals"),
    TypeName.SMALLINT: (6, "-0123456789"),
    TypeName.INTEGER: (11, "-0123456789"),
    TypeName.BIGINT: (20, "-0123456789"),
    TypeName.REAL: (24, "-+.0123456789einf"),
    TypeName.DOUBLE: (24, "-+.0123456789einf"),
    TypeName.DATE: (10, "-0123456789"),
    TypeName.TIME: (15, "0123456789:."),
    TypeName.TIMESTAMP: (26, "-0123456789:. T"),
    TypeName.TIMESTAMPTZ: (32, "-+0123456789:. TZ"),
    TypeName.UUID: (UUID_LENGTH, "-0123456789abcdef"),
    TypeName.INET: (43, "0123456789abcdef.:/"),
}


@dataclass(frozen=True)
class Text:
    """What text a cell can be: `most` characters (None: any number) of `characters`.

    Of what is not `known` all that may be wrong, for a problem hides it.
    """

    most: int | None
    characters: CharacterSet
    known: bool = True

    @property
    def ascii(self) -> bool:
        """Whether it holds nothing but ASCII."""
        return self.characters.ascii


ANYTHING = Text(None, ANY)
UNKNOWN = Text(None, ANY, known=False)


def text_of_strings(values: Iterable[str]) -> Text:
    """The text of a cell that is one of these."""
    found = list(values)
    return Text(max(map(len, found)), CharacterSet.of("".join(found)))


def text_of_type(column_type: ColumnType, span: tuple[int, int] | None = None) -> Text:
    """The text of any value of a type; of integers of those in the span, if one is known."""
    if column_type.name is TypeName.NUMERIC:
        # A sign, the point, and the zero that stands before it when all digits are behind.
        return _plain((column_type.precision or 0) + 3, "-.0123456789")
    if column_type.name in INTEGERS and span is not None:
        longest = max(len(str(span[0])), len(str(span[1])))
        return _plain(longest, ("-" if span[0] < 0 else "") + "0123456789")
    if column_type.name in _MOST_CHARACTERS:
        return _plain(*_MOST_CHARACTERS[column_type.name])
    return ANYTHING


def uuid_text() -> Text:
    """The text of a UUID."""
    return _plain(*_MOST_CHARACTERS[TypeName.UUID])


def _plain(most: int, characters: str) -> Text:
    return Text(most, CharacterSet.of(characters))
