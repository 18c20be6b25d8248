"""Sets of characters: what a text can hold, told from its parts at once however deep they nest."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

_ASCII_END, _LAST = 0x80, 0x10FFFF


@dataclass(frozen=True)
class CharacterSet:
    """A set of characters as spans of code points, first and last, ascending and apart."""

    spans: tuple[tuple[int, int], ...]

    @classmethod
    def of_spans(cls, spans: Iterable[tuple[int, int]]) -> CharacterSet:
        """Those of spans in any order, which may overlap."""
        apart: list[tuple[int, int]] = []
        for low, high in sorted(spans):
            if apart and low <= apart[-1][1] + 1:
                apart[-1] = apart[-1][0], max(apart[-1][1], high)
            else:
                apart.append((low, high))
        return cls(tuple(apart))

    @classmethod
    def of(cls, text: str) -> CharacterSet:
        """Those that occur in the text."""
        return cls.of_spans((ord(each), ord(each)) for each in set(text))

    def __contains__(self, character: str) -> bool:
        code = ord(character)
        return any(low <= code <= high for low, high in self.spans)

    def __or__(self, other: CharacterSet) -> CharacterSet:
        return CharacterSet.of_spans((*self.spans, *other.spans))

    @property
    def ascii(self) -> bool:
        """Whether all of them are ASCII."""
        return all(high < _ASCII_END for _, high in self.spans)

    def after_case_change(self) -> CharacterSet:
        """All that upper, lower or title case may make of them."""
        plain = "".join(chr(code) for code in range(_ASCII_END) if chr(code) in self)
        if self.ascii:
            return CharacterSet.of(plain + plain.lower() + plain.upper())
        # Of a letter beyond ASCII may become another there, or one of ASCII.
        letters = [(code, code) for code in range(_ASCII_END) if chr(code).isalpha()]
        return CharacterSet.of(plain) | CharacterSet.of_spans([*letters, (_ASCII_END, _LAST)])


ANY = CharacterSet(((0, _LAST),))
