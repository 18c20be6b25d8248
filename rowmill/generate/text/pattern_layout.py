"""The layout of a pattern: columns, one for every place that a character can have, and choices.

What few choices make is one table, each line of it as likely: `(com|org)` is two lines. What is too
much for a table is laid out part by part, and its choices say which columns a string has.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from math import lcm

import numpy as np
from numpy.typing import NDArray

from rowmill.generate.text.spelling import Codes, narrowest
from rowmill.spec.patterns.syntax import Alternatives, Chain, Characters, Node, Repeat

# The most lines of a table, and the most characters: it is to stay in a core's cache.
_LINES, _CELLS = 2**14, 2**19

Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class Table:
    """Consecutive columns and their lines, each as likely.

    `kept` says where a line has a character; None means everywhere.
    """

    start: int
    codes: Codes
    kept: Mask | None

    @property
    def size(self) -> int:
        """How many lines there are to draw from."""
        return len(self.codes)

    def fill(self, drawn: NDArray[np.int64], matrix: Codes, kept: Mask | None) -> None:
        """Write the drawn line into each row; strike from `kept` the columns that it lacks."""
        columns = slice(self.start, self.start + self.codes.shape[1])
        # take is four times faster here than indexing.
        matrix[:, columns] = np.take(self.codes, drawn, axis=0)
        if kept is not None and self.kept is not None:
            kept[:, columns] &= np.take(self.kept, drawn, axis=0)


@dataclass(frozen=True)
class Choice:
    """0 to `size - 1`, each as likely; columns from `start` on are kept if it `meets` their needs.

    Of an alternation the branch, equal to the need; of a repetition the count, at least the need.
    """

    size: int
    start: int
    needs: NDArray[np.uint16]
    meets: Callable[..., Mask]

    def fill(self, drawn: NDArray[np.int64], matrix: Codes, kept: Mask | None) -> None:
        """Strike from `kept` the columns whose needs the drawn number doesn't meet."""
        assert kept is not None
        columns = slice(self.start, self.start + len(self.needs))
        kept[:, columns] &= self.meets(drawn.astype(np.uint16)[:, np.newaxis], self.needs)


Part = Table | Choice


@dataclass(frozen=True)
class Layout:
    """A pattern laid out: its tables fill all `width` columns, its choices leave out some."""

    parts: tuple[Part, ...]
    width: int
    dtype: type[np.uint8] | type[np.uint32]

    @property
    def ragged(self) -> bool:
        """Whether rows leave out columns."""
        return any(
            part.kept is not None if isinstance(part, Table) else True for part in self.parts
        )


def lay_out(tree: Node) -> Layout:
    """The columns of a pattern, with the tables and choices that fill them."""
    laying = _Laying()
    laying.add(tree)
    dtype = narrowest(max((int(t.codes.max(initial=0)) for t in laying.tables), default=0))
    tables = [Table(t.start, t.codes.astype(dtype), t.kept) for t in laying.tables]
    return Layout((*laying.choices, *tables), laying.width, dtype)


class _Laying:
    """A layout under construction, from the left."""

    def __init__(self) -> None:
        self.tables: list[Table] = []
        self.choices: list[Choice] = []
        self.width = 0

    def add(self, node: Node) -> None:
        """Lay out a part of the pattern behind what is there."""
        if isinstance(node, Characters) or _fits(node):
            self._add_table(*_lines(node))
        elif isinstance(node, Chain):
            for item in node.items:
                self.add(item)
        elif isinstance(node, Alternatives):
            self._add_choice(np.equal, enumerate(node.items), len(node.items))
        else:
            for _ in range(node.min):
                self.add(node.item)
            more = node.max - node.min
            if more:
                copies = ((number, node.item) for number in range(1, more + 1))
                self._add_choice(np.greater_equal, copies, more + 1)

    def _add_choice(
        self, meets: Callable[..., Mask], parts: Iterable[tuple[int, Node]], count: int
    ) -> None:
        start, needs = self.width, []
        for need, part in parts:
            before = self.width
            self.add(part)
            needs += [need] * (self.width - before)
        self.choices.append(Choice(count, start, np.array(needs, dtype=np.uint16), meets))

    def _add_table(self, codes: Codes, kept: Mask | None) -> None:
        """Behind the last table, or as one with it if that stays small."""
        start, self.width = self.width, self.width + codes.shape[1]
        if self.tables:
            last = self.tables[-1]
            lines, places = len(last.codes) * len(codes), self.width - last.start
            if lines <= _LINES and lines * places <= _CELLS:
                self.tables[-1] = Table(
                    last.start, *_product((last.codes, last.kept), (codes, kept))
                )
                return
        self.tables.append(Table(start, codes, kept))


