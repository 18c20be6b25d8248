"""Placeholders: `{column}` and `{column|filter}` in text, read into pieces."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass

from rowmill.spec.paths import shown
from rowmill.spec.report import nearest

FILTERS = ("slug", "upper", "lower", "title", "pad")
MAX_PAD = 1_000
# A doubled brace stands for itself.
_TOKEN = re.compile(r"\{\{|\}\}|\{([^{}]*)\}|[{}]|[^{}]+")
_PAD = re.compile(r"pad:([0-9]{1,6})")


@dataclass(frozen=True)
class Field:
    """`{column|filter:argument}`; the filter is None, slug, upper, lower, title or pad."""

    column: str
    filter: str | None
    argument: int | None


def parse_template(
    text: str, columns: Collection[str], *, open_names: bool = False
) -> tuple[tuple[str | Field, ...] | None, list[str]]:
    """The pieces of a template over the named columns, None with problems: all that there are.

    With `open_names` there may be columns of other names too, and of no field is said that it is
    wrong.
    """
    pieces: list[str | Field] = []
    problems: list[str] = []
    known = True
    for token in _TOKEN.finditer(text):
        if token[0] in ("{", "}"):
            problems.append(
                f"a {shown(token[0])} is alone; use {{column}}, "
                f"or {shown(token[0] * 2)} for the character itself"
            )
            continue
        if token[1] is not None:
            field, wrong = _field(token[1], columns)
            if field is not None:
                pieces.append(field)
            else:
                known = False
                # The whole of it may be a column's name.
                problems += [] if open_names else wrong
            continue
        plain = token[0][0] if token[0] in ("{{", "}}") else token[0]
        if pieces and isinstance(pieces[-1], str):
            pieces[-1] += plain
        else:
            pieces.append(plain)
    return (tuple(pieces) if known and not problems else None), problems


def _field(inside: str, columns: Collection[str]) -> tuple[Field | None, list[str]]:
    """The field, or None with all that is wrong with it."""
    # A column's own name may hold a bar, so the whole is tried first.
    if inside in columns:
        return Field(inside, None, None), []
    name, bar, filtered = inside.rpartition("|")
    if not bar:
        name, filtered = inside, ""
    problems = []
    if name not in columns:
        problems.append(f"there is no column {shown(name)}; {nearest(name, columns)}")
    field = Field(name, None, None)
    if bar:
        try:
            field = _filtered(name, filtered)
        except ValueError as error:
            problems.append(str(error))
    return (None if problems else field), problems


def _filtered(name: str, filtered: str) -> Field:
    if match := _PAD.fullmatch(filtered):
        width = int(match[1])
        if not 1 <= width <= MAX_PAD:
            raise ValueError(f"{shown(filtered)} pads too far; expected 1 to {MAX_PAD}")
        return Field(name, "pad", width)
    if filtered not in FILTERS or filtered == "pad":
        raise ValueError(
            f"there is no filter {shown(filtered)}; use slug, upper, lower, title "
            "or pad with its width, such as pad:8"
        )
    return Field(name, filtered, None)
