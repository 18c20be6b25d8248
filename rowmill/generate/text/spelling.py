"""Spelling: Arrow strings put together from a matrix of characters."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from rowmill.spec.patterns.automaton import Automaton

# Code points: uint8 or uint32.
Codes = NDArray[np.unsignedinteger[Any]]

# A block's characters stay within this many bytes.
_BLOCK_BYTES = 2**21
_ASCII = 0x80


class Characters:
    """Rows of characters under construction: `lengths[r]` of row r are written so far.

    Code points: uint8 if all that the automaton has are ASCII, uint32 otherwise.
    """

    def __init__(self, rows: int, automaton: Automaton) -> None:
        self.matrix = np.zeros((rows, automaton.max_length), dtype=code_type(automaton))
        self.lengths = np.zeros(rows, dtype=np.int32)

    def write(self, rows: NDArray[np.int64], codes: NDArray[np.int64]) -> None:
        """Append one character to each of these rows."""
        place = self.lengths[rows]
        self.matrix[rows, place] = codes
        self.lengths[rows] = place + 1


def code_type(automaton: Automaton) -> type[np.uint8] | type[np.uint32]:
    """The type of a matrix that holds the automaton's characters."""
    return narrowest(max((e.high for edges in automaton.edges for e in edges), default=0))


def narrowest(highest: int) -> type[np.uint8] | type[np.uint32]:
    """The type of a matrix of characters up to the code point `highest`."""
    return np.uint8 if highest < _ASCII else np.uint32


def block_rows(max_length: int) -> int:
    """How many rows to spell at once."""
    return max(_BLOCK_BYTES // (4 * max(max_length, 1)), 1)


def strings_of(characters: Characters) -> pa.Array:
    """The rows as an Arrow string array."""
    matrix, lengths = characters.matrix, characters.lengths
    if matrix.dtype != np.uint8:
        texts = matrix.view(f"<U{matrix.shape[1]}").ravel()
        return pa.array(texts, type=pa.string())
    offsets = np.zeros(len(lengths) + 1, dtype=np.int32)
    np.cumsum(lengths, out=offsets[1:])
    if offsets[-1] < matrix.size:
        matrix = matrix[np.arange(matrix.shape[1]) < lengths[:, np.newaxis]]
    return pa.StringArray.from_buffers(len(lengths), pa.py_buffer(offsets), pa.py_buffer(matrix))


def strings_of_width(matrix: Codes) -> pa.Array:
    """A full matrix of characters, rows by width, as an Arrow string array."""
    rows, width = matrix.shape
    if matrix.dtype != np.uint8:
        return pa.array(matrix.view(f"<U{width}").ravel(), type=pa.string())
    offsets = np.arange(0, (rows + 1) * width, max(width, 1), dtype=np.int32)
    if width == 0:
        offsets = np.zeros(rows + 1, dtype=np.int32)
    return pa.StringArray.from_buffers(rows, pa.py_buffer(offsets), pa.py_buffer(matrix))


def strings_of_kept(matrix: Codes, kept: NDArray[np.bool_]) -> pa.Array:
    """The characters of each row that are kept, as an Arrow string array."""
    lengths = kept.view(np.uint8).sum(axis=1, dtype=np.int32)
    codes = matrix[kept]
    if matrix.dtype == np.uint8:
        offsets = np.zeros(len(lengths) + 1, dtype=np.int32)
        np.cumsum(lengths, out=offsets[1:])
        return pa.StringArray.from_buffers(len(lengths), pa.py_buffer(offsets), pa.py_buffer(codes))
    width = int(lengths.max(initial=1)) or 1
    padded = np.zeros((len(lengths), width), dtype=matrix.dtype)
    padded[np.arange(width) < lengths[:, np.newaxis]] = codes
    return strings_of_width(padded)
