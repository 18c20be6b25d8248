"""Row hashes of one table's columns, wherever they were read, for one thread."""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow as pa

from rowmill.destinations.stored_rows import StoredRows, StoredTables, Unreadable
from rowmill.engine.verification import Problem
from rowmill.spec.dataset import Table
from rowmill.spec.values.types import ColumnType
from rowmill.verify.buckets import RowHashes, row_hashes
from rowmill.verify.canonical import canonical
from rowmill.verify.cell_hash import Words, hash_cells, hash_entries, look_up


class RowHasher:
    """Hashes rows whose columns are of the given types; not for two threads at once."""

    def __init__(self, types: Sequence[ColumnType]) -> None:
        self._types = tuple(types)
        self._known: dict[int, tuple[pa.Array, Words]] = {}
        self._distinct: set[int] = set()

    def rows(self, columns: Sequence[pa.Array], count: int) -> RowHashes:
        """The hash of each of `count` rows.

        Raises:
            pa.ArrowInvalid, pa.ArrowNotImplementedError: a column holds what its type cannot.
        """
        return row_hashes(self.cells(columns), count)

    def cells(self, columns: Sequence[pa.Array]) -> list[Words]:
        """The hashes of the cells, column by column; raises as `rows` does."""
        return [
            self._column(number, column, kind)
            for number, (column, kind) in enumerate(zip(columns, self._types, strict=True))
        ]

    def _column(self, number: int, column: pa.Array, kind: ColumnType) -> Words:
        if not pa.types.is_dictionary(column.type):
            return hash_cells(self._folded(number, canonical(column, kind)))
        # A pool's dictionary comes with every batch: its entries are hashed once.
        known, hashes = self._known.get(number, (None, None))
        if hashes is None or not _same(known, column.dictionary):
            hashes = hash_entries(canonical(column.dictionary, kind))
            self._known[number] = (column.dictionary, hashes)
        return look_up(column.indices, hashes)

    def _folded(self, number: int, cells: pa.Array) -> pa.Array:
        """Byte strings that repeat as a dictionary: finding the repeats is cheaper than hashing."""
        if number in self._distinct or not pa.types.is_binary(cells.type):
            return cells
        folded = cells.dictionary_encode()
        if len(folded.dictionary) * 2 > len(cells):
            self._distinct.add(number)
        return folded


def hash_stored(
    hasher: RowHasher, rows: StoredRows, store: StoredTables, table: Table
) -> RowHashes:
    """The hashes of stored rows.

    Raises:
        Unreadable: a column holds what its type cannot.
    """
    try:
        return hasher.rows(rows.columns, rows.count)
    except pa.ArrowException as error:
        text = f"its columns are not of the manifest's types: {error}"
        raise Unreadable(Problem("ColumnsDiffer", f"{store.name} {table.name}", text)) from None


def _same(known: pa.Array, other: pa.Array) -> bool:
    """Whether both are the very same memory; `known` is held, so that it is not used again."""
    return (
        len(known) == len(other)
        and known.offset == other.offset
        and _addresses(known) == _addresses(other)
    )


def _addresses(cells: pa.Array) -> list[int]:
    return [buffer.address if buffer is not None else 0 for buffer in cells.buffers()]
