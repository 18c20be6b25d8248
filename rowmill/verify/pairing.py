"""Which stored row is which expected row, changed: by key, else by likeness."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rowmill.spec.dataset import Table
from rowmill.verify.cell_hash import NULL_HASH, Words

# More unpaired rows than these are not compared each with each.
_LIKENED = 200


@dataclass(frozen=True)
class Rows:
    """Some rows: their numbers (indexes or places) and a matrix of their cells' hashes."""

    numbers: NDArray[np.int64]
    cells: Words

    @classmethod
    def joined(cls, pieces: Sequence[Rows], columns: int) -> Rows:
        """The rows of all pieces, in their order."""
        numbers = [np.empty(0, np.int64), *(piece.numbers for piece in pieces)]
        cells = [np.empty((0, columns), np.uint64), *(piece.cells for piece in pieces)]
        return cls(np.concatenate(numbers), np.concatenate(cells))


def key_columns(table: Table) -> list[str]:
    """The columns that tell a table's rows apart: the primary key or what else is unique; or []."""
    unique = [(column.name,) for column in table.columns if column.unique]
    keys = [table.primary_key, *table.unique, *unique]
    return list(next((key for key in keys if key), ()))


def pair(
    expected: Rows, stored: Rows, table: Table
) -> tuple[list[tuple[int, int]], list[int], list[int]]:
    """Pair changed rows: positions of pairs, of the expected left alone, of the stored left alone.

    First by equal keys; what is then left by likeness: the pair with the most equal cells first,
    if these are more than half.
    """
    places = {column.name: place for place, column in enumerate(table.columns)}
    pairs = _by_key(expected, stored, [places[name] for name in key_columns(table)])
    pairs += _by_likeness(expected, stored, *_alone(expected, stored, pairs))
    return (pairs, *_alone(expected, stored, pairs))


def _alone(
    expected: Rows, stored: Rows, pairs: list[tuple[int, int]]
) -> tuple[list[int], list[int]]:
    one, other = {e for e, _ in pairs}, {s for _, s in pairs}
    return (
        [e for e in range(len(expected.numbers)) if e not in one],
        [s for s in range(len(stored.numbers)) if s not in other],
    )


def _by_key(expected: Rows, stored: Rows, key: list[int]) -> list[tuple[int, int]]:
    if not key:
        return []
    waiting: dict[tuple[int, ...], list[int]] = {}
    for position, cells in enumerate(stored.cells[:, key].tolist()):
        waiting.setdefault(tuple(cells), []).append(position)
    pairs = []
    for position, cells in enumerate(expected.cells[:, key].tolist()):
        # A null is equal to nothing, so it is no key.
        if int(NULL_HASH) not in cells and (found := waiting.get(tuple(cells))):
            pairs.append((position, found.pop(0)))
    return pairs


def _by_likeness(
    expected: Rows, stored: Rows, one: list[int], other: list[int]
) -> list[tuple[int, int]]:
    if not one or not other or max(len(one), len(other)) > _LIKENED:
        return []
    columns = expected.cells.shape[1]
    alike = np.stack([(stored.cells[other] == expected.cells[e]).sum(axis=1) for e in one])
    pairs = []
    for place in np.argsort(-alike, axis=None, kind="stable").tolist():
        e, s = divmod(place, len(other))
        if alike[e, s] * 2 <= columns:
            continue
        pairs.append((one[e], other[s]))
        alike[e, :] = alike[:, s] = 0
    return pairs
