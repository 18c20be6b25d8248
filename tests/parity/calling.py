"""How a cell of Python's column is called: as it stands in the table."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Any

import rowmill
from tests.parity.cells import Call


def evaluated(call: Call, **names: Any) -> Any:
    """What the expression comes to, with `rowmill` and these names; rows, where it is a query."""
    found = eval(call.text, {"rowmill": rowmill, **names})
    if isinstance(found, AbstractContextManager):
        with found as result:
            return [tuple(row) for row in result.rows]
    return found
