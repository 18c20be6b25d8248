"""Answer queries by DuckDB.

    python query_duckdb.py QUERIES TARGET

QUERIES holds a list of SQL texts as JSON; TARGET gets a list of answers: rows, or the words of an
error.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import duckdb


def answer(query: str) -> list[list[object]] | str:
    """The rows, or what DuckDB says instead."""
    with duckdb.connect() as connection:
        try:
            return [list(row) for row in connection.execute(query).fetchall()]
        except duckdb.Error as error:
            return f"{type(error).__name__}: {error}"


if __name__ == "__main__":
    queries = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    answers = [answer(query) for query in queries]
    Path(sys.argv[2]).write_text(json.dumps(answers), encoding="utf-8")
