"""The same manifest gives the same bytes of every Parquet object, however it is run."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

import rowmill
from rowmill.destinations.lake.object_names import part_key
from rowmill.local.servers.embedded import EmbeddedServers
from tests.integration.embedded_clients import client
from tests.integration.experiments import manifest, write

# By its estimate a row has 20,000 bytes, so that parts and row groups are short: 6,000 and 1,000
# rows. Hardly any has the long text.
_RARELY_LONG = {"choice": {"values": ["a", "b", "x" * 60_000], "weights": [1, 1, 0.0001]}}
PEOPLE = {
    "name": "people",
    "rows": 9_000,
    "primaryKey": ["id"],
    "columns": [
        {"name": "id", "type": "bigint", "generate": {"sequence": {}}},
        {"name": "name", "type": "text", "nulls": 0.3, "generate": {"faker": {"provider": "name"}}},
        {"name": "email", "type": "text", "generate": {"template": "{name|slug}{id}@example.org"}},
        {"name": "born", "type": "date", "nulls": 0.1},
        {"name": "key", "type": "uuid"},
        {"name": "tags", "type": "text[]", "nulls": 0.2,
         "generate": {"array": {"of": {"choice": {"values": ["x", "y", "z"]}}, "max": 4}}},
    ],
}  # fmt: skip
WIDE = {
    "name": "wide",
    "rows": 15_000,
    "columns": [
        # So rarely that whole slices and row groups have no person.
        {"name": "person", "type": "bigint", "nulls": 0.999,
         "references": {"table": "people", "column": "id"}},
        {"name": "name", "type": "text",
         "generate": {"parent": {"via": "person", "column": "name"}}},
        {"name": "word", "type": "text", "generate": _RARELY_LONG},
        {"name": "note", "type": "text", "generate": {"pattern": "[a-f]{3}-[0-9]{4}"}},
        {"name": "body", "type": "jsonb", "generate": {"choice": {"values": ['{"a": 1}', "[]"]}}},
        {"name": "price", "type": "numeric(8,2)"},
        {"name": "share", "type": "double precision", "nulls": 0.5},
        {"name": "counts", "type": "integer[]",
         "generate": {"array": {"of": {"integer": {"min": 0, "max": 9}}, "max": 3}}},
        {"name": "lasted", "type": "interval"},
        {"name": "seen", "type": "timestamptz"},
    ],
}  # fmt: skip
# Two row groups, and a batch that ends beyond the first.
NARROW = {
    "name": "narrow",
    "rows": 120_000,
    "columns": [
        {"name": "id", "type": "bigint", "generate": {"sequence": {}}},
        {"name": "flag", "type": "boolean", "nulls": 0.5},
        {"name": "city", "type": "text", "generate": {"faker": {"provider": "city"}}},
    ],
}
EMPTY = {"name": "empty", "rows": 0, "columns": [{"name": "id", "type": "bigint"}]}
SINGLE = {**EMPTY, "name": "single", "rows": 1}
TABLES = [PEOPLE, WIDE, NARROW, EMPTY, SINGLE]


@dataclass(frozen=True)
class Published:
    """A run, and the SHA-256 of its objects by table and part."""

    run: rowmill.Run
    objects: dict[tuple[str, int], str]

    def batches(self, table: str) -> int:
        batches: int = self.run.plan.by_name[table].batches
        return batches


def test_workers_memory_batches_runs_and_owners_change_no_byte(
    name: str, tmp_path: Path, servers: EmbeddedServers, monkeypatch: pytest.MonkeyPatch
) -> None:
    s3 = client(servers.s3)

    def published(name: str, spec: dict[str, Any], **how: Any) -> Published:
        content = manifest(name, tables=TABLES, postgres=None, **spec)
        if "batchRows" not in spec:
            del content["spec"]["batchRows"]
        run = rowmill.load(write(tmp_path / "m.yaml", content)).run(**how).run
        objects = {}
        for part in run.plan.parts():
            key = part_key(f"{name}/", part.table, part.number, run.id)
            body = s3.get_object(Bucket="rowmill", Key=key)["Body"].read()
            objects[part.table, part.number] = hashlib.sha256(body).hexdigest()
        return Published(run, objects)

    little = {"resources": {"limits": {"memory": "150Mi"}}}
    first = published(name, {}, workers=1)
    again = published(name, {"rerun": "again"}, workers=2, batch_rows=1_777)
    monkeypatch.setenv("ROWMILL_ENGINE", "elsewhere")
    other = published(f"{name}-other", little, workers=2)

    parts = {"people": 1, "wide": 3, "narrow": 1, "empty": 1, "single": 1}
    assert {(table, n) for table, count in parts.items() for n in range(count)} == {*first.objects}
    runs = [first.run, again.run, other.run]
    assert len({run.plan.digest for run in runs[:2]}) == 2
    assert [run.number for run in runs] == [1, 2, 1]
    assert len({run.owner for run in runs}) == len({run.uid for run in runs}) == 2
    assert len({each.batches("narrow") for each in (first, again, other)}) == 3
    assert again.objects == first.objects
    assert other.objects == first.objects
