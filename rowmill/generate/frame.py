"""A frame: some rows of one table, by index, and what is known of them so far.

Every kind of cell is a function `Cells`: from a frame to an Arrow array of the frame's length.
The frame memoises columns and picked parents, so that a template, its fields and a reference that
several columns share are computed once for a batch.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar, cast

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from rowmill.generate.draws.bits import bits, chance
from rowmill.generate.nulls import with_nulls

Rows = NDArray[np.int64]
Mask = NDArray[np.bool_]
Made = TypeVar("Made")


class Frame:
    """Rows of one table: `rows` are their indexes in any order, repeats allowed.

    `valid` is None, or says where there is a row at all: through a null reference there is none
    (`rows` then holds some row that exists, whose values must be masked).
    """

    def __init__(self, source: Source, table: str, rows: Rows, valid: Mask | None = None) -> None:
        self.table = table
        self.rows = rows
        self.valid = valid
        self._source = source
        self._cells: dict[str, pa.Array] = {}
        self._up: dict[str, Frame] = {}
        self._made: dict[Hashable, Any] = {}
        self._picked = False

    def __len__(self) -> int:
        return len(self.rows)

    def cells(self, column: str) -> pa.Array:
        """The column's values in these rows, nulls in place; null where `valid` is false.

        Of the column's Arrow type or, for texts, a dictionary of it.
        """
        if column not in self._cells:
            self._cells[column] = self._make(column)
        return self._cells[column]

    def up(self, link: str) -> Frame:
        """The parents' frame: for each of these rows the row that the link picked."""
        if link not in self._up:
            self._up[link] = self._climb(self._source.link(self.table, link))
        return self._up[link]

    @property
    def family(self) -> Family:
        """Each row's parent by the table's `rowsPer` link and its place among its siblings."""
        return self.once("family", lambda: self._source.family(self.table, self.rows))

    def once(self, name: Hashable, make: Callable[[], Made]) -> Made:
        """What `make` returned the first time under this name: for draws that columns share."""
        if name not in self._made:
            self._made[name] = make()
        return cast(Made, self._made[name])

    def _make(self, column: str) -> pa.Array:
        known = self._source.column(self.table, column)
        if len(self) == 0 or self._nothing():
            return pa.nulls(len(self), known.type)
        whole = self._source.whole(self.table, column) if self._picked else None
        if whole is not None:
            values = whole.take(pa.array(self.rows))
            return values if self.valid is None else with_nulls(values, self.valid)
        values = known.cells(self)
        valid = both(self.valid, known.nulls.valid(self.rows) if known.nulls else None)
        return values if valid is None else with_nulls(values, valid)

    def _climb(self, link: LinkSource) -> Frame:
        if self._nothing() or link.pick is None:
            rows, valid = np.zeros(len(self), np.int64), np.zeros(len(self), np.bool_)
            parents = Frame(self._source, link.parent, rows, valid)
        else:
            rows, picked = link.pick(self)
            nulls = link.nulls.valid(self.rows) if link.nulls else None
            valid_rows = both(both(self.valid, picked), nulls)
            parents = Frame(self._source, link.parent, rows, valid_rows)
        parents._picked = True
        return parents

    def _nothing(self) -> bool:
        return self.valid is not None and not self.valid.any()


@dataclass(frozen=True)
class Family:
    """Of each row: its parent's row and its place, from 0, among that parent's children."""

    parents: Rows
    places: Rows


@dataclass(frozen=True)
class Nulls:
    """A share of rows, drawn by a key, that have no value."""

    key: int
    share: float

    def valid(self, rows: Rows) -> Mask:
        """Where there is a value."""
        return ~chance(bits(self.key, rows), self.share)


# From a frame to an array of its length and of the column's Arrow type (of texts and bytes also a
# dictionary of it, its values distinct and not null). `Column.nulls` and `Frame.valid` are masked
# by the frame, not by the kind.
Cells = Callable[[Frame], pa.Array]

# From a frame to the parents' rows and where there is a parent (None: everywhere). Nulls of the
# link and of the frame are masked by the frame.
Pick = Callable[[Frame], tuple[Rows, Mask | None]]


@dataclass(frozen=True)
class ColumnSource:
    """How a column's cells are made."""

    type: pa.DataType
    cells: Cells
    nulls: Nulls | None


@dataclass(frozen=True)
class LinkSource:
    """How a link's parents are found; `pick` is None if the parent table has no row at all."""

    parent: str
    pick: Pick | None
    nulls: Nulls | None


class Source(Protocol):
    """What a frame asks its maker for."""

    def column(self, table: str, column: str) -> ColumnSource: ...

    def link(self, table: str, link: str) -> LinkSource: ...

    def family(self, table: str, rows: Rows) -> Family: ...

    def children(self, table: str, parents: Rows) -> tuple[Rows, Rows]:
        """Of each parent by the table's `rowsPer` link the first child row, and how many it has."""
        ...

    def whole(self, table: str, column: str) -> pa.Array | None:
        """All of a small table's column, made once; None if the table isn't small."""
        ...


def both(one: Mask | None, other: Mask | None) -> Mask | None:
    """Where both masks say yes; None is yes everywhere."""
    if one is None or other is None:
        return other if one is None else one
    return one & other
