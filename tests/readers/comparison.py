"""What a reader handed over against the rows that were written, in whatever order it has them."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from rowmill.verify.buckets import row_hashes
from rowmill.verify.cell_hash import Words, hash_cells
from tests.readers.known import Reader

# A decimal becomes a double by one multiplication or division, which rounds once.
_ROUNDING = 4e-16
_SHOWN = 60


def differences(table: str, written: pa.Table, found: pa.Table, reader: Reader) -> list[str]:
    """What is not equal, a sentence each with the column's name; nothing if all is.

    All columns, types, cells, and which cells stand in one row are compared; the rows' order
    is not. `reader` says in which types it holds what was written.
    """
    if found.column_names != written.column_names:
        return [f"its columns are {found.column_names}, not {written.column_names}"]
    if found.num_rows != written.num_rows:
        return [f"{found.num_rows:,} rows, not {written.num_rows:,}"]
    told: list[str] = []
    pairs: list[tuple[Words, Words]] = []
    for name in written.column_names:
        if f"{table}.{name}" in reader.beyond:
            continue
        column = _Column(written[name].combine_chunks(), found[name], reader)
        text = column.difference()
        if text is not None:
            told.append(f"column {name!r}: {text}")
        elif not column.rounded:
            pairs.append(column.hashes())
    if not told and not _side_by_side(pairs, written.num_rows):
        told.append("every column's cells are right, but they stand in other rows")
    return told


class _Column:
    """One column: `written` as the reader is to hold it, `found` as it was handed over."""

    def __init__(self, written: pa.Array, found: pa.ChunkedArray, reader: Reader) -> None:
        if pa.types.is_list(written.type) and not reader.null_lists:
            empty = pa.scalar([], written.type)
            written = pc.if_else(written.is_valid(), written, empty)
        self._kind = reader.type_of(written.type)
        self._typed = reader.typed_nulls or written.null_count < len(written)
        self.rounded = _is_decimal(written.type) and not _is_decimal(self._kind)
        self._written = written
        self._found = found

    def difference(self) -> str | None:
        """What is not equal, or None."""
        if not self._typed and pa.types.is_null(self._found.type):
            self._found = self._found.cast(self._kind)
        if _word(self._found.type) != _word(self._kind):
            return f"it is handed over as {_word(self._found.type)}, not {_word(self._kind)}"
        self._found = self._found.combine_chunks()
        if self.rounded:
            return None if self._is_close() else "its numbers differ by more than rounding"
        written, found = self.hashes()
        if np.array_equal(np.sort(written), np.sort(found)):
            return None
        lost = np.flatnonzero(~np.isin(written, found))
        foreign = np.flatnonzero(~np.isin(found, written))
        if not lost.size and not foreign.size:
            return "its values are right, but do not occur as often as they should"
        return (
            f"{len(lost):,} cells are not there, such as {_shown(self._written, lost)}, "
            f"and {len(foreign):,} are foreign, such as {_shown(self._found, foreign)}"
        )

    def hashes(self) -> tuple[Words, Words]:
        """A hash of each cell, written and found."""
        return hash_cells(_plain(self._held())), hash_cells(_plain(self._found))

    def _held(self) -> pa.Array:
        # Bytes are not text to Arrow, but the very same cells to a reader that has one type only.
        return self._written.cast(self._kind, safe=False)

    def _is_close(self) -> bool:
        # Cell by cell: whoever rounds keeps the rows' order.
        written, found = self._held(), self._found
        if pa.types.is_list(self._kind):
            lengths = [pc.list_value_length(side).fill_null(-1) for side in (written, found)]
            if not lengths[0].equals(lengths[1]):
                return False
            written, found = written.flatten(), found.flatten()
        if not written.is_valid().equals(found.is_valid()):
            return False
        exact, rounded = (side.drop_null().to_numpy() for side in (written, found))
        return bool(np.allclose(rounded, exact, rtol=_ROUNDING, atol=0))


def _side_by_side(pairs: list[tuple[Words, Words]], count: int) -> bool:
    """Whether the rows are the same, as a multiset."""
    written = _sorted_rows([pair[0] for pair in pairs], count)
    found = _sorted_rows([pair[1] for pair in pairs], count)
    return bool(np.array_equal(written, found))


def _sorted_rows(cells: list[Words], count: int) -> Words:
    rows = row_hashes(cells, count)
    order = np.lexsort((rows.low, rows.high))
    return np.stack([rows.high[order], rows.low[order]])


def _plain(cells: pa.Array) -> pa.Array:
    """Cells as they are hashed: text of whatever layout as bytes, lists of any width as lists."""
    if _is_list(cells.type):
        elements = _plain(cells.flatten())
        lengths = pc.list_value_length(cells).fill_null(0).to_numpy(zero_copy_only=False)
        offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int32)
        mask = cells.is_null() if cells.null_count else None
        return pa.ListArray.from_arrays(pa.array(offsets), elements, mask=mask)
    word = _word(cells.type)
    if word == "text":
        return cells.cast(pa.string()).cast(pa.binary())
    return cells.cast(pa.binary()) if word == "bytes" else cells


def _word(kind: pa.DataType) -> str:
    """A type as a person tells it, whatever its layout in memory."""
    if _is_list(kind):
        return f"a list of {_word(kind.value_type)}"
    if pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind):
        return "text"
    if pa.types.is_binary(kind) or pa.types.is_large_binary(kind) or pa.types.is_binary_view(kind):
        return "bytes"
    return str(kind)


def _is_list(kind: pa.DataType) -> bool:
    return bool(pa.types.is_list(kind) or pa.types.is_large_list(kind))


def _is_decimal(kind: pa.DataType) -> bool:
    return bool(pa.types.is_decimal(kind.value_type if pa.types.is_list(kind) else kind))


def _shown(cells: pa.Array, places: NDArray[np.int64]) -> str:
    if not len(places):
        return "none"
    text = repr(cells[int(places[0])].as_py())
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}..."
