"""The rows as they should be, made again: by ranges, or those of given indexes."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from rowmill.generate.rows import Generator
from rowmill.spec.dataset import Table

# Rows made at a time: their columns fit the processor's cache, whatever the size of a batch.
SLICE_ROWS = 16_384
# A slice of wide rows is shorter: at most so many bytes by the plan's estimate.
SLICE_BYTES = 8 * 2**20


@dataclass(frozen=True)
class Slice:
    """Consecutive rows from `start`."""

    start: int
    columns: list[pa.Array]
    count: int


class Recomputed:
    """Makes rows; each thread has a generator of its own."""

    def __init__(self, make_generator: Callable[[], Generator]) -> None:
        self._make = make_generator
        self._own = threading.local()

    def slices(
        self,
        table: Table,
        start: int,
        stop: int,
        row_bytes: int,
        columns: Sequence[str] | None = None,
    ) -> Iterator[Slice]:
        """Rows [start, stop) of a table, of about `row_bytes` each, all columns or those named."""
        step = max(1, min(SLICE_ROWS, SLICE_BYTES // max(1, row_bytes)))
        for first in range(start, stop, step):
            batch = self._generator.batch(table.name, first, min(stop, first + step), columns)
            yield Slice(first, batch.columns, batch.num_rows)

    def children(self, table: Table, parent: int) -> tuple[int, int]:
        """The rows [start, stop) of a `rowsPer` table that belong to one row of its parent."""
        first, count = self._generator.children(table.name, np.array([parent], dtype=np.int64))
        return int(first[0]), int(first[0] + count[0])

    def rows(self, table: Table, indexes: NDArray[np.int64]) -> list[pa.Array]:
        """The columns of the rows of these indexes, in their order."""
        frame = self._generator.frame(table.name, indexes)
        return [frame.cells(column.name) for column in table.columns]

    @property
    def _generator(self) -> Generator:
        known: Generator | None = getattr(self._own, "generator", None)
        if known is None:
            known = self._own.generator = self._make()
        return known
