"""Small experiments for the tests of workers, engine and commands."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql

Connection = psycopg.Connection[tuple[Any, ...]]
Manifest = dict[str, Any]

PEOPLE: Manifest = {
    "name": "people",
    "rows": 2_500,
    "primaryKey": ["id"],
    "columns": [
        {"name": "id", "type": "bigint", "generate": {"sequence": {}}},
        {"name": "name", "type": "text", "generate": {"faker": {"provider": "name"}}},
        {"name": "born", "type": "date", "nulls": 0.1},
    ],
}
ORDERS: Manifest = {
    "name": "orders",
    "rowsPer": {"table": "people", "mean": 1, "max": 3},
    "columns": [
        {"name": "person", "type": "bigint", "references": {"table": "people", "column": "id"}},
        {"name": "total", "type": "numeric(8,2)"},
    ],
}


def manifest(
    name: str,
    *,
    tables: Sequence[Mapping[str, Any]] = (PEOPLE, ORDERS),
    postgres: Mapping[str, Any] | None = {},
    parquet: Mapping[str, Any] | None = {},
    **spec: Any,
) -> Manifest:
    """A manifest with batches of 1,000 rows; `postgres` and `parquet` None leave them out."""
    destinations: dict[str, Any] = {}
    if postgres is not None:
        destinations["postgres"] = postgres
    if parquet is not None:
        destinations["parquet"] = {"bucket": "rowmill", **parquet}
    return {
        "apiVersion": "rowmill.dev/v1alpha1",
        "kind": "Experiment",
        "metadata": {"name": name},
        "spec": {
            "batchRows": 1_000,
            "parallelism": 1,
            "tables": list(tables),
            "destinations": destinations,
            **spec,
        },
    }


def write(path: Path, content: Manifest) -> Path:
    path.write_text(json.dumps(content), encoding="utf-8")
    return path


def count(connection: Connection, schema: str, table: str) -> int:
    query = sql.SQL("SELECT count(*) FROM {}").format(sql.Identifier(schema, table))
    row = connection.execute(query).fetchone()
    assert row is not None
    return int(row[0])
