"""Families: how many children each parent of a `rowsPer` table has, and which row is whose.

Parents stand in blocks of 1,024. The children of a block are consecutive rows, those of a parent
too. How many children each slot of a block has comes from one of 64 templates, made once; a block
picks a template by hash and permutes its slots by key. So a row's parent, and a parent's rows, are
found by arithmetic and look-ups of constant size, whatever the number of parents.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from rowmill.counting import counted
from rowmill.generate.context import link_key
from rowmill.generate.draws.bits import Bits, bits, mix_int
from rowmill.generate.draws.counts import CountLaw
from rowmill.generate.frame import Family, Rows
from rowmill.spec.dataset import Dataset, Table

BLOCK_PARENTS = 1024
TEMPLATES = 64
# The most entries of a template's guide from a child's place in the block to its parent's slot.
_GUIDE = 4096


class Families:
    """The children counts of one table, all parents' counts together exactly its rows.

    The rows of the full blocks are spread evenly over them; a short last block has the rest.

    Raises:
        ValueError: the table's rows aren't parents x mean, rounded half to even, or the mean lies
            outside its bounds.
    """

    def __init__(self, dataset: Dataset, table: Table) -> None:
        per = table.children
        if per is None:
            raise ValueError(f"table {table.name!r} has no rowsPer")
        link = table.link(per.link)
        parents = dataset.table(link.parent).rows
        if table.rows != round(parents * per.mean):
            raise ValueError(
                f"table {table.name!r} has {counted(table.rows, 'row')}, but "
                f"{counted(parents, 'parent')} with a mean of {per.mean} children make "
                f"{round(parents * per.mean):,}"
            )
        self._key = link_key(dataset, table, link, "block")
        self._blocks, last_parents = divmod(parents, BLOCK_PARENTS)
        self._parents = self._blocks * BLOCK_PARENTS
        # Half up: then no block's total leaves its bounds, the last one's neither.
        twice = 2 * self._parents * per.mean + 1
        self._rows = min(twice.numerator // (2 * twice.denominator), table.rows)
        self._law = CountLaw(per.mean, per.min, per.max)
        self._last = _Templates.empty(last_parents)
        if last_parents:
            last_rows = table.rows - self._rows
            counts = self._law.counts(mix_int(self._key), last_parents, last_rows)
            self._last = _Templates(counts[np.newaxis])
        self._base, self._odd = divmod(self._rows, max(self._blocks, 1))
        self._full = self._make_templates()

    def locate(self, rows: Rows) -> Family:
        """Each row's parent and its place, from 0, among that parent's children."""
        full = rows < self._rows
        if self._rows and full.all():
            return self._locate_full(rows)
        parents, places = np.empty_like(rows), np.empty_like(rows)
        if full.any():
            family = self._locate_full(rows[full])
            parents[full], places[full] = family.parents, family.places
        rest = rows[~full] - self._rows
        slots, places[~full] = self._last.locate(np.zeros_like(rest), rest)
        parents[~full] = slots + self._parents
        return Family(parents, places)

    def children(self, parents: Rows) -> tuple[Rows, Rows]:
        """Each parent's first child row, and how many children it has from there."""
        first, counts = np.empty_like(parents), np.empty_like(parents)
        full = parents < self._parents
        if full.any():
            first[full], counts[full] = self._children_full(parents[full])
        if not full.all():
            slots = parents[~full] - self._parents
            inside, counts[~full] = self._last.children(np.zeros_like(slots), slots)
            first[~full] = inside + self._rows
        return first, counts

    def _locate_full(self, rows: Rows) -> Family:
        block = self._block_of(rows)
        start = self._start(block)
        random = bits(self._key, block)
        slots, places = self._full.locate(self._template(block, start, random), rows - start)
        parents = _place_of(slots.view(np.uint64), random).view(np.int64)
        parents += block * BLOCK_PARENTS
        return Family(parents, places)

    def _children_full(self, parents: Rows) -> tuple[Rows, Rows]:
        block = parents // BLOCK_PARENTS
        start = self._start(block)
        random = bits(self._key, block)
        slots = _slot_of((parents - block * BLOCK_PARENTS).view(np.uint64), random)
        inside, counts = self._full.children(
            self._template(block, start, random), slots.view(np.int64)
        )
        return start + inside, counts

    def _start(self, block: Rows) -> Rows:
        """The first row of a block: floor(block x rows / blocks), without a product that large."""
        start = block * self._odd
        start //= self._blocks
        start += block * self._base
        return start

    def _block_of(self, rows: Rows) -> Rows:
        # A float is off by one at most; the block's exact bounds put that right.
        block = ((rows + 0.5) * (self._blocks / self._rows)).astype(np.int64)
        np.minimum(block, self._blocks - 1, out=block)
        block -= self._start(block) > rows
        block += self._start(block + 1) <= rows
        return block

    def _template(self, block: Rows, start: Rows, random: Bits) -> Rows:
        """Six bits choose among the templates of the block's total, `base` or one more."""
        template = (random >> np.uint64(58)).view(np.int64)
        if self._odd:
            template += (self._start(block + 1) - start - self._base) * TEMPLATES
        return template

    def _make_templates(self) -> _Templates:
        if not self._blocks:
            return _Templates.empty(BLOCK_PARENTS)
        totals = [self._base] * TEMPLATES
        if self._odd:
            totals += [self._base + 1] * TEMPLATES
        keys = bits(mix_int(self._key + 1), np.arange(len(totals), dtype=np.int64)).tolist()
        counts = [
            self._law.counts(key, BLOCK_PARENTS, total)
            for key, total in zip(keys, totals, strict=True)
        ]
        return _Templates(np.array(counts))


