"""Calls that Schemathesis draws from the OpenAPI document of a console with an experiment.

Each answer is held against the document: its status, its type, its headers, its schema.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import httpx
import yaml

from tests.fuzz.known import CHANGED, LOOKED_AT, QUERY
from tests.integration.console.calls import YAML, done, events
from tests.integration.experiments import manifest

_CONFIG = Path(__file__).with_name("schemathesis.toml")


def furnish(api: httpx.Client) -> None:
    """Create what is called for: two published experiments, a saved query."""
    for name in (LOOKED_AT, CHANGED):
        document = yaml.safe_dump(manifest(name))
        done(api.post("/experiments", content=document, headers=YAML), 201)
    for name in (LOOKED_AT, CHANGED):
        *_, last = events(api, f"/experiments/{name}/runs/1/events")
        assert last == ("end", {"reason": "RunEnded"})
    done(api.put(f"/experiments/{LOOKED_AT}/queries/{QUERY}", json={"sql": "select 1"}))


def fuzz(api: httpx.Client, *options: str) -> subprocess.CompletedProcess[str]:
    """Call the console by the token of `api`; the exit code is 0 if all answers are right."""
    return subprocess.run(
        [
            sys.executable,
            *("-m", "schemathesis.cli", "--config-file", str(_CONFIG), "run"),
            str(api.base_url.join("openapi.json")),
            *("--header", f"Authorization: {api.headers['authorization']}"),
            *options,
        ],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        cwd=Path(__file__).parents[2],
        env={**os.environ, "PYTHONWARNINGS": "ignore"},
    )


def statuses(report: Path) -> dict[str, set[int]]:
    """What was answered to each operation, of a report of Schemathesis as ndjson."""
    found: dict[str, set[int]] = {}
    with report.open(encoding="utf-8") as lines:
        for line in lines:
            (event,) = json.loads(line).values()
            recorder = event.get("recorder") if isinstance(event, dict) else None
            if recorder is not None:
                answers = [each["response"] for each in recorder.get("interactions", {}).values()]
                codes = {int(each["status_code"]) for each in answers if each is not None}
                found.setdefault(recorder["label"], set()).update(codes)
    return found
