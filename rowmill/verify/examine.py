"""The second pass: which rows of a table differ in a destination, and in which cells.

Only the rows of the differing buckets are collected, by their hashes, on both sides; equal ones are
paired off, and what is left is paired by key or likeness. However much differs, what is kept in
memory stays below fixed numbers of rows.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from rowmill.destinations.stored_rows import Unreadable
from rowmill.engine.verification import Difference, Kind, Problem
from rowmill.plan.runs import Run
from rowmill.spec.dataset import Table
from rowmill.task_pool import TaskPool
from rowmill.verify.buckets import Buckets, RowHashes
from rowmill.verify.describe import Describer, Finding
from rowmill.verify.multiset import Unmatched, unmatched
from rowmill.verify.pairing import Rows, pair
from rowmill.verify.recomputed import Recomputed
from rowmill.verify.row_hasher import RowHasher, hash_stored
from rowmill.verify.tally import Tally

# Rows of differing buckets collected on a side, by their hashes.
COLLECTED = 200_000
# Rows without a partner whose cells are hashed, and differences told.
EXAMINED = 5_000
LISTED = 1_000
_CHUNK = 1_000


@dataclass(frozen=True)
class Differences:
    """As `Comparison` has them."""

    counts: dict[Kind, int]
    differences: tuple[Difference, ...]
    sampled: bool


class Examination:
    """Finds the rows of one table that differ in one destination."""

    def __init__(
        self, run: Run, table: Table, recomputed: Recomputed, tally: Tally, pool: TaskPool
    ) -> None:
        self._layout = run.plan.by_name[table.name]
        self._table = table
        self._recomputed = recomputed
        self._store = tally.store
        self._tally = tally
        self._pool = pool

    def differences(self, expected: Buckets) -> Differences:
        """What differs between the rows of `expected` and the stored ones."""
        mask, all_fit = _chosen(expected, self._tally.stored)
        wanted, stored = self._collect(mask)
        left = unmatched(wanted.hashes(), stored.hashes())
        rows = np.sort(wanted.numbers()[left.expected])
        places = np.sort(stored.numbers()[left.stored])
        complete = all_fit and max(len(rows), len(places), len(left.doubles)) <= EXAMINED
        findings = self._paired(rows[:EXAMINED], places[:EXAMINED])
        findings += _doubles(left, wanted.numbers(), stored.numbers())
        findings.sort(key=lambda finding: (finding.order, finding.place or 0))
        describer = Describer(self._table, self._layout, self._recomputed, self._store)
        return Differences(
            counts=dict(Counter(finding.kind for finding in findings)),
            differences=tuple(describer.describe(findings[:LISTED])),
            sampled=not complete,
        )

    def _collect(self, mask: NDArray[np.bool_]) -> tuple[_Collected, _Collected]:
        """The rows of the chosen buckets: made again, with indexes; stored, with places."""
        wanted, stored = _Collected(mask), _Collected(mask)
        pieces = sorted(self._tally.differing)
        parts = pieces if self._store.by_part else range(self._layout.parts)
        tasks: list[Callable[[], None]] = [partial(self._make, n, wanted) for n in parts]
        tasks += [partial(self._read, n, stored) for n in pieces]
        self._pool.do(tasks)
        return wanted, stored

    def _make(self, number: int, into: _Collected) -> None:
        part = self._layout.part(number)
        hasher = self._hasher()
        row_bytes = self._layout.row_bytes
        for piece in self._recomputed.slices(self._table, part.start, part.stop, row_bytes):
            self._pool.check()
            hashes = hasher.rows(piece.columns, piece.count)
            into.add(hashes, np.arange(piece.start, piece.start + piece.count))

    def _read(self, number: int, into: _Collected) -> None:
        hasher = self._hasher()
        try:
            for rows in self._store.rows(self._table, number, places=True):
                self._pool.check()
                if rows.places is not None:
                    into.add(hash_stored(hasher, rows, self._store, self._table), rows.places)
        except Unreadable as error:
            # It could be read a moment ago.
            self._problem(error.problem)

    def _paired(self, rows: NDArray[np.int64], places: NDArray[np.int64]) -> list[Finding]:
        wanted, stored = self._wanted_cells(rows), self._stored_cells(places)
        pairs, lost, unexpected = pair(wanted, stored, self._table)
        return [
            *(
                Finding(Kind.CHANGED, int(wanted.numbers[e]), int(stored.numbers[s]))
                for e, s in pairs
            ),
            *(Finding(Kind.LOST, int(wanted.numbers[e]), None) for e in lost),
            *(Finding(Kind.UNEXPECTED, None, int(stored.numbers[s])) for s in unexpected),
        ]

    def _wanted_cells(self, rows: NDArray[np.int64]) -> Rows:
        hasher, chunks = self._hasher(), []
        for start in range(0, len(rows), _CHUNK):
            chunk = rows[start : start + _CHUNK]
            cells = hasher.cells(self._recomputed.rows(self._table, chunk))
            chunks.append(Rows(chunk, np.stack(cells, axis=1)))
        return Rows.joined(chunks, len(self._table.columns))

    def _stored_cells(self, places: NDArray[np.int64]) -> Rows:
        hasher, chunks = self._hasher(), []
        try:
            for rows in self._store.rows_at(self._table, places):
                if rows.places is not None:
                    cells = np.stack(hasher.cells(rows.columns), axis=1)
                    chunks.append(Rows(rows.places, cells))
        except Unreadable as error:
            self._problem(error.problem)
        return Rows.joined(chunks, len(self._table.columns))

    def _problem(self, problem: Problem) -> None:
        if problem not in self._tally.problems:
            self._tally.problems.append(problem)

    def _hasher(self) -> RowHasher:
        return RowHasher([column.type for column in self._table.columns])


class _Collected:
    """Hashes of rows in some buckets, each with its number: an index or a place."""

    def __init__(self, mask: NDArray[np.bool_]) -> None:
        self._mask = mask
        self._pieces: list[tuple[NDArray[np.uint64], NDArray[np.uint64], NDArray[np.int64]]] = []

    def add(self, hashes: RowHashes, numbers: NDArray[np.int64]) -> None:
        keep = np.flatnonzero(self._mask[hashes.buckets()])
        if keep.size:
            self._pieces.append((hashes.high[keep], hashes.low[keep], numbers[keep]))

    def hashes(self) -> RowHashes:
        return RowHashes(
            np.concatenate([np.empty(0, np.uint64), *(piece[0] for piece in self._pieces)]),
            np.concatenate([np.empty(0, np.uint64), *(piece[1] for piece in self._pieces)]),
        )

    def numbers(self) -> NDArray[np.int64]:
        return np.concatenate([np.empty(0, np.int64), *(piece[2] for piece in self._pieces)])


def _chosen(expected: Buckets, stored: Buckets) -> tuple[NDArray[np.bool_], bool]:
    """A mask of differing buckets that hold no more than COLLECTED rows; whether it is all."""
    differing = np.flatnonzero(expected.differing(stored))
    sizes = np.maximum(expected.counts[differing], stored.counts[differing])
    order = np.argsort(sizes, kind="stable")
    fits = np.cumsum(sizes[order]) <= COLLECTED
    mask = np.zeros(len(expected.counts), dtype=np.bool_)
    mask[differing[order[fits]]] = True
    return mask, bool(fits.all())


def _doubles(left: Unmatched, rows: NDArray[np.int64], places: NDArray[np.int64]) -> list[Finding]:
    pairs = zip(left.originals[:EXAMINED], left.doubles[:EXAMINED], strict=True)
    return [Finding(Kind.DOUBLED, int(rows[e]), int(places[s])) for e, s in pairs]