class _Templates:
    """Children counts of blocks, one block a line: from a child to its slot, and back."""

    def __init__(self, counts: NDArray[np.int64]) -> None:
        lines, slots = counts.shape
        bounds = np.zeros((lines, slots + 1), dtype=np.int64)
        np.cumsum(counts, axis=1, out=bounds[:, 1:])
        largest = int(bounds[:, -1].max())
        self._shift = (largest // _GUIDE).bit_length()
        places = np.arange((max(largest - 1, 0) >> self._shift) + 1) << self._shift
        guide = [np.searchsorted(line[1:], places, side="right") for line in bounds]
        self._bounds, self._width = bounds.ravel(), slots + 1
        # A shorter block's guide ends early; no child asks there.
        self._guide = np.minimum(np.array(guide), slots - 1).astype(np.int16).ravel()
        self._steps = len(places)

    @classmethod
    def empty(cls, slots: int) -> _Templates:
        """One block without children."""
        return cls(np.zeros((1, max(slots, 1)), dtype=np.int64))

    def locate(self, template: Rows, child: Rows) -> tuple[Rows, Rows]:
        """Each child's slot, and its place among the slot's children."""
        slot = self._guide[template * self._steps + (child >> self._shift)].astype(np.int64)
        line = template * self._width
        line += slot
        if self._shift:
            late = np.flatnonzero(self._bounds[line + 1] <= child)
            while len(late):
                line[late] += 1
                slot[late] += 1
                late = late[self._bounds[line[late] + 1] <= child[late]]
        return slot, child - self._bounds[line]

    def children(self, template: Rows, slot: Rows) -> tuple[Rows, Rows]:
        """Each slot's first child in the block, and how many it has."""
        line = template * self._width + slot
        first = self._bounds[line]
        return first, self._bounds[line + 1] - first


_SLOTS = np.uint64(BLOCK_PARENTS - 1)
_FIVE = np.uint64(5)


def _place_of(slot: Bits, random: Bits) -> Bits:
    """A slot's place in its block: a permutation of 1,024 chosen by 30 random bits."""
    one, offset, other = _factors(random)
    place = (slot * one + offset) & _SLOTS
    place ^= place >> _FIVE
    place *= other
    place &= _SLOTS
    return place


def _slot_of(place: Bits, random: Bits) -> Bits:
    """The inverse of `_place_of`."""
    one, offset, other = _factors(random)
    slot = (place * _reciprocal(other)) & _SLOTS
    slot ^= slot >> _FIVE
    slot -= offset
    slot *= _reciprocal(one)
    slot &= _SLOTS
    return slot


def _factors(random: Bits) -> tuple[Bits, Bits, Bits]:
    odd = np.uint64(1)
    return (
        (random & _SLOTS) | odd,
        (random >> np.uint64(10)) & _SLOTS,
        ((random >> np.uint64(20)) & _SLOTS) | odd,
    )


def _reciprocal(odd: Bits) -> Bits:
    """The inverse modulo 2**10 of odd numbers: five bits by a formula, ten by a Newton step."""
    inverse = (odd * np.uint64(3)) ^ np.uint64(2)
    inverse *= np.uint64(2) - odd * inverse
    return inverse
