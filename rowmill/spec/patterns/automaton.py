"""Patterns: a subset of regular expressions, each read into the automaton of its strings.

A pattern describes whole values and finitely many of them. It is parsed into a small tree, the tree
becomes a position automaton (Glushkov 1961), that one a minimal deterministic one. On the latter
strings are counted, not derivations: `a|a` has one, `a{1,2}a?` has three.

The size of the work is bounded by counting steps, not seconds, so that a pattern is refused on
every machine or on none.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import pairwise

from rowmill.spec.paths import shown
from rowmill.spec.patterns.character_sets import CharacterSet
from rowmill.spec.patterns.syntax import Alternatives, Chain, Characters, Node, Repeat, parse

MAX_POSITIONS = 4_096
MAX_STATES = 5_000
MAX_STEPS = 2_000_000


@dataclass(frozen=True)
class Edge:
    """Any of the characters `low` to `high` (code points, both inclusive) leads to `target`."""

    low: int
    high: int
    target: int


@dataclass(frozen=True)
class Automaton:
    """The minimal deterministic automaton of a pattern's strings.

    State 0 is the start; edges lead to states of higher numbers, are disjoint and in the order of
    their characters. `counts[s]` is the number of strings from state s to an accepting one.
    A string's rank is its place in the order of code points, a prefix first: that order is the
    language's own, whatever the pattern's spelling.
    """

    edges: tuple[tuple[Edge, ...], ...]
    accepting: tuple[bool, ...]
    counts: tuple[int, ...]
    min_length: int
    max_length: int

    @property
    def count(self) -> int:
        return self.counts[0]

    @property
    def characters(self) -> CharacterSet:
        """All that occur in the strings."""
        return CharacterSet.of_spans((e.low, e.high) for edges in self.edges for e in edges)


@lru_cache(maxsize=1024)
def compile_pattern(pattern: str) -> Automaton:
    """The automaton of a pattern.

    Raises:
        ValueError: the pattern is malformed, has no upper bound, or is too large to count; the
            message is for the manifest's author.
    """
    tree = parse(pattern)
    if _size(tree) > MAX_POSITIONS:
        raise _too_large(pattern)
    positions = _Positions(pattern)
    return _minimal(*_determinise(positions, positions.add(tree)))


def count_strings(pattern: str) -> int:
    """How many distinct strings the pattern describes. Raises ValueError as `compile_pattern`."""
    return compile_pattern(pattern).count


def max_length(pattern: str) -> int:
    """The most characters a string of the pattern has. Raises ValueError as `compile_pattern`."""
    return compile_pattern(pattern).max_length


def _too_large(pattern: str) -> ValueError:
    return ValueError(
        f"the pattern {shown(pattern)} is too large to count its strings; "
        "use smaller counts or fewer nested repeats and alternatives"
    )


def _size(node: Node) -> int:
    """An upper bound of the positions that `_Positions.add` will make for the node."""
    if isinstance(node, Characters):
        return 1
    if isinstance(node, Repeat):
        # An empty group repeated is work too, though it adds no position.
        return node.max * max(1, _size(node.item))
    return sum(_size(item) for item in node.items)


@dataclass(frozen=True)
class _Part:
    """Of a part of the pattern: may it be empty, which positions begin it, which end it.

    Sets of positions are integers used as bit masks.
    """

    nullable: bool
    first: int
    last: int


_EMPTY = _Part(nullable=True, first=0, last=0)


@dataclass
class _Positions:
    """Glushkov's automaton under construction: one position for each place of a character."""

    pattern: str
    characters: list[Characters] = field(default_factory=list)
    follow: list[int] = field(default_factory=list)
    steps: int = 0

    def spend(self, steps: int) -> None:
        self.steps += steps
        if self.steps > MAX_STEPS:
            raise _too_large(self.pattern)

    def add(self, node: Node) -> _Part:
        if isinstance(node, Characters):
            return self._add_characters(node)
        if isinstance(node, Chain):
            part = _EMPTY
            for item in node.items:
                part = self._join(part, self.add(item))
            return part
        if isinstance(node, Alternatives):
            parts = [self.add(item) for item in node.items]
            return _Part(
                nullable=any(p.nullable for p in parts),
                first=_union(p.first for p in parts),
                last=_union(p.last for p in parts),
            )
        return self._add_repeat(node)

    def _add_characters(self, node: Characters) -> _Part:
        mask = 1 << len(self.characters)
        self.characters.append(node)
        self.follow.append(0)
        return _Part(nullable=False, first=mask, last=mask)

    def _join(self, left: _Part, right: _Part) -> _Part:
        self.spend(left.last.bit_count() + 1)
        for position in _bits(left.last):
            self.follow[position] |= right.first
        return _Part(
            nullable=left.nullable and right.nullable,
            first=left.first | (right.first if left.nullable else 0),
            last=right.last | (left.last if right.nullable else 0),
        )

    def _add_repeat(self, node: Repeat) -> _Part:
        """`x{2,4}` as `xx(x(x)?)?`: nested, so that a copy is followed by the next copy only."""
        part = _EMPTY
        for _ in range(node.min):
            part = self._join(part, self.add(node.item))
        if node.max == node.min:
            return part
        copies = [self.add(node.item) for _ in range(node.max - node.min)]
        optional = _EMPTY
        for copy in reversed(copies):
            joined = self._join(copy, optional)
            optional = _Part(nullable=True, first=joined.first, last=joined.last)
        return self._join(part, optional)


