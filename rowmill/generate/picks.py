"""Picks: for every kind of link the function that finds each row's parent."""

from __future__ import annotations

from math import prod

import numpy as np
from numpy.typing import NDArray

from rowmill.generate.context import link_key
from rowmill.generate.draws.bits import below_each, bits, integers
from rowmill.generate.draws.permutation import KeyedPermutation, Permutation
from rowmill.generate.draws.zipf import zipf_ranks, zipf_table
from rowmill.generate.frame import Frame, Mask, Pick, Rows
from rowmill.spec.dataset import (
    Dataset,
    Link,
    PickChildren,
    PickDistinct,
    PickOneToOne,
    PickProduct,
    PickTree,
    PickUniform,
    PickZipf,
    Table,
)


def build_pick(dataset: Dataset, table: Table, link: Link) -> Pick:
    """How the link's parents are found, its parent table having at least one row.

    Raises:
        ValueError: the parents are too few for every row to have one of its own.
    """
    key, parents = link_key(dataset, table, link, "row"), dataset.table(link.parent).rows
    match link.pick:
        case PickUniform():
            return lambda frame: (integers(key, frame.rows, parents), None)
        case PickZipf(exponent):
            return _zipf(key, exponent, parents)
        case PickOneToOne():
            _enough(table, link, table.rows, parents)
            each = Permutation(key, parents)
            return lambda frame: (each.forward(frame.rows), None)
        case PickTree(roots):
            return _tree(key, roots)
        case PickChildren():
            return lambda frame: (frame.family.parents, None)
        case PickProduct(links):
            return _product(dataset, table, link, links)
        case PickDistinct():
            _enough(table, link, table.children.max if table.children else table.rows, parents)
            return _distinct(key, parents)


def _zipf(key: int, exponent: float, parents: int) -> Pick:
    law, scattered = zipf_table(exponent, parents), Permutation(key, parents)

    def pick(frame: Frame) -> tuple[Rows, Mask | None]:
        ranks = zipf_ranks(bits(key, frame.rows), law)
        ranks -= 1
        return scattered.forward(ranks), None

    return pick


def _tree(key: int, roots: int) -> Pick:
    def pick(frame: Frame) -> tuple[Rows, Mask | None]:
        below = frame.rows >= roots
        # A root draws from its own row alone: some row that exists.
        parents = below_each(bits(key, frame.rows), np.maximum(frame.rows, 1))
        return parents, None if below.all() else below

    return pick


def _product(dataset: Dataset, table: Table, link: Link, links: tuple[str, ...]) -> Pick:
    sizes = [dataset.table(table.link(name).parent).rows for name in links]
    size, place = prod(sizes), links.index(link.name)
    _enough(table, link, table.rows, size)
    key = link_key(dataset, table, table.link(links[0]), "product")
    pairs, before = Permutation(key, size), prod(sizes[:place])
    if size > 2**63:
        return lambda frame: (_wide_digit(pairs, frame.rows, before, sizes[place]), None)

    def pick(frame: Frame) -> tuple[Rows, Mask | None]:
        index = frame.once(("product", links), lambda: pairs.forward(frame.rows))
        return index // before % sizes[place], None

    return pick


def _wide_digit(pairs: Permutation, rows: Rows, before: int, size: int) -> Rows:
    high, low = pairs.forward_wide(rows)
    index = (h << 64 | w for h, w in zip(high.tolist(), low.tolist(), strict=True))
    return np.fromiter((i // before % size for i in index), dtype=np.int64, count=len(rows))


def _distinct(key: int, parents: int) -> Pick:
    permutation = KeyedPermutation(parents)

    def pick(frame: Frame) -> tuple[NDArray[np.int64], Mask | None]:
        family = frame.family
        return permutation.forward(bits(key, family.parents), family.places), None

    return pick


def _enough(table: Table, link: Link, wanted: int, there: int) -> None:
    if wanted > there:
        raise ValueError(
            f"{table.name}.{link.name} needs {wanted} different parents, but only {there} exist: "
            f"make fewer rows of {table.name!r} or more of {link.parent!r}"
        )
