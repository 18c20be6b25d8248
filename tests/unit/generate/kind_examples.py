"""The example of every kind in a table of its own, and the digests of its cells."""

from __future__ import annotations

import json
from hashlib import blake2b
from typing import Any

import pyarrow as pa

from rowmill.generate.rows import Generator
from rowmill.spec.kinds import ENTRIES, KindEntry
from rowmill.spec.load import load_spec
from rowmill.spec.versions import VERSIONS

OWNERS = 5_000
# The rows of which a golden checksum is kept.
GOLDEN_ROWS = 1_000


def manifest(entry: KindEntry, data_version: int = 1) -> dict[str, Any]:
    """A manifest whose table `t` has the example in `c`, beside all columns that examples name."""
    column = {"name": "c", "type": entry.example.type, "generate": {entry.key: _example(entry)}}
    number = {"name": "number", "type": "integer", "generate": {"ordinal": {}}}
    moments = {"start": "2024-01-01T00:00:00", "end": "2024-06-30T00:00:00"}
    moment = {"name": "moment", "type": "timestamp", "generate": {"between": moments}}
    name = {"name": "name", "type": "varchar(40)", "generate": {"pattern": "[A-Z][a-z]{3,8}"}}
    owner = {"name": "owner", "type": "bigint", "references": {"table": "owners", "column": "id"}}
    owners = [{"name": "id", "type": "bigint", "generate": {"sequence": {}}}, name]
    spec = {
        "dataVersion": data_version,
        "destinations": {"parquet": {"bucket": "lake"}},
        "tables": [
            {"name": "owners", "rows": OWNERS, "primaryKey": ["id"], "columns": owners},
            {
                "name": "t",
                "rowsPer": {"table": "owners", "mean": 4, "max": 8},
                "columns": [owner, name, number, moment, column],
            },
        ],
    }
    head = {"apiVersion": "rowmill.dev/v1alpha1", "kind": "Experiment"}
    return {**head, "metadata": {"name": "examples"}, "spec": spec}


def cells(entry: KindEntry, data_version: int = 1, rows: int = 4 * OWNERS) -> pa.Array:
    """The first cells of the example."""
    text = json.dumps(manifest(entry, data_version))
    dataset = load_spec("example", text=text).dataset
    column = Generator(dataset).batch("t", 0, rows, ["c"]).column(0)
    return column.dictionary_decode() if isinstance(column, pa.DictionaryArray) else column


def digests() -> dict[str, dict[str, str]]:
    """By data version and kind 16 hex digits."""
    return {str(version): {e.key: digest(e, version) for e in ENTRIES} for version in VERSIONS}


def digest(entry: KindEntry, data_version: int) -> str:
    """16 hex digits of the example's first cells."""
    shown = repr(cells(entry, data_version, GOLDEN_ROWS).to_pylist())
    return blake2b(shown.encode(), digest_size=8).hexdigest()


def _example(entry: KindEntry) -> Any:
    generate = entry.example.generate
    return dict(generate) if isinstance(generate, dict) else generate
