"""Fixed-width patterns: strings whose places are drawn from one set of characters each.

Most patterns in use are such (`[A-Z]{3}-[0-9]{4}`). Their strings are numbers in mixed radix,
written several places at a time by look-up.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from rowmill.generate.text.spelling import Codes, code_type, strings_of_width
from rowmill.spec.patterns.automaton import Automaton, Edge

# The most strings in one look-up table.
_TABLE = 2**14


@dataclass(frozen=True)
class Chunk:
    """Consecutive places and a line for each of their strings, in order."""

    start: int
    table: Codes


@dataclass(frozen=True)
class Group:
    """Chunks of places whose strings, `count` together, one rank counts."""

    chunks: tuple[Chunk, ...]

    @cached_property
    def count(self) -> int:
        total = 1
        for chunk in self.chunks:
            total *= len(chunk.table)
        return total


@dataclass(frozen=True)
class FixedWidth:
    """All places of the pattern, in groups."""

    groups: tuple[Group, ...]
    width: int
    dtype: type[np.uint8] | type[np.uint32]

    def spell(self, ranks: list[NDArray[np.int64]]) -> pa.Array:
        """The strings whose groups have these ranks."""
        matrix = np.empty((len(ranks[0]), self.width), dtype=self.dtype)
        for group, rank in zip(self.groups, ranks, strict=True):
            rest = rank.view(np.uint64)
            for chunk in reversed(group.chunks):
                line = rest
                if chunk is not group.chunks[0]:
                    size = np.uint64(len(chunk.table))
                    rest, line = rest // size, rest
                    line = line - rest * size
                places = chunk.table.shape[1]
                # take is four times faster here than indexing.
                matrix[:, chunk.start : chunk.start + places] = np.take(
                    chunk.table, line.view(np.int64), axis=0
                )
        return strings_of_width(matrix)


def fixed_width(automaton: Automaton, most: int) -> FixedWidth | None:
    """The pattern as places of their own, in groups of at most `most` strings; None if it isn't."""
    places: list[tuple[Edge, ...]] = []
    state = 0
    while not automaton.accepting[state]:
        edges = automaton.edges[state]
        if len({edge.target for edge in edges}) != 1:
            return None
        places.append(edges)
        state = edges[0].target
    if automaton.edges[state]:
        return None
    dtype = code_type(automaton)
    chunks = _chunks([_codes(edges) for edges in places], dtype)
    return FixedWidth(_groups(chunks, most), len(places), dtype)


def _codes(edges: tuple[Edge, ...]) -> NDArray[np.uint32]:
    return np.concatenate([np.arange(e.low, e.high + 1, dtype=np.uint32) for e in edges])


def _chunks(
    places: list[NDArray[np.uint32]], dtype: type[np.uint8] | type[np.uint32]
) -> list[Chunk]:
    """Tables of as many places as fit, from the left."""
    chunks = [Chunk(0, np.zeros((1, 0), dtype=dtype))]
    for place, codes in enumerate(places):
        last = chunks[-1].table
        if len(last) * len(codes) > _TABLE and last.shape[1]:
            last = np.zeros((1, 0), dtype=dtype)
            chunks.append(Chunk(place, last))
        lines = np.repeat(last, len(codes), axis=0)
        column = np.tile(codes.astype(dtype), len(last))
        table = np.concatenate([lines, column[:, np.newaxis]], axis=1)
        chunks[-1] = Chunk(chunks[-1].start, table)
    return chunks


def _groups(chunks: list[Chunk], most: int) -> tuple[Group, ...]:
    groups: list[Group] = []
    for chunk in chunks:
        if groups and groups[-1].count * len(chunk.table) <= most:
            groups[-1] = Group((*groups[-1].chunks, chunk))
        else:
            groups.append(Group((chunk,)))
    return tuple(groups)
