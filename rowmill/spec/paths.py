"""Paths into a manifest, written `spec.tables[1].columns[2].generate`."""

from __future__ import annotations

import re

Path = tuple[str | int, ...]

_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*")
_STEP = re.compile(r"\[([0-9]+)\]|([^.\[\]]+)")
# The latter as in Postgres and in Kubernetes.
_LONGEST, _LONGEST_NAME = 60, 63


def path_text(path: Path) -> str:
    """The path as messages show it; a key that is no plain word, or long, is in brackets."""
    text = ""
    for part in path:
        if isinstance(part, int):
            text += f"[{part}]"
        elif _is_plain(part):
            text += f".{part}" if text else part
        else:
            text += f"[{shown(part)}]"
    return text


def shown(value: object) -> str:
    """A value as messages show it: as JSON would write it, shortened, on one line."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if value is None:
        return "null"
    if isinstance(value, dict):
        return "a mapping"
    if isinstance(value, list | tuple):
        return "a list"
    if not isinstance(value, str):
        return str(value)[:_LONGEST]
    text = "".join(c if c.isprintable() else f"\\u{ord(c):04x}" for c in value[:_LONGEST])
    return f'"{text}..."' if len(value) > _LONGEST else f'"{text}"'


def name_text(name: str) -> str:
    """A table's or column's name as it stands before a message.

    It is in quotes if it is no plain word, and cut if it is longer than any name may be.
    """
    return name if _is_plain(name) else shown(name)


def _is_plain(text: str) -> bool:
    return len(text) <= _LONGEST_NAME and _PLAIN.fullmatch(text) is not None


def path_of(text: str) -> Path:
    """The path that `path_text` has written, as far as it is plain words and indexes."""
    return tuple(int(i) if i else word for i, word in _STEP.findall(text))
