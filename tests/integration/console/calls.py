"""How the tests call a console: manifests that are sent, answers that are looked at."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import httpx
import yaml

from tests.integration.experiments import manifest

ROWS = 300_000
YAML = {"Content-Type": "application/yaml"}


def numbers(rows: int) -> dict[str, Any]:
    columns = [{"name": "id", "type": "bigint", "generate": {"sequence": {}}}]
    return {"name": "numbers", "rows": rows, "primaryKey": ["id"], "columns": columns}


def of(name: str, rows: int = ROWS, **spec: Any) -> str:
    """A manifest of one table of numbers, in Postgres alone."""
    return yaml.safe_dump(manifest(name, tables=[numbers(rows)], parquet=None, **spec))


def events(api: httpx.Client, path: str) -> Iterator[tuple[str, Any]]:
    """Server-sent events until the server ends them."""
    kind = ""
    with api.stream("GET", path) as stream:
        assert stream.headers["content-type"].startswith("text/event-stream")
        for line in stream.iter_lines():
            if line.startswith("event: "):
                kind = line[7:]
            elif line.startswith("data: "):
                yield kind, json.loads(line[6:])


def done(answer: httpx.Response, status: int = 200) -> Any:
    """The answer's JSON; it has this status."""
    assert answer.status_code == status, answer.text
    return answer.json()
