"""A frame: some rows of one table, by index, and what is known of them so far.

Every kind of cell is a function `Cells`: from a frame to an Arrow array of the frame's length.
The frame memoises columns and picked parents, so that a template, its fields and a reference that
several columns share are computed once for a batch.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

Rows = NDArray[np.int64]
Mask = NDArray[np.bool_]


class Frame(Protocol):
    """Rows of one table: `rows` are their indexes in any order, repeats allowed.

    `valid` is None, or says where there is a row at all: through a null reference there is none
    (`rows` then holds some row that exists, whose values must be masked).
    """

    @property
    def rows(self) -> Rows: ...

    @property
    def valid(self) -> Mask | None: ...

    def cells(self, column: str) -> pa.Array:
        """The column's values in these rows, nulls in place; null where `valid` is false."""
        ...

    def up(self, link: str) -> Frame:
        """The parents' frame: for each of these rows the row that the link picked."""
        ...


# From a frame to an array of its length and of the column's Arrow type (for pools and choices a
# dictionary of it). `Column.nulls` and `Frame.valid` are masked by the frame, not by the kind.
Cells = Callable[[Frame], pa.Array]
