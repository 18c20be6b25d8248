"""Stored rows as verify and trace read them back, and what can be wrong beside the rows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from rowmill.engine.verification import Problem
from rowmill.spec.dataset import Table

Places = NDArray[np.int64]


@dataclass(frozen=True)
class StoredRows:
    """Some rows of a table, the columns in the table's order, of the store's own Arrow types.

    `places` says where each row is, by a number that is the row's alone in its table; None if it
    was not asked for.
    """

    columns: Sequence[pa.Array]
    count: int
    places: Places | None


class Unreadable(Exception):
    """A piece of a table is not there or cannot be read as the table's rows."""

    def __init__(self, problem: Problem) -> None:
        self.problem = problem
        super().__init__(problem.text)


class StoredTables(Protocol):
    """One destination's tables, read in numbered pieces by several threads at once.

    `name` is the manifest's word for it. With `by_part`, piece n of a table is what the plan's part
    n became. Every method may raise DestinationRefused or DestinationUnavailable.
    """

    name: str
    by_part: bool

    def inspect(self, table: Table) -> list[Problem]:
        """What is wrong with the table as a whole.

        Raises:
            Unreadable: so much that none of its rows can be read.
        """
        ...

    def pieces(self, table: Table) -> int:
        """In how many pieces it is read."""
        ...

    def rows(self, table: Table, piece: int, *, places: bool = False) -> Iterator[StoredRows]:
        """All rows of a piece; raises Unreadable."""
        ...

    def piece_problems(self, table: Table, piece: int) -> list[Problem]:
        """What was wrong with a piece whose rows were read to the end, beside its rows."""
        ...

    def rows_at(self, table: Table, places: Places) -> Iterator[StoredRows]:
        """The rows at these places, in any order, with their places; raises Unreadable."""
        ...

    def describe(self, table: Table, place: int) -> str:
        """The place, as a person would look it up."""
        ...
