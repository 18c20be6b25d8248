"""Relatives: a row's parent by a link, and where a row's children by a link are."""

from __future__ import annotations

import numpy as np

from rowmill.generate.frame import Rows
from rowmill.generate.picks.builders import search_children
from rowmill.generate.picks.child_search import ChildSearch, consecutive
from rowmill.generate.rows import Generator
from rowmill.spec.dataset import Link, Table


def parent_row(generator: Generator, table: Table, link: Link, row: int) -> int | None:
    """The row of the parent table that `row` of `table` refers to; None where it refers to none."""
    parents = generator.frame(table.name, np.array([row], dtype=np.int64)).up(link.name)
    if parents.valid is not None and not parents.valid[0]:
        return None
    return int(parents.rows[0])


def children_of(generator: Generator, table: Table, link: Link, parent: int) -> ChildSearch:
    """The search for the rows of `table` that refer to a row of the link's parent table.

    Args:
        generator: of the dataset that both tables are of.
        table: the children's.
        link: one of its links.
        parent: a row that the parent table has.
    """
    if table.rows == 0:
        return consecutive(0, 0)
    search = search_children(generator, generator.dataset, table, link, parent)
    nulls = generator.link(table.name, link.name).nulls
    if nulls is None:
        return search

    def look(start: int, stop: int) -> tuple[Rows, Rows]:
        places, rows = search.look(start, stop)
        there = nulls.valid(rows)
        return places[there], rows[there]

    return ChildSearch(search.places, look)
