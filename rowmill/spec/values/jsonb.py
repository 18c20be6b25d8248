"""jsonb: JSON texts in the form in which Postgres prints them."""

from __future__ import annotations

import json
import re
from decimal import Decimal, InvalidOperation
from typing import Any, NoReturn

# Postgres's numeric: digits before the decimal point, and after it.
_WHOLE_DIGITS = 131_072
_FRACTION_DIGITS = 16_383
_MAX_DEPTH = 100
_SURROGATE = re.compile("[\ud800-\udfff]")


class _Number(str):
    """A number's digits, already in the form in which numeric prints it."""


def canonical_jsonb(text: str) -> str:
    """The JSON text as Postgres prints it once it is jsonb.

    Keys in the order of their UTF-8 length, then bytes; of equal keys the last wins; `, ` and
    `: ` between; numbers as numeric prints them (`1e2` is 100, `1.50` stays); no needless escapes.

    Raises:
        ValueError: it is no JSON, nested deeper than 100, or holds what jsonb cannot (\\u0000, half
            a surrogate pair, a number beyond numeric).
    """
    try:
        value = json.loads(text, parse_int=_number, parse_float=_number, parse_constant=_constant)
        return _shown(value, 0)
    except RecursionError:
        raise ValueError(f"the JSON is nested deeper than {_MAX_DEPTH}; make it flatter") from None
    except json.JSONDecodeError as error:
        raise ValueError(
            f"no JSON: {error.msg} at character {error.pos + 1}; strings need double quotes"
        ) from None


def comparable_jsonb(canonical: str) -> str:
    """One text for all that `=` of jsonb takes for equal: of 1 and 1.00 the shorter one.

    Args:
        canonical: what `canonical_jsonb` returned.
    """
    return _shown(json.loads(canonical, parse_int=_Number, parse_float=_without_end_zeros), 0)


def _without_end_zeros(digits: str) -> _Number:
    return _Number(digits.rstrip("0").rstrip("."))


def _shown(value: Any, depth: int) -> str:
    if depth > _MAX_DEPTH:
        raise ValueError(f"the JSON is nested deeper than {_MAX_DEPTH}; make it flatter")
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, _Number):
        return str(value)
    if isinstance(value, str):
        return _string(value)
    if isinstance(value, list):
        return "[" + ", ".join(_shown(item, depth + 1) for item in value) + "]"
    keys = sorted(value, key=lambda key: (len(raw := _utf8(key)), raw))
    members = (f"{_string(key)}: {_shown(value[key], depth + 1)}" for key in keys)
    return "{" + ", ".join(members) + "}"


def _utf8(text: str) -> bytes:
    if "\0" in text:
        raise ValueError("the JSON holds \\u0000, which jsonb cannot store; leave it out")
    if _SURROGATE.search(text):
        raise ValueError("the JSON holds half a surrogate pair, which jsonb cannot store")
    return text.encode()


def _string(text: str) -> str:
    _utf8(text)
    return json.dumps(text, ensure_ascii=False)


def _number(digits: str) -> _Number:
    try:
        number = Decimal(digits)
    except InvalidOperation:
        raise _beyond(digits) from None
    _, figures, exponent = number.as_tuple()
    assert isinstance(exponent, int)
    if -exponent > _FRACTION_DIGITS or number.adjusted() >= _WHOLE_DIGITS:
        raise _beyond(digits)
    if not any(figures):
        # numeric has no negative zero, but keeps the zeros after the point.
        return _Number("0" if exponent >= 0 else "0." + "0" * -exponent)
    return _Number(f"{number:f}")


def _beyond(digits: str) -> ValueError:
    return ValueError(f"the JSON holds {digits[:40]}, which is beyond what numeric stores")


def _constant(name: str) -> NoReturn:
    raise ValueError(f"no JSON: {name} is no JSON number")
