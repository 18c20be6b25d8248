"""Texts from elsewhere at a length that a status, an answer or a memory can bear."""

from __future__ import annotations

_MARK = "..."


def shortened(text: str, most: int) -> str:
    """The text, or its beginning and a mark, of `most` characters at the most."""
    return text if len(text) <= most else text[: most - len(_MARK)] + _MARK
