"""Derivations: a pattern's strings drawn as one reads it, every choice in it by itself.

Each branch of an alternation, each count of a repetition and each character of a class is as likely
as the next, however many strings it leads to. A row draws every table and every choice of the
pattern's layout, and keeps the columns that its choices lead to.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import prod

import numpy as np
import pyarrow as pa

from rowmill.generate.draws.bits import integers
from rowmill.generate.frame import Rows
from rowmill.generate.text.pattern_layout import Mask, Part, lay_out
from rowmill.generate.text.spelling import Codes, block_rows, strings_of_kept, strings_of_width
from rowmill.spec.patterns.syntax import parse

# The most that one draw counts.
_DRAWN = 2**62


class Derivations:
    """Draws strings of a pattern; `key` gives the key of each purpose.

    Raises:
        ValueError: the pattern is malformed, as `compile_pattern` says.
    """

    def __init__(self, pattern: str, key: Callable[[str], int]) -> None:
        self._layout = lay_out(parse(pattern))
        self._groups = _groups(self._layout.parts)
        self._keys = [key(f"draw {number}") for number in range(len(self._groups))]

    def strings(self, rows: Rows) -> pa.Array:
        """The rows' strings."""
        if not self._layout.ragged:
            return strings_of_width(self._drawn(rows, None))
        step = block_rows(self._layout.width)
        pieces = [self._ragged(rows[at : at + step]) for at in range(0, len(rows), step)]
        return pa.concat_arrays(pieces) if pieces else pa.array([], pa.string())

    def _ragged(self, rows: Rows) -> pa.Array:
        kept = np.ones((len(rows), self._layout.width), dtype=np.bool_)
        return strings_of_kept(self._drawn(rows, kept), kept)

    def _drawn(self, rows: Rows, kept: Mask | None) -> Codes:
        """All columns of the rows; `kept` loses those that the rows' choices don't lead to."""
        matrix = np.empty((len(rows), self._layout.width), dtype=self._layout.dtype)
        for key, group in zip(self._keys, self._groups, strict=True):
            rest = integers(key, rows, prod(part.size for part in group)).view(np.uint64)
            for part in reversed(group[1:]):
                size = np.uint64(part.size)
                whole = rest // size
                part.fill((rest - whole * size).view(np.int64), matrix, kept)
                rest = whole
            group[0].fill(rest.view(np.int64), matrix, kept)
        return matrix


def _groups(parts: Sequence[Part]) -> list[list[Part]]:
    """Consecutive parts of which one draw counts all values."""
    groups: list[list[Part]] = []
    for part in parts:
        if groups and prod(other.size for other in groups[-1]) * part.size <= _DRAWN:
            groups[-1].append(part)
        else:
            groups.append([part])
    return groups
