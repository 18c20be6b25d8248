"""A 64-bit hash of each cell of a column, the same for equal values however they were stored.

The mixing function is the finalizer of splitmix64 (Steele, Lea, Flood 2014), a bijection of 64-bit
words: two different fixed-width cells of up to 8 bytes never get the same hash.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

Words = NDArray[np.uint64]

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_MIX_1 = np.uint64(0xBF58476D1CE4E5B9)
_MIX_2 = np.uint64(0x94D049BB133111EB)
NULL_HASH = np.uint64(0x6A09E667F3BCC909)
_WORD = 8


def mix(words: Words) -> Words:
    """A bijective scrambling of 64-bit words; the input is left as it is."""
    mixed = words ^ (words >> np.uint64(30))
    mixed *= _MIX_1
    mixed ^= mixed >> np.uint64(27)
    mixed *= _MIX_2
    mixed ^= mixed >> np.uint64(31)
    return mixed


def hash_cells(cells: pa.Array) -> Words:
    """One hash a cell; cells are of the canonical types that verify/canonical.py makes.

    A null has a hash of its own. Dictionaries are hashed entry by entry, then looked up.
    """
    if pa.types.is_dictionary(cells.type):
        return look_up(cells.indices, hash_entries(cells.dictionary))
    if pa.types.is_list(cells.type):
        hashes = _hash_lists(cells)
    elif pa.types.is_binary(cells.type) or pa.types.is_large_binary(cells.type):
        hashes = _hash_binary(cells)
    else:
        hashes = _hash_fixed(cells)
    if cells.null_count:
        hashes[np.asarray(cells.is_null())] = NULL_HASH
    return hashes


def hash_entries(dictionary: pa.Array) -> Words:
    """The hashes of a dictionary's entries, and behind the last one that of a null."""
    return np.append(hash_cells(dictionary), NULL_HASH)


def look_up(indices: pa.Array, entries: Words) -> Words:
    """The hashes of a dictionary array's cells, from `hash_entries` of its dictionary."""
    if indices.null_count:
        indices = indices.cast(pa.int64()).fill_null(len(entries) - 1)
    looked_up: Words = entries[indices.to_numpy(zero_copy_only=False)]
    return looked_up


def _hash_fixed(cells: pa.Array) -> Words:
    """Cells of 1, 2, 4, 8 or 16 bytes, as unsigned words."""
    if pa.types.is_boolean(cells.type):
        cells = cells.cast(pa.uint8())
    width = cells.type.byte_width
    raw = np.frombuffer(cells.buffers()[1] or b"", dtype=np.uint8)
    raw = raw[cells.offset * width : (cells.offset + len(cells)) * width]
    if width < _WORD:
        return mix(raw.view(f"<u{width}").astype(np.uint64) + _GOLDEN)
    words = raw.view("<u8").reshape(len(cells), width // _WORD)
    hashes = mix(words[:, 0] + _GOLDEN)
    for place in range(1, words.shape[1]):
        hashes = mix(hashes * _GOLDEN ^ words[:, place])
    return hashes


def _hash_binary(cells: pa.Array) -> Words:
    """Byte strings: their words of 8 bytes chained, the length first, so that padding is safe."""
    offsets, data = _bytes_of(cells)
    starts = offsets[:-1].copy()
    lengths = np.diff(offsets)
    hashes = mix(lengths.astype(np.uint64) + _GOLDEN)
    active = np.flatnonzero(lengths)
    done = 0
    while active.size:
        left = lengths[active] - done
        words = _words_at(data, starts[active] + done)
        # Bytes beyond the end belong to the next string.
        words &= _TAIL[np.minimum(left, _WORD)]
        hashes[active] = mix(hashes[active] * _GOLDEN ^ words)
        done += _WORD
        active = active[left > _WORD]
    return hashes


# The low 0 to 8 bytes of a word.
_TAIL = np.array([(1 << (8 * n)) - 1 for n in range(9)], dtype=np.uint64)


def _words_at(data: Words, starts: NDArray[np.int64]) -> Words:
    """Little-endian words that begin at any byte, from aligned ones and shifts."""
    place = starts >> 3
    shift = ((starts & 7) << 3).astype(np.uint64)
    low = data[place] >> shift
    # A shift by 64 is undefined, so the upper part is shifted in two steps.
    high = (data[place + 1] << (np.uint64(63) - shift)) << np.uint64(1)
    joined: Words = low | high
    return joined


def _bytes_of(cells: pa.Array) -> tuple[NDArray[np.int64], Words]:
    """Offsets from the first cell's start, and the bytes as words with room behind the last."""
    cells = cells.cast(pa.large_binary())
    if cells.null_count:
        cells = cells.fill_null(b"")
    offsets = np.frombuffer(cells.buffers()[1], dtype=np.int64)
    offsets = offsets[cells.offset : cells.offset + len(cells) + 1]
    first, last = int(offsets[0]), int(offsets[-1])
    padded = np.zeros((last - first) // _WORD + 2, dtype=np.uint64)
    if last > first:
        source = np.frombuffer(cells.buffers()[2], dtype=np.uint8)[first:last]
        padded.view(np.uint8)[: last - first] = source
    return offsets - first, padded


def _hash_lists(cells: pa.ListArray) -> Words:
    """Lists: each element's hash with its place, added up, with the length."""
    counts = pc.list_value_length(cells).fill_null(0).to_numpy(zero_copy_only=False)
    elements = hash_cells(cells.flatten())
    owners = np.repeat(np.arange(len(cells)), counts)
    ends = np.cumsum(counts)
    places = np.arange(len(elements)) - np.repeat(ends - counts, counts)
    placed = mix(elements ^ mix(places.astype(np.uint64) + _GOLDEN))
    sums = np.zeros(len(cells), dtype=np.uint64)
    np.add.at(sums, owners, placed)
    return mix(sums + mix(counts.astype(np.uint64)))
