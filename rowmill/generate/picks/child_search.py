"""A search for the children of one parent: places to look at, and what is there."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from rowmill.generate.frame import Frame, Rows, Source


@dataclass(frozen=True)
class ChildSearch:
    """Everywhere that a child may be: places 0 to `places - 1`, each with at most one.

    `look(start, stop)` takes what a walk over these places takes; it tells at which of them a child
    is, in ascending order, and the child's row beside each.
    """

    places: int
    look: Callable[[int, int], tuple[Rows, Rows]]


def consecutive(first: int, count: int) -> ChildSearch:
    """The children are known: `count` rows from `first` on."""

    def look(start: int, stop: int) -> tuple[Rows, Rows]:
        places = np.arange(start, stop, dtype=np.int64)
        return places, places + first

    return ChildSearch(count, look)


def scan(source: Source, table: str, link: str, parent: int, rows: range) -> ChildSearch:
    """Any of these rows may be a child: each one's parent is drawn again, and no cell is made."""
    pick = source.link(table, link).pick
    if pick is None:
        return consecutive(0, 0)

    def look(start: int, stop: int) -> tuple[Rows, Rows]:
        here = np.arange(rows.start + start, rows.start + stop, dtype=np.int64)
        picked, there = pick(Frame(source, table, here))
        found = picked == parent
        places = np.flatnonzero(found if there is None else found & there)
        return places + start, here[places]

    return ChildSearch(len(rows), look)
