"""What must hold once a schedule is over: what status and children say, compared."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tests.e2e.experiments import intervals

_RUN = "rowmill.dev/run"
_CONDITIONS = {
    "Accepted": "True",
    "Progressing": "False",
    "Complete": "True",
    "Failed": "False",
    "Suspended": "False",
    # Nobody asks for it here.
    "Verified": "Unknown",
    "Stalled": "False",
    "Reconciling": "False",
}


def untruths(status: Mapping[str, Any], number: int, tables: Mapping[str, int]) -> list[str]:
    """What a status says otherwise than it is: run `number` is complete, with these row counts."""
    run = status.get("run") or {}
    total = sum(tables.values())
    told: dict[str, tuple[object, object]] = {
        "phase": (status.get("phase"), "Complete"),
        "workers": (status.get("workers"), 0),
        "run.number": (run.get("number"), number),
        "run.outcome": (run.get("outcome"), "Complete"),
        "run.percent": (run.get("percent"), 100),
        "run.rows": (run.get("rows"), total),
        "run.rowsTotal": (run.get("rowsTotal"), total),
        "run.shardsDone": (run.get("shardsDone"), run.get("shards")),
        "tables": (_tables(status), dict(tables)),
        "history": (_history(status), [(n, "Complete") for n in range(number, 0, -1)]),
        "conditions": (_conditions(status), _CONDITIONS),
    }
    return [
        f"status.{name} is {found!r}, not {right!r}"
        for name, (found, right) in told.items()
        if found != right
    ]


def leftovers(
    number: int, jobs: Sequence[Mapping[str, Any]], pods: Sequence[Mapping[str, Any]]
) -> list[str]:
    """Jobs of other runs than `number`, and pods that have not ended."""
    old = [job for job in jobs if job["metadata"]["labels"].get(_RUN) != str(number)]
    live = [p for p in pods if p["status"].get("phase") not in ("Succeeded", "Failed")]
    return [
        *(f"a Job of an older run is left: {job['metadata']['name']}" for job in old),
        *(f"a pod has not ended: {pod['metadata']['name']}" for pod in live),
    ]


def _tables(status: Mapping[str, Any]) -> dict[str, int]:
    """Rows by table, as far as rows and batches agree that it is whole."""
    return {
        table["name"]: table["rows"]
        for table in status.get("tables") or ()
        if intervals(table["completedBatches"]) == table["batches"]
    }


def _history(status: Mapping[str, Any]) -> list[tuple[int, str]]:
    return [(entry["number"], entry["phase"]) for entry in status.get("history") or ()]


def _conditions(status: Mapping[str, Any]) -> dict[str, str]:
    return {one["type"]: one["status"] for one in status.get("conditions") or ()}