def _union(masks: Iterable[int]) -> int:
    total = 0
    for mask in masks:
        total |= mask
    return total


def _bits(mask: int) -> Iterator[int]:
    while mask:
        lowest = mask & -mask
        yield lowest.bit_length() - 1
        mask ^= lowest


@dataclass(frozen=True)
class _State:
    """A deterministic state: the positions that may come next, and whether it may end here."""

    next: int
    accepting: bool


_Moves = list[tuple[int, int, _State]]


def _determinise(positions: _Positions, whole: _Part) -> tuple[_State, dict[_State, _Moves]]:
    """The subset construction: the start, and of each state the moves (low, high, state)."""
    start = _State(whole.first, whole.nullable)
    atoms = _atoms(positions)
    states: dict[_State, _Moves] = {}
    waiting = [start]
    while waiting:
        state = waiting.pop()
        if state in states:
            continue
        states[state] = []
        if len(states) > MAX_STATES:
            raise _too_large(positions.pattern)
        targets: dict[int, _State] = {}
        for low, high, mask in atoms:
            positions.spend(1)
            hit = state.next & mask
            if not hit:
                continue
            if hit not in targets:
                positions.spend(hit.bit_count())
                following = _union(positions.follow[p] for p in _bits(hit))
                targets[hit] = _State(following, bool(hit & whole.last))
                waiting.append(targets[hit])
            states[state].append((low, high, targets[hit]))
    return start, states


def _atoms(positions: _Positions) -> list[tuple[int, int, int]]:
    """The characters cut at every class's bounds: (low, high, the positions that take them)."""
    masks: dict[Characters, int] = {}
    for number, characters in enumerate(positions.characters):
        masks[characters] = masks.get(characters, 0) | 1 << number
    ranges = {r for characters in masks for r in characters.ranges}
    bounds = sorted({low for low, _ in ranges} | {high + 1 for _, high in ranges})
    atoms: list[tuple[int, int, int]] = []
    for low, above in pairwise(bounds):
        positions.spend(len(masks))
        mask = _union(m for characters, m in masks.items() if characters.holds(low))
        if mask:
            atoms.append((low, above - 1, mask))
    return atoms


def _minimal(start: _State, states: dict[_State, _Moves]) -> Automaton:
    """Merge states with the same strings ahead, from the last to the start.

    Positions only follow lower ones, so a state's lowest next position grows along every move:
    descending, it visits targets before their sources, and the start last.
    """
    end = max((s.next.bit_length() for s in states), default=0) + 1
    order = sorted(states, key=lambda s: (s.next & -s.next).bit_length() or end, reverse=True)
    numbers: dict[tuple[bool, tuple[Edge, ...]], int] = {}
    number_of: dict[_State, int] = {}
    for state in order:
        edges = _merged([(low, high, number_of[to]) for low, high, to in states[state]])
        number_of[state] = numbers.setdefault((state.accepting, edges), len(numbers))
    last = len(numbers) - 1
    counts: list[int] = []
    shortest: list[int] = []
    longest: list[int] = []
    for accepting, edges in numbers:
        counts.append(accepting + sum((e.high - e.low + 1) * counts[e.target] for e in edges))
        longest.append(max((longest[e.target] + 1 for e in edges), default=0))
        shortest.append(0 if accepting else min(shortest[e.target] + 1 for e in edges))
    return Automaton(
        edges=tuple(
            tuple(Edge(e.low, e.high, last - e.target) for e in edges)
            for _, edges in reversed(numbers)
        ),
        accepting=tuple(accepting for accepting, _ in reversed(numbers)),
        counts=tuple(reversed(counts)),
        min_length=shortest[number_of[start]],
        max_length=longest[number_of[start]],
    )


def _merged(moves: list[tuple[int, int, int]]) -> tuple[Edge, ...]:
    edges: list[Edge] = []
    for low, high, target in moves:
        if edges and edges[-1].target == target and edges[-1].high + 1 == low:
            edges[-1] = Edge(edges[-1].low, high, target)
        else:
            edges.append(Edge(low, high, target))
    return tuple(edges)


def differs_in_end_spaces(pattern: str) -> bool:
    """Whether two of the pattern's strings differ in nothing but spaces at the end."""
    automaton = compile_pattern(pattern)
    # Of each state whether spaces alone lead from it to another accepting one.
    leads: list[bool] = [False] * len(automaton.edges)
    for state in reversed(range(len(leads))):
        over = [e.target for e in automaton.edges[state] if e.low <= ord(" ") <= e.high]
        leads[state] = any(automaton.accepting[to] or leads[to] for to in over)
    return any(map(bool.__and__, automaton.accepting, leads))
