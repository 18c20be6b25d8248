"""Patterns: strings drawn as one reads the pattern, or each row another one, by unranking.

Where rows must differ, and in version 1 always, a row draws a rank, the place of a string in the
automaton's order, and spells that string. Where there are more strings than a rank can count, the
first characters are drawn one by one, each as likely as its strings are many, until the strings
that remain can be counted; their rank alone then keeps rows apart.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from rowmill.counting import counted
from rowmill.generate.cells.cell_builder import CellBuilder
from rowmill.generate.cells.derivations import Derivations
from rowmill.generate.context import Context
from rowmill.generate.draws.bits import Bits, bits, integers, keyed_bits, scaled
from rowmill.generate.draws.permutation import Permutation
from rowmill.generate.frame import Cells, Frame, Rows
from rowmill.generate.text.fixed_patterns import FixedWidth, fixed_width
from rowmill.generate.text.from_text import from_text
from rowmill.generate.text.spelling import Characters, block_rows, strings_of
from rowmill.spec.kinds import Pattern
from rowmill.spec.patterns.automaton import Automaton, Edge, compile_pattern
from rowmill.spec.values.types import STRINGS

# The most strings that a rank counts.
RANKS = 2**62
# A table of up to so many rows has room after any first characters drawn: fewer strings than this
# are never left to the rank. What is lost so is less than a hundred-thousandth of all strings
# (of a quarter, if a class holds a million characters).
ROOM = 2**40


def _build(context: Context) -> Cells:
    """Strings of the pattern, in the column's type.

    Unique ones permute the pattern's strings. Others draw each choice in the pattern by itself; in
    version 1 they draw among all strings.

    Raises:
        ValueError: the column is unique and the pattern has fewer strings than the table rows.
    """
    kind, column = context.column.kind, context.column
    assert isinstance(kind, Pattern)
    texts = _texts(context, kind.pattern)
    if column.type.name in STRINGS:
        return texts
    return lambda frame: from_text(texts(frame), column.type)


def _texts(context: Context, pattern: str) -> Cells:
    column = context.column
    if context.version > 1 and not column.unique:
        derivations = Derivations(pattern, context.key)
        return lambda frame: derivations.strings(frame.rows)
    automaton = compile_pattern(pattern)
    if column.unique and automaton.count < context.rows:
        raise ValueError(
            f"{context.table.name}.{column.name} must be unique over "
            f"{counted(context.rows, 'row')} but its pattern has only "
            f"{counted(automaton.count, 'string')}: allow more"
        )
    fixed = fixed_width(automaton, RANKS)
    return _fixed(context, fixed) if fixed else _walked(context, automaton)


Ranks = Callable[[Rows], NDArray[np.int64]]


def _ranks(context: Context, purpose: str, count: int, *, unique: bool) -> Ranks:
    key = context.key(purpose)
    if unique:
        return Permutation(key, count).forward
    return lambda rows: integers(key, rows, count)


def _fixed(context: Context, fixed: FixedWidth) -> Cells:
    # The group with the most strings keeps rows apart; any other is drawn freely.
    sizes = [group.count for group in fixed.groups]
    apart = sizes.index(max(sizes)) if context.column.unique else -1
    draws = [
        _ranks(context, f"value {number}", size, unique=number == apart)
        for number, size in enumerate(sizes)
    ]
    return lambda frame: fixed.spell([draw(frame.rows) for draw in draws])


def _walked(context: Context, automaton: Automaton) -> Cells:
    walk = _Walk(context, automaton)
    step = block_rows(automaton.max_length)

    def cells(frame: Frame) -> pa.Array:
        pieces = [
            walk.spell(frame.rows[start : start + step]) for start in range(0, len(frame), step)
        ]
        return pa.concat_arrays(pieces) if pieces else pa.array([], pa.string())

    return cells


class _Walk:
    """The automaton walked by many rows at once: state by state, in the order of the edges."""

    def __init__(self, context: Context, automaton: Automaton) -> None:
        self._automaton = automaton
        self._prefix_key = context.key("prefix")
        self._states = [_State(automaton, number) for number in range(len(automaton.edges))]
        entries = {0} | {
            edge.target
            for state, edges in enumerate(automaton.edges)
            for edge in edges
            if automaton.counts[state] > RANKS
        }
        self._ranks = {
            state: _ranks(context, "value", automaton.counts[state], unique=context.column.unique)
            for state in entries
            if automaton.counts[state] <= RANKS and (state == 0 or automaton.counts[state] >= ROOM)
        }

    def spell(self, rows: Rows) -> pa.Array:
        """The rows' strings."""
        out = Characters(len(rows), self._automaton)
        random = bits(self._prefix_key, rows)
        no_ranks = np.zeros(len(rows), dtype=np.int64)
        waiting: dict[int, list[tuple[Rows, NDArray[np.int64]]]] = {
            0: [(np.arange(len(rows)), no_ranks)]
        }
        for number, state in enumerate(self._states):
            if number not in waiting:
                continue
            parts = waiting.pop(number)
            here = np.concatenate([part[0] for part in parts])
            ranks = np.concatenate([part[1] for part in parts])
            if state.count > RANKS:
                moves = state.draw(here, random[here], out)
            else:
                if number in self._ranks:
                    ranks = self._ranks[number](rows[here])
                moves = state.unrank(here, ranks, out)
            for target, moved, rest in moves:
                waiting.setdefault(target, []).append((moved, rest))
        return strings_of(out)


