"""A table of numbers, of as many rows as a test of unfinished runs needs."""

from __future__ import annotations

from tests.integration.experiments import Manifest

ROWS = 3_000
# Long enough to be struck amid its load, however fast the machine.
LONG = 400_000


def numbers(rows: int) -> Manifest:
    columns = [{"name": "id", "type": "bigint", "generate": {"sequence": {}}}]
    return {"name": "numbers", "rows": rows, "primaryKey": ["id"], "columns": columns}
