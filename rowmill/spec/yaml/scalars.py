"""YAML scalars as kubectl reads them: the rules of go-yaml v2 (its resolve.go), then JSON's.

kubectl turns YAML into JSON by sigs.k8s.io/yaml, so a number that Go holds in a float64 reaches
the API server as that float64's shortest decimal text, and an integral one as an integer.
"""

from __future__ import annotations

import re
from decimal import Decimal, InvalidOperation

Scalar = str | int | Decimal | bool | None

INT64 = (-(2**63), 2**63 - 1)

_WORDS: dict[str, bool | None] = {
    **dict.fromkeys(["y", "Y", "yes", "Yes", "YES", "on", "On", "ON"], True),
    **dict.fromkeys(["true", "True", "TRUE"], True),
    **dict.fromkeys(["n", "N", "no", "No", "NO", "off", "Off", "OFF"], False),
    **dict.fromkeys(["false", "False", "FALSE"], False),
    **dict.fromkeys(["", "~", "null", "Null", "NULL"], None),
}
_NO_NUMBER = re.compile(r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)")
_INTEGER = re.compile(
    r"(?P<sign>[-+]?)(?:0[xX](?P<hex>[0-9a-fA-F]+)|0[bB](?P<bin>[01]+)"
    r"|0[oO]?(?P<oct>[0-7]+)|(?P<dec>0|[1-9][0-9]*))"
)
_BASES = {"hex": 16, "bin": 2, "oct": 8, "dec": 10}
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
# Go's own float syntax, which applies to what begins with a point: `_` only between digits.
_POINT_FLOAT = re.compile(r"\.[0-9]+(_[0-9]+)*([eE][-+]?[0-9]+(_[0-9]+)*)?")


def plain_scalar(text: str) -> Scalar:
    """What an unquoted scalar means: text, an integer, an exact decimal, a boolean or null.

    Raises:
        ValueError: for a number that JSON cannot carry as written, saying what would be right.
    """
    if text in _WORDS:
        return _WORDS[text]
    if _NO_NUMBER.fullmatch(text):
        raise ValueError(f"{text} is no number that a manifest can hold; write a finite number")
    if text[0] == ".":
        return _float(text.replace("_", "")) if _POINT_FLOAT.fullmatch(text) else text
    if text[0] not in "+-0123456789":
        return text
    plain = text.replace("_", "")
    if match := _INTEGER.fullmatch(plain):
        return _integer(match, text)
    return _float(plain) if _FLOAT.fullmatch(plain) else text


def _integer(match: re.Match[str], text: str) -> int:
    base = next(name for name in _BASES if match[name] is not None)
    if len(match[base]) > 64:
        raise ValueError(_too_big(text))
    value = int(match["sign"] + match[base], _BASES[base])
    if not INT64[0] <= value <= INT64[1]:
        raise ValueError(_too_big(text))
    return value


def _too_big(text: str) -> str:
    return (
        f"{text[:40]} is outside the integers that a manifest can hold, {INT64[0]} to {INT64[1]}; "
        "where text is accepted, put it in quotes"
    )


def _float(text: str) -> int | Decimal:
    value = float(text)
    if value in (float("inf"), float("-inf")):
        raise ValueError(f"{text[:40]} is too large for a number; the largest are about 1.8e308")
    exact = Decimal(repr(value))
    if exact != _decimal(text):
        raise ValueError(
            f"{text[:40]} has more digits than kubectl keeps, which would read {value!r}; "
            "write that number"
        )
    if exact == exact.to_integral_value() and INT64[0] <= exact <= INT64[1]:
        return int(exact)
    return exact


def _decimal(text: str) -> Decimal | None:
    try:
        return Decimal(text)
    except InvalidOperation:  # an exponent of twenty digits
        return None
