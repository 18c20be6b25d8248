"""How the pick of a kind is built: from a row to its parent, and from a parent to its children."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from rowmill.generate.context import link_key
from rowmill.generate.frame import Pick, Source
from rowmill.generate.picks.child_search import ChildSearch, scan
from rowmill.spec.dataset import Dataset, Link, Table


@dataclass(frozen=True)
class PickContext:
    """One link of one table of a dataset."""

    dataset: Dataset
    table: Table
    link: Link

    @property
    def parents(self) -> int:
        """How many rows the parent table has."""
        return self.dataset.table(self.link.parent).rows

    @property
    def key(self) -> int:
        """The 64-bit key of what is drawn row by row."""
        return link_key(self.dataset, self.table, self.link, "row")

    def see_enough(self, wanted: int, there: int) -> None:
        """Raise ValueError unless there are as many parents as must differ."""
        if wanted > there:
            raise ValueError(
                f"{self.table.name}.{self.link.name} needs {wanted} different parents, but only "
                f"{there} exist: make fewer rows of {self.table.name!r} or more of "
                f"{self.link.parent!r}"
            )


def scan_all(context: PickContext, source: Source, parent: int) -> ChildSearch:
    """The search for children by a pick that cannot be inverted: over all rows."""
    table = context.table
    return scan(source, table.name, context.link.name, parent, range(table.rows))


@dataclass(frozen=True)
class PickBuilder:
    """The builder of a kind of pick, of a link whose parent table has at least one row.

    `children` searches for those of one parent row; nulls of the link, and whether there is such a
    parent, are not its concern. A kind that can be inverted looks where the children are, any other
    at every row.
    """

    kind: type
    build: Callable[[PickContext], Pick]
    children: Callable[[PickContext, Source, int], ChildSearch] = scan_all
