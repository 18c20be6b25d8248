"""How much of a query's result is wanted, and by which bound it was cut."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class Bound(Enum):
    """A bound of `QueryBounds`."""

    ROWS = "rows"
    BYTES = "bytes"
    SECONDS = "seconds"


@dataclass(frozen=True)
class QueryBounds:
    """Where a result ends although there is more of it; None is no bound.

    `bytes` are of the cells as UTF-8 text, all together: a row that passes them is left out.
    `seconds` are from the moment at which the server is reached to the last row.
    """

    rows: int | None = None
    bytes: int | None = None
    seconds: float | None = None


UNBOUNDED = QueryBounds()
