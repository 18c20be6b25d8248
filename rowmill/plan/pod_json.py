"""Reads JSON that a pod wrote, which may be anything: what is no value of its kind is None."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

# Rows, bytes or rows a second: no manifest asks for as many.
MOST = 10**18


def compact(document: Mapping[str, Any]) -> bytes:
    """A document as a pod writes it, in ASCII."""
    return json.dumps(document, separators=(",", ":")).encode("ascii")


def read_object(text: str | bytes) -> Mapping[str, Any] | None:
    """The JSON object that a text is, None if it is none."""
    try:
        document = json.loads(text, parse_constant=_refuse)
    except (ValueError, RecursionError):
        return None
    return document if isinstance(document, dict) else None


def read_text(value: object, most: int) -> str | None:
    """A text of up to `most` characters, else its beginning; always one that can be sent on."""
    if not isinstance(value, str):
        return None
    # Half a character, which JSON may spell, is in no UTF-8.
    return value[:most].encode(errors="replace").decode()


def read_count(value: object, least: int = 0) -> int | None:
    """A whole number from `least` to MOST."""
    # To Python a truth value is one.
    if isinstance(value, bool) or not isinstance(value, int):
        return None
    return value if least <= value <= MOST else None


def read_amount(value: object) -> float | None:
    """A number from 0 to MOST."""
    if isinstance(value, float):
        return value if 0 <= value <= MOST else None
    count = read_count(value)
    return None if count is None else float(count)


def _refuse(constant: str) -> Any:
    raise ValueError(f"{constant} is no number")
