"""From a key's values back to the row's index: by inverting where it is easy, else by looking."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pyarrow as pa

from rowmill.generate.cells.builders import BUILDERS
from rowmill.spec.dataset import Dataset, Table
from rowmill.verify.recomputed import Recomputed
from rowmill.verify.row_hasher import RowHasher

# Estimated bytes of a key's cells; the slices that are searched are then of the usual rows.
_KEY_BYTES = 64

Key = Mapping[str, pa.Array]


def find_row(dataset: Dataset, table: Table, key: Key, recomputed: Recomputed) -> int | None:
    """The first row of `table` whose columns have these values, or None.

    A kind that can be inverted tells the row, and a `rowsPer` link the few rows of its parent;
    otherwise the columns of all rows are made again, slice by slice.

    Args:
        key: by column an array of the one value, of the column's Arrow type.
    """
    start, stop = _range(dataset, table, key, recomputed)
    names = [column.name for column in table.columns if column.name in key]
    hasher = RowHasher([table.column(name).type for name in names])
    wanted = hasher.rows([key[name] for name in names], 1)
    for piece in recomputed.slices(table, start, stop, _KEY_BYTES, names):
        hashes = hasher.rows(piece.columns, piece.count)
        same = np.flatnonzero((hashes.high == wanted.high) & (hashes.low == wanted.low))
        if same.size:
            return piece.start + int(same[0])
    return None


def _range(dataset: Dataset, table: Table, key: Key, recomputed: Recomputed) -> tuple[int, int]:
    """The rows [start, stop) among which the key's row is, if it is any."""
    for name, value in key.items():
        kind = table.column(name).kind
        invert = BUILDERS[type(kind)].invert
        if invert is not None and kind.never_repeats and value.null_count == 0:
            row = invert(kind, value[0].as_py())
            return (0, 0) if row is None or row >= table.rows else (row, row + 1)
    link = table.link(table.children.link) if table.children is not None else None
    if link is not None and all(name in key for name in link.columns):
        parent = dataset.table(link.parent)
        above = zip(link.parent_columns, link.columns, strict=True)
        row = find_row(dataset, parent, {up: key[name] for up, name in above}, recomputed)
        return (0, 0) if row is None else recomputed.children(table, row)
    return 0, table.rows
