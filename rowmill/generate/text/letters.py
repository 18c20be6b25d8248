"""Letters: case and ASCII folding by fixed tables, the same whatever Unicode version is installed.

The tables cover Latin, Greek and Cyrillic, blocks whose case pairs and decompositions Unicode has
promised not to change. Other characters have no case here.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

# Latin-1, Latin Extended-A, the Romanian letters, Greek, Cyrillic, Latin Extended Additional.
_BLOCKS = (
    (0x00C0, 0x0180),
    (0x0218, 0x021C),
    (0x0386, 0x03CF),
    (0x0400, 0x0482),
    (0x048A, 0x0500),
    (0x1E00, 0x1E9A),
    (0x1EA0, 0x1F00),
)
_ASCII = range(0x80)
_CASED = [*_ASCII, *(code for low, high in _BLOCKS for code in range(low, high))]
_UPPER = {code: chr(code).upper() for code in _CASED}
_LOWER = {code: chr(code).lower() for code in _CASED}

_SPELT = {
    "ß": "ss",
    "æ": "ae",
    "œ": "oe",
    "ø": "o",
    "đ": "d",
    "ð": "d",
    "þ": "th",
    "ł": "l",
    "ı": "i",
    "ħ": "h",
    "ŋ": "n",
    "ŧ": "t",
    "ĸ": "k",
    "ŉ": "n",
    "ĳ": "ij",
    "ŀ": "l",
    "ſ": "s",
    **dict(zip("αβγδεζηικλμνξοπρσςτυφω", "abgdezeiklmnxoprsstyfo", strict=True)),
    "θ": "th",
    "χ": "ch",
    "ψ": "ps",
    **dict(zip("абвгдезийклмнопрстуфыэіїєґ", "abvgdezijklmnoprstufyeiieg", strict=True)),
    "ё": "e",
    "ж": "zh",
    "х": "kh",
    "ц": "ts",
    "ч": "ch",
    "ш": "sh",
    "щ": "shch",
    "ъ": "",
    "ь": "",
    "ю": "yu",
    "я": "ya",
    "ђ": "dj",
    "ј": "j",
    "љ": "lj",
    "њ": "nj",
    "ћ": "c",
    "џ": "dz",
    "ў": "u",
}
# Punctuation, symbols and spaces beyond ASCII: they separate. Everything else that has no folding
# is a letter of another script and becomes its code point.
_SEPARATING = (
    (0x0080, 0x00BF),
    (0x00D7, 0x00D7),
    (0x00F7, 0x00F7),
    (0x2000, 0x2BFF),
    (0x3000, 0x3020),
    (0xFE10, 0xFE6F),
    (0xFF00, 0xFF0F),
)
_MARKS = (0x0300, 0x036F)
_APOSTROPHES = "'`´ʼ‘’"
_EMPTY = "x"


def upper(text: str) -> str:
    """All letters in upper case; `ß` becomes `SS`."""
    return text.translate(_UPPER)


def lower(text: str) -> str:
    """All letters in lower case."""
    return text.translate(_LOWER)


def title(text: str) -> str:
    """The first letter of every word in upper case, the others in lower case.

    A word is a run of letters, digits and apostrophes: `o'brien-smith` is `O'brien-Smith`.
    """
    return "".join(
        char if at % 2 else upper(char[:1]) + lower(char[1:])
        for at, char in enumerate(_BETWEEN_WORDS.split(text))
    )


def slug(text: str) -> str:
    """Lower-case ASCII letters and digits, words joined by `-`; never empty.

    Accents are dropped, Greek and Cyrillic romanised (`Ørsted` is `orsted`), letters of other
    scripts become their code points in hexadecimal, apostrophes go, and a text without letters or
    digits is `x`.
    """
    return _NO_SLUG.sub("-", text.translate(_FOLDED)).strip("-") or _EMPTY


def map_texts(texts: pa.Array, change: Callable[[str], str]) -> pa.Array:
    """The texts changed one by one, each different one once; nulls stay."""
    if change in _ARROW and is_ascii(texts):
        return _ARROW[change](texts)
    encoded = texts.dictionary_encode()
    changed = [change(text) for text in encoded.dictionary.to_pylist()]
    return pa.array(changed, type=pa.string()).take(encoded.indices)


def is_ascii(texts: pa.Array) -> bool:
    """Whether all texts are of ASCII characters alone."""
    buffer = texts.buffers()[2]
    return buffer is None or bool((np.frombuffer(buffer, dtype=np.uint8) < 0x80).all())


_BETWEEN_WORDS = re.compile(
    "([\x00-&(-/:-@\\[-_{-\x7f" + "".join(f"{chr(a)}-{chr(b)}" for a, b in _SEPARATING[3:]) + "]+)"
)
_NO_SLUG = re.compile("[^a-z0-9]+")


def _fold(char: str) -> str:
    code = ord(char)
    if code < 0x80 or char in _APOSTROPHES:
        return "" if char in _APOSTROPHES else char
    if char in _SPELT:
        return _SPELT[char]
    if any(low <= code <= high for low, high in _SEPARATING):
        return " "
    if _MARKS[0] <= code <= _MARKS[1]:
        return ""
    if any(low <= code < high for low, high in _BLOCKS):
        base = unicodedata.normalize("NFKD", char)
        if base != char:
            return "".join(_fold(part) for part in base)
    return f"{code:x}"


class _Folding(dict[int, str]):
    """What `str.translate` replaces a character by for a slug, worked out when first met."""

    def __missing__(self, code: int) -> str:
        self[code] = "".join(_fold(char) for char in lower(chr(code)))
        return self[code]


_FOLDED = _Folding()


def _slug_ascii(texts: pa.Array) -> pa.Array:
    plain = pc.replace_substring_regex(pc.ascii_lower(texts), "['`]", "")
    joined = pc.ascii_trim(pc.replace_substring_regex(plain, "[^a-z0-9]+", "-"), "-")
    return pc.if_else(pc.equal(joined, ""), _EMPTY, joined)


_ARROW: dict[Callable[[str], str], Callable[[pa.Array], pa.Array]] = {
    upper: pc.ascii_upper,
    lower: pc.ascii_lower,
    slug: _slug_ascii,
}
