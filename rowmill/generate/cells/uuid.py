"""UUIDs: version 4 as a permutation of the rows, version 7 in the rows' order."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pyarrow as pa

from rowmill.generate.cells.cell_builder import CellBuilder
from rowmill.generate.context import Context
from rowmill.generate.draws.bits import Bits, bits
from rowmill.generate.draws.permutation import Permutation
from rowmill.generate.frame import Cells, Frame, Rows
from rowmill.generate.text.to_text import uuid_texts
from rowmill.spec.kinds import Uuid
from rowmill.spec.values.types import TypeName

# Row 0's time in version 7: 2020-01-01T00:00:00Z, in milliseconds since 1970.
EPOCH_MS = 1_577_836_800_000

_VARIANT = np.uint64(0b10 << 62)
_LOW_62 = np.uint64(2**62 - 1)
_LOW_12 = np.uint64(2**12 - 1)

# From rows to the UUID's two halves as numbers.
_Halves = Callable[[Rows], tuple[Bits, Bits]]


def _build(context: Context) -> Cells:
    """UUIDs that never repeat: 16 bytes in uuid columns, 36 characters in text columns.

    Version 4 permutes its 122 free bits by the row. Version 7 counts milliseconds from EPOCH_MS,
    one a row, and takes the rest from the key.
    """
    kind = context.column.kind
    assert isinstance(kind, Uuid)
    halves = _version_4(context) if kind.version == 4 else _version_7(context)
    as_bytes = context.column.type.name is TypeName.UUID

    def cells(frame: Frame) -> pa.Array:
        words = np.empty((len(frame), 2), dtype=">u8")
        words[:, 0], words[:, 1] = halves(frame.rows)
        if as_bytes:
            return pa.Array.from_buffers(pa.binary(16), len(words), [None, pa.py_buffer(words)])
        return uuid_texts(words.view(np.uint8))

    return cells


def _version_4(context: Context) -> _Halves:
    permutation = Permutation(context.key("value"), 2**122)

    def halves(rows: Rows) -> tuple[Bits, Bits]:
        # 48 + 12 + 62 bits, with the version and the variant between.
        high, low = permutation.forward_wide(rows)
        middle = ((high << np.uint64(2)) | (low >> np.uint64(62))) & _LOW_12
        upper = (high >> np.uint64(10) << np.uint64(16)) | np.uint64(0x4000) | middle
        return upper, (low & _LOW_62) | _VARIANT

    return halves


def _version_7(context: Context) -> _Halves:
    upper_key, lower_key = context.key("upper"), context.key("lower")

    def halves(rows: Rows) -> tuple[Bits, Bits]:
        milliseconds = (rows + EPOCH_MS).view(np.uint64)
        random = bits(upper_key, rows) & _LOW_12
        upper = (milliseconds << np.uint64(16)) | np.uint64(0x7000) | random
        return upper, (bits(lower_key, rows) & _LOW_62) | _VARIANT

    return halves


UUID_CELLS = CellBuilder(Uuid, {1: _build})
