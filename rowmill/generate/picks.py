"""Picks: for every kind of link the function that finds each row's parent."""

from __future__ import annotations

from rowmill.generate.bits import integers
from rowmill.generate.context import link_key
from rowmill.generate.frame import Pick
from rowmill.spec.dataset import Dataset, Link, PickUniform, Table


def build_pick(dataset: Dataset, table: Table, link: Link) -> Pick:
    """How the link's parents are found, its parent table having at least one row."""
    key, parents = link_key(dataset, table, link, "row"), dataset.table(link.parent).rows
    if isinstance(link.pick, PickUniform):
        return lambda frame: (integers(key, frame.rows, parents), None)
    raise NotImplementedError
