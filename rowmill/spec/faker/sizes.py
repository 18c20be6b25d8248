"""How long a Faker provider's text may be, told from its arguments and its locale."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

# Numbers that say how long a text is, and about how many characters each is good for: of ASCII
# whatever the locale, and of the locale's own words.
_OF_ASCII = {
    "deep": 12,
    "length": 1,
    "levels": 20,
    "max_chars": 1,
    "num_rows": 120,
}
_OF_WORDS = {
    "depth": 12,
    "max_nb_chars": 1,
    "nb_sentences": 60,
    "nb_words": 8,
}
# Texts of which a value has this many at most; of any other text it has one.
_TIMES = {"letters": 0, "separator": 4}
# These are the whole text; what others are added to has at most about so many characters.
_WHOLE, _ADDED_TO = frozenset({"string_format", "text"}), 40
# Bytes to a character in the words of a language; others have an accent now and then.
_ACCENTED = Fraction(5, 4)
_TWO, _THREE = "ar bg el he hy mk ru sr uk vi", "am bn fa gu hi ja ka ko mr ne or ta th zh"
_BYTES = {
    "en": Fraction(1),
    **dict.fromkeys(_TWO.split(), Fraction(2)),
    **dict.fromkeys(_THREE.split(), Fraction(3)),
}


@dataclass(frozen=True)
class FakerLength:
    """The most characters of a text and, in UTF-8, its most bytes."""

    characters: int
    bytes: int


def faker_length(args: tuple[tuple[str, int | str], ...], locale: str) -> FakerLength | None:
    """How long the arguments let a text be, nearly; None where they do not say."""
    numbers = {name: value for name, value in args if isinstance(value, int)}
    texts = {name: value for name, value in args if isinstance(value, str)}
    words = _sum(numbers, _OF_WORDS)
    plain = _sum(numbers, _OF_ASCII)
    given = sum(len(value) * _TIMES.get(name, 1) for name, value in texts.items())
    if not words + plain + given:
        return None
    if not words + plain and not _WHOLE & texts.keys():
        plain = _ADDED_TO
    widest = max((len(c.encode()) for value in texts.values() for c in value), default=1)
    size = plain + given * widest + int(words * _bytes_to_a_character(locale))
    return FakerLength(words + plain + given, size)


def _sum(numbers: dict[str, int], good_for: dict[str, int]) -> int:
    return sum(max(0, numbers.get(name, 0)) * each for name, each in good_for.items())


def _bytes_to_a_character(locale: str) -> Fraction:
    return _BYTES.get(locale.split("_")[0], _ACCENTED)
