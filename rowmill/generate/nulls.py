"""Nulls: masking the cells of an array that are not there."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray


def with_nulls(values: pa.Array, valid: NDArray[np.bool_]) -> pa.Array:
    """`values` with a null wherever `valid` is false, its own nulls kept, nothing copied.

    Dictionary arrays get null indices, lists null lists.
    """
    if values.null_count:
        valid = valid & is_valid(values)
    if values.offset:
        values = pa.concat_arrays([values])
    bitmap = pa.py_buffer(np.packbits(valid, bitorder="little"))
    if isinstance(values, pa.DictionaryArray):
        indices = with_nulls(values.indices, valid)
        return pa.DictionaryArray.from_arrays(indices, values.dictionary)
    if isinstance(values, pa.ListArray):
        return pa.Array.from_buffers(
            values.type, len(values), [bitmap, values.buffers()[1]], children=[values.values]
        )
    return pa.Array.from_buffers(values.type, len(values), [bitmap, *values.buffers()[1:]])


def is_valid(values: pa.Array) -> NDArray[np.bool_]:
    """Where an array has values."""
    mask: NDArray[np.bool_] = values.is_valid().to_numpy(zero_copy_only=False)
    return mask
