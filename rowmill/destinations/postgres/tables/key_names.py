"""The names that Postgres itself gives to keys, indexes and references that are made without one.

This is `ChooseIndexName` and `ChooseConstraintName` of its sources, for relations and constraints
that are planned, instead of those that a schema holds.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from itertools import count

# NAMEDATALEN less the NUL at the end.
_LONGEST = 63

_LABELS = {"p": "pkey", "u": "key", "i": "idx", "f": "fkey"}
# Postgres numbers NOT NULLs too, for it gives no constraint a name that the schema has.
_NOT_NULL = re.compile(r"not_null([1-9][0-9]*)?\Z")


class KeyNames:
    """Gives names in the order in which they are asked for; a taken one gets a number at its end.

    Args:
        tables: the names of all tables of the schema, which no key or index may bear.
    """

    def __init__(self, tables: Iterable[str]) -> None:
        self._relations = set(tables)
        self._constraints: set[str] = set()

    def give(self, kind: str, table: str, columns: Sequence[str]) -> str:
        """The name for a `kind` as in `Step`: p, u, i or f."""
        part = "" if kind == "p" else _column_part(columns)
        label = _LABELS[kind]
        taken = self._taken(kind)
        for number in count():
            name = object_name(table, part, f"{label}{number or ''}")
            if not any(name in names for names in taken):
                break
        for names in taken:
            names.add(name)
        return name

    def _taken(self, kind: str) -> tuple[set[str], ...]:
        """A key is both a constraint and an index, which is a relation."""
        if kind == "i":
            return (self._relations,)
        return (self._constraints,) if kind == "f" else (self._relations, self._constraints)


def object_name(table: str, part: str, label: str) -> str:
    """`table_part_label` in at most 63 bytes, as Postgres's `makeObjectName` shortens it.

    The longer of table and part loses bytes first, and then what is left of a broken character.
    """
    words = [word.encode() for word in (table, part) if word]
    room = _LONGEST - len(label) - len(words)
    sizes = [len(word) for word in words]
    while sum(sizes) > room:
        # Of two that are as long the second is cut.
        longest = 0 if len(sizes) == 1 or sizes[0] > sizes[1] else 1
        sizes[longest] -= 1
    kept = [word[:size].decode(errors="ignore") for word, size in zip(words, sizes, strict=True)]
    return "_".join([*kept, label])


def is_not_nulls(name: str, table: str, column: str) -> bool:
    """Whether Postgres may have given the name to a NOT NULL, with whatever number at its end."""
    label = _NOT_NULL.search(name)
    return label is not None and name == object_name(table, column, label[0])


def _column_part(columns: Sequence[str]) -> str:
    """The columns' names until they are longer than any name: `ChooseIndexNameAddition`."""
    part = ""
    for name in columns:
        part = f"{part}_{name}" if part else name
        if len(part.encode()) > _LONGEST:
            break
    return part
