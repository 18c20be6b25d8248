"""The builder of a link's pick, by its kind."""

from __future__ import annotations

from rowmill.generate.frame import Pick, Source
from rowmill.generate.picks import PICK_BUILDERS
from rowmill.generate.picks.child_search import ChildSearch
from rowmill.generate.picks.pick_builder import PickContext
from rowmill.spec.dataset import Dataset, Link, Table

BUILDERS = {each.kind: each for each in PICK_BUILDERS}


def build_pick(dataset: Dataset, table: Table, link: Link) -> Pick:
    """How the link's parents are found, its parent table having at least one row.

    Raises:
        ValueError: the parents are too few for every row to have one of its own.
    """
    return BUILDERS[type(link.pick)].build(PickContext(dataset, table, link))


def search_children(
    source: Source, dataset: Dataset, table: Table, link: Link, parent: int
) -> ChildSearch:
    """Where the rows of `table` are whose link picks the row `parent`, nulls of the link aside."""
    return BUILDERS[type(link.pick)].children(PickContext(dataset, table, link), source, parent)