Move = tuple[int, Rows, NDArray[np.int64]]


class _State:
    """One state's edges as arrays."""

    def __init__(self, automaton: Automaton, number: int) -> None:
        edges = automaton.edges[number]
        self.count = automaton.counts[number]
        self._accepting = automaton.accepting[number]
        self._edges = edges
        if self.count > RANKS:
            self._edges = tuple(e for e in edges if automaton.counts[e.target] >= ROOM)
            weights = [_width(e) * automaton.counts[e.target] for e in self._edges]
            total, bounds = sum(weights), np.cumsum(np.array(weights, dtype=object))
            self._bounds = np.array([b * 2**64 // total for b in bounds[:-1]], dtype=np.uint64)
            return
        ahead = [automaton.counts[e.target] for e in edges]
        self._ahead = np.array(ahead, dtype=np.uint64)
        self._ends = np.cumsum(
            np.array([_width(e) * a for e, a in zip(edges, ahead, strict=True)], dtype=np.uint64)
        )
        self._low = np.array([e.low for e in edges], dtype=np.int64)
        self._targets = np.array([e.target for e in edges], dtype=np.int64)

    def draw(self, here: Rows, random: Bits, out: Characters) -> list[Move]:
        """Draw the next character of rows `here` by their bits and how many come so far."""
        place = out.lengths[here].astype(np.int64) * 2
        edge = np.searchsorted(self._bounds, keyed_bits(random, place), side="right")
        within = keyed_bits(random, place + 1)
        moves = []
        for number, taken in enumerate(self._edges):
            chosen = np.flatnonzero(edge == number)
            if not len(chosen):
                continue
            codes = scaled(within[chosen], _width(taken)).view(np.int64) + taken.low
            out.write(here[chosen], codes)
            moves.append((taken.target, here[chosen], np.zeros(len(chosen), dtype=np.int64)))
        return moves

    def unrank(self, here: Rows, ranks: NDArray[np.int64], out: Characters) -> list[Move]:
        """Write the next character of rows `here` by their ranks among the state's strings."""
        if self._accepting:
            on = np.flatnonzero(ranks)
            here, ranks = here[on], ranks[on] - 1
        if not len(here):
            return []
        rank = ranks.view(np.uint64)
        if len(self._edges) == 1:
            code = rank // self._ahead[0]
            rest = (rank - code * self._ahead[0]).view(np.int64)
            out.write(here, code.view(np.int64) + self._low[0])
            return [(int(self._targets[0]), here, rest)]
        edge = np.searchsorted(self._ends, rank, side="right")
        starts = np.concatenate([np.zeros(1, dtype=np.uint64), self._ends[:-1]])
        rank = rank - starts[edge]
        ahead = self._ahead[edge]
        code = rank // ahead
        rest = (rank - code * ahead).view(np.int64)
        out.write(here, code.view(np.int64) + self._low[edge])
        targets = self._targets[edge]
        moves = []
        for target in dict.fromkeys(self._targets.tolist()):
            moved = np.flatnonzero(targets == target)
            if len(moved):
                moves.append((target, here[moved], rest[moved]))
        return moves


def _width(edge: Edge) -> int:
    return edge.high - edge.low + 1


PATTERN_CELLS = CellBuilder(Pattern, {1: _build, 2: _build})
