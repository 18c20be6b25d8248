"""A junction key: no two rows with the same parents, as the product of these is permuted.

The index of a combination of parents has one digit a link, the first link's the lowest.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import prod

import numpy as np

from rowmill.generate.context import link_key
from rowmill.generate.draws.permutation import Permutation
from rowmill.generate.frame import Frame, Mask, Pick, Rows, Source
from rowmill.generate.picks.child_search import ChildSearch
from rowmill.generate.picks.pick_builder import PickBuilder, PickContext, scan_all
from rowmill.spec.dataset import PickProduct

_WORD = 2**64


@dataclass(frozen=True)
class _Digit:
    """One link's digit in the index of a combination; `total` is how many combinations there are.

    The digit has `size` values and counts `before` combinations each.
    """

    size: int
    before: int
    total: int

    @property
    def others(self) -> int:
        """How many combinations one value of the digit is part of."""
        return self.total // self.size

    @property
    def wide(self) -> bool:
        """Whether sums over indexes leave the whole numbers of 64 bits."""
        return self.total >= 2**63

    def of(self, index: Rows) -> Rows:
        """The digit's value in each index."""
        digits: Rows = index // self.before % self.size
        return digits

    def of_wide(self, high: int, low: int) -> int:
        return (high << 64 | low) // self.before % self.size

    def with_value(self, value: int, others: Rows) -> Rows:
        """The indexes in which the digit has this value, by the number of the other digits."""
        above, below = np.divmod(others, self.before)
        index: Rows = above * (self.before * self.size) + (value * self.before + below)
        return index

    def with_value_wide(self, value: int, other: int) -> int:
        above, below = divmod(other, self.before)
        return (above * self.size + value) * self.before + below


def _build(context: PickContext) -> Pick:
    digit, links = _digit(context), _pick(context).links
    context.see_enough(context.table.rows, digit.total)
    pairs = _permutation(context, digit)
    if digit.wide:
        return lambda frame: (_wide_parents(pairs, digit, frame.rows), None)

    def pick(frame: Frame) -> tuple[Rows, Mask | None]:
        index = frame.once(("product", links), lambda: pairs.forward(frame.rows))
        return digit.of(index), None

    return pick


def _wide_parents(pairs: Permutation, digit: _Digit, rows: Rows) -> Rows:
    high, low = pairs.forward_wide(rows)
    parents = (digit.of_wide(h, w) for h, w in zip(high.tolist(), low.tolist(), strict=True))
    return np.fromiter(parents, dtype=np.int64, count=len(rows))


def _children(context: PickContext, source: Source, parent: int) -> ChildSearch:
    """Through the combinations that the parent is part of, or all rows where these are fewer."""
    digit, rows = _digit(context), context.table.rows
    if rows < digit.others:
        return scan_all(context, source, parent)
    pairs = _permutation(context, digit)

    def look(start: int, stop: int) -> tuple[Rows, Rows]:
        others = np.arange(start, stop, dtype=np.int64)
        if digit.wide:
            places, found = _wide_rows(pairs, digit, parent, others)
        else:
            places, found = others, pairs.inverse(digit.with_value(parent, others))
        there = found < rows
        return places[there], found[there]

    return ChildSearch(digit.others, look)


def _wide_rows(pairs: Permutation, digit: _Digit, parent: int, others: Rows) -> tuple[Rows, Rows]:
    """The rows of one word that these combinations have, and the places of those."""
    index = [digit.with_value_wide(parent, other) for other in others.tolist()]
    upper = np.array([each // _WORD for each in index], dtype=np.uint64)
    lower = np.array([each % _WORD for each in index], dtype=np.uint64)
    high, low = pairs.inverse_wide(upper, lower)
    small = (high == 0) & (low < np.uint64(2**63))
    return others[small], low[small].view(np.int64)


def _digit(context: PickContext) -> _Digit:
    links, table = _pick(context).links, context.table
    sizes = [context.dataset.table(table.link(name).parent).rows for name in links]
    place = links.index(context.link.name)
    return _Digit(sizes[place], prod(sizes[:place]), prod(sizes))


def _permutation(context: PickContext, digit: _Digit) -> Permutation:
    """The key's links share it."""
    first = context.table.link(_pick(context).links[0])
    return Permutation(link_key(context.dataset, context.table, first, "product"), digit.total)


def _pick(context: PickContext) -> PickProduct:
    pick = context.link.pick
    assert isinstance(pick, PickProduct)
    return pick


PRODUCT_PICKS = PickBuilder(PickProduct, _build, _children)