_Lines = tuple[Codes, Mask | None]
_EMPTY: _Lines = (np.zeros((1, 0), dtype=np.uint32), None)


def _fits(node: Node) -> bool:
    """Whether all ways of deriving a part make one table."""
    ways = _ways(node)
    return ways is not None and ways * max(_most_places(node), 1) <= _CELLS


def _ways(node: Node) -> int | None:
    """How many lines of one chance each tell all derivations of a part; None: too many."""
    if isinstance(node, Characters):
        characters = sum(high - low + 1 for low, high in node.ranges)
        return characters if characters <= _LINES else None
    if isinstance(node, Repeat):
        each = _ways(node.item)
        if each is None or (each > 1 and node.max > _LINES.bit_length()):
            return None
        repeats = each**node.max * (node.max - node.min + 1)
        return repeats if repeats <= _LINES else None
    total = 1
    for part in node.items:
        ways = _ways(part)
        if ways is None:
            return None
        total = total * ways if isinstance(node, Chain) else lcm(total, ways)
        if total > _LINES:
            return None
    if isinstance(node, Alternatives):
        total *= len(node.items)
    return total if total <= _LINES else None


def _most_places(node: Node) -> int:
    if isinstance(node, Characters):
        return 1
    if isinstance(node, Repeat):
        return node.max * _most_places(node.item)
    places = [_most_places(item) for item in node.items]
    return sum(places) if isinstance(node, Chain) else max(places)


def _lines(node: Node) -> _Lines:
    """The table of all derivations of a part, each line of one chance."""
    if isinstance(node, Characters):
        ranges = [np.arange(low, high + 1, dtype=np.uint32) for low, high in node.ranges]
        return np.concatenate(ranges)[:, np.newaxis], None
    if isinstance(node, Chain):
        found = _EMPTY
        for item in node.items:
            found = _product(found, _lines(item))
        return found
    if isinstance(node, Alternatives):
        branches = [_lines(item) for item in node.items]
        each = lcm(*(len(codes) for codes, _ in branches))
        width = max(codes.shape[1] for codes, _ in branches)
        return _stacked([_widened(branch, each, width) for branch in branches])
    once = _lines(node.item)
    found = _EMPTY
    for _ in range(node.max):
        found = _product(found, once)
    codes, places = found[0], once[0].shape[1]
    return _stacked(
        [
            (codes, _kept(found) & (np.arange(codes.shape[1]) < count * places))
            for count in range(node.min, node.max + 1)
        ]
    )


def _product(left: _Lines, right: _Lines) -> _Lines:
    """Every line of the left with every line of the right behind it."""
    many, more = len(left[0]), len(right[0])
    codes = np.hstack([np.repeat(left[0], more, axis=0), np.tile(right[0], (many, 1))])
    if left[1] is None and right[1] is None:
        return codes, None
    return codes, np.hstack(
        [np.repeat(_kept(left), more, axis=0), np.tile(_kept(right), (many, 1))]
    )


def _widened(lines: _Lines, count: int, width: int) -> _Lines:
    """`count` lines in as many columns as `width`; those that are added are left out."""
    room = ((0, 0), (0, width - lines[0].shape[1]))
    times = count // len(lines[0])
    codes = np.repeat(np.pad(lines[0], room), times, axis=0)
    return codes, np.repeat(np.pad(_kept(lines), room), times, axis=0)


def _stacked(parts: list[_Lines]) -> _Lines:
    kept = np.vstack([_kept(part) for part in parts])
    return np.vstack([part[0] for part in parts]), None if kept.all() else kept


def _kept(lines: _Lines) -> Mask:
    return np.ones(lines[0].shape, dtype=np.bool_) if lines[1] is None else lines[1]
