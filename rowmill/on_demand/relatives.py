"""The relatives of a row: the rows that it refers to, and page by page those that refer to it."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from rowmill.generate.frame import Rows
from rowmill.generate.picks.child_search import ChildSearch
from rowmill.generate.relatives import children_of, parent_row
from rowmill.generate.rows import Generator
from rowmill.near_names import near_name
from rowmill.on_demand.pages import (
    NoSuchRows,
    RowColumn,
    RowsPage,
    check_limit,
    known_table,
    made_rows,
    none_from,
    rows,
    shown_columns,
)
from rowmill.on_demand.printed_cells import Row
from rowmill.spec.dataset import Dataset, Link, Table

# Places looked at between two looks at the clock: a few milliseconds of a scan.
_PLACES_AT_ONCE = 65_536


@dataclass(frozen=True)
class Reference:
    """Columns of a table that refer to the `key` of another, or of the same: one reference."""

    table: str
    columns: tuple[str, ...]
    parent: str
    key: tuple[str, ...]


@dataclass(frozen=True)
class Parent:
    """What one reference of a row leads to: the parent's row number, and a page of that row.

    Both are None where the reference is null.
    """

    reference: Reference
    row: int | None
    page: RowsPage | None


@dataclass(frozen=True)
class ChildrenPage:
    """Rows that refer to `parent_row` by `reference`; `numbers` are their own, beside `rows`.

    `looked` of `places` were looked at so far, by this page and those before: where the children
    are known without a search, `places` is about their number, else that of the child table's rows.
    `cursor` is for the next page, None when everything was looked at. A page may have fewer rows
    than its limit, or none, and yet a cursor: its time was up.
    """

    reference: Reference
    parent_row: int
    columns: tuple[RowColumn, ...]
    numbers: tuple[int, ...]
    rows: tuple[Row, ...]
    looked: int
    places: int
    cursor: int | None


def parents(generator: Generator, table: str, row: int) -> tuple[Parent, ...]:
    """What each reference of a row leads to, in the manifest's order, foreign keys last.

    Raises:
        NoSuchRows: there is no such table, or no such row in it.
    """
    known = known_table(generator.dataset, table)
    _check_row(known, row)
    return tuple(_parent(generator, known, link, row) for link in known.links)


def references_to(dataset: Dataset, table: str) -> tuple[Reference, ...]:
    """All references to a table: by which of them its rows have children.

    Raises:
        NoSuchRows: there is no such table.
    """
    parent = known_table(dataset, table).name
    return tuple(
        _reference(child, link)
        for child in dataset.tables
        for link in child.links
        if link.parent == parent
    )


def children(
    generator: Generator,
    table: str,
    row: int,
    child: str,
    column: str,
    after: int | None = None,
    limit: int = 100,
    *,
    seconds: float = 2.0,
    clock: Callable[[], float] = time.monotonic,
) -> ChildrenPage:
    """A page of the rows of `child` whose reference by `column` leads to this row.

    By `rowsPer`, `oneToOne` and the picks of a junction they are found at once; by any other pick
    the reference is drawn again for row after row, until the page is full or the time is up.

    Args:
        generator: of the plan's dataset, with its pools, and of this thread alone.
        table, row: the parent, its row counted from 0.
        child: the table that refers to it.
        column: of the reference, any one where it has several.
        after: the cursor of the page before; None for the first.
        limit: so many rows at most, 1 to 1,000.
        seconds: to look for them. Some places are always looked at, so that every page gets on.
        clock: tells seconds.

    Raises:
        NoSuchRows: there is no such table, row or reference, or a number is out of bounds.
    """
    until = clock() + seconds
    parent, known = known_table(generator.dataset, table), known_table(generator.dataset, child)
    _check_row(parent, row)
    check_limit(limit)
    link = _link(generator.dataset, parent, known, column)
    search = children_of(generator, known, link, row)
    start = 0 if after is None else after
    if not 0 <= start <= search.places:
        raise NoSuchRows(f"{after} is no cursor of this list; begin it again without one")
    found, looked = _look(search, start, limit, lambda: clock() >= until)
    return ChildrenPage(
        _reference(known, link),
        row,
        shown_columns(known.columns),
        tuple(found.tolist()),
        made_rows(generator, known, found, known.columns),
        looked,
        search.places,
        looked if looked < search.places else None,
    )


def _look(
    search: ChildSearch, start: int, limit: int, late: Callable[[], bool]
) -> tuple[Rows, int]:
    """At most `limit` children from the place `start` on, and the place to which was looked."""
    found: list[Rows] = []
    at, room = start, limit
    while at < search.places and room and not (at > start and late()):
        stop = min(at + _PLACES_AT_ONCE, search.places)
        places, there = search.look(at, stop)
        if len(there) > room:
            stop = int(places[room - 1]) + 1
        found.append(there[:room])
        room -= len(found[-1])
        at = stop
    return np.concatenate([np.empty(0, np.int64), *found]), at


def _parent(generator: Generator, table: Table, link: Link, row: int) -> Parent:
    above = parent_row(generator, table, link, row)
    page = None if above is None else rows(generator, link.parent, above, 1)
    return Parent(_reference(table, link), above, page)


def _reference(table: Table, link: Link) -> Reference:
    return Reference(table.name, link.columns, link.parent, link.parent_columns)


def _link(dataset: Dataset, parent: Table, child: Table, column: str) -> Link:
    """The reference of the child's column to the parent; no column is of two."""
    for link in child.links:
        if column in link.columns and link.parent == parent.name:
            return link
    names = [name for each in child.links if each.parent == parent.name for name in each.columns]
    said = f"{child.name!r} has no reference {column!r} to {parent.name!r}"
    near = near_name(column, names)
    if near is not None:
        raise NoSuchRows(f"{said}; did you mean {near!r}?")
    if names:
        raise NoSuchRows(f"{said}; its columns that refer to it are {', '.join(names)}")
    others = dict.fromkeys(each.table for each in references_to(dataset, parent.name))
    there = f"those that do are {', '.join(others)}" if others else "no table does"
    raise NoSuchRows(f"{said}, nor any other; {there}")


def _check_row(table: Table, row: int) -> None:
    if row < 0:
        raise NoSuchRows(f"the row is {row}: rows are counted from 0")
    if row >= table.rows:
        raise NoSuchRows(none_from(table.name, table.rows, row))
