"""Cells as JSON, from the text that Postgres prints: every digit and every column is kept."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence

from rowmill.engine.printed_columns import PrintedColumn, Scalar

# Digits are JSON as they stand; NaN and Infinity are none, and become text.
_DIGITS = re.compile(r"-?[0-9]")
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)


def json_writer(column: PrintedColumn) -> Callable[[str | None], str]:
    """What turns a cell of this column into JSON.

    Integers and floats are numbers, booleans and NULL JSON's own, arrays lists, and JSON stands as
    it is, digit for digit; all else, numeric too, is a string.
    """
    scalar = _SCALARS[column.scalar]
    if column.delimiter is None:
        return lambda text: "null" if text is None else scalar(text)
    tokens = _tokens(column.delimiter)
    return lambda text: "null" if text is None else _list(text, tokens, scalar)


def json_keys(names: Sequence[str]) -> list[str]:
    """The names as keys of one object: a name that came before gets `_2`, `_3` and so on."""
    keys: list[str] = []
    taken = set(names)
    for name in names:
        key, number = name, 1
        while key in keys or (number > 1 and key in taken):
            number += 1
            key = f"{name}_{number}"
        keys.append(key)
    return keys


def json_text(text: str) -> str:
    """A string of JSON, its letters as they are."""
    return json.dumps(text, ensure_ascii=False)


def _number(text: str) -> str:
    return text if _DIGITS.match(text) else json_text(text)


_SCALARS: dict[Scalar, Callable[[str], str]] = {
    Scalar.TEXT: json_text,
    Scalar.DECIMAL: json_text,
    # Postgres took it as JSON.
    Scalar.JSON: str,
    Scalar.NUMBER: _number,
    Scalar.BOOLEAN: lambda text: "true" if text == "t" else "false",
}


def _tokens(delimiter: str) -> re.Pattern[str]:
    other = re.escape(delimiter)
    return re.compile(
        rf'(?P<open>{{)|(?P<close>}})|(?P<next>{other})|"(?P<quoted>(?:[^"\\]|\\.)*)"'
        rf"|(?P<bare>(?:[^{{}}\"\\{other}]|\\.)+)",
        re.DOTALL,
    )


def _list(text: str, tokens: re.Pattern[str], scalar: Callable[[str], str]) -> str:
    """An array such as `{a,NULL,"b c"}`; before it may stand its bounds, as in `[0:1]={a,b}`."""
    pieces = []
    for token in tokens.finditer(text, text.index("{")):
        kind, found = token.lastgroup, token[token.lastgroup or 0]
        if kind == "quoted":
            pieces.append(scalar(_ESCAPED.sub(r"\1", found)))
        elif kind == "bare":
            bare = found.strip()
            pieces.append("null" if bare == "NULL" else scalar(_ESCAPED.sub(r"\1", bare)))
        else:
            pieces.append({"open": "[", "close": "]"}.get(kind or "", ", "))
    return "".join(pieces)
