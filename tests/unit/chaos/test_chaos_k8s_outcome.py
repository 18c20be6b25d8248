"""What `make chaos-k8s` asks of a status: nothing that is untrue passes."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest

from tests.chaos_k8s.outcome import leftovers, untruths

TABLES = {"people": 100, "orders": 500}
STATUS: dict[str, Any] = {
    "phase": "Complete",
    "workers": 0,
    "run": {
        "number": 2,
        "outcome": "Complete",
        "percent": 100,
        "rows": 600,
        "rowsTotal": 600,
        "shards": 4,
        "shardsDone": 4,
    },
    "tables": [
        {"name": "people", "rows": 100, "batches": 1, "completedBatches": "0"},
        {"name": "orders", "rows": 500, "batches": 5, "completedBatches": "0-3,4"},
    ],
    "history": [{"number": 2, "phase": "Complete"}, {"number": 1, "phase": "Complete"}],
    "conditions": [
        {"type": kind, "status": str(kind in ("Accepted", "Complete"))}
        for kind in (
            "Accepted",
            "Progressing",
            "Complete",
            "Failed",
            "Suspended",
            "Stalled",
            "Reconciling",
        )
    ]
    + [{"type": "Verified", "status": "Unknown"}],
}


def test_a_true_status_passes() -> None:
    assert untruths(STATUS, 2, TABLES) == []


@pytest.mark.parametrize(
    ("change", "named"),
    [
        (lambda s: s.update(phase="Finalizing"), "phase"),
        (lambda s: s.update(workers=1), "workers"),
        (lambda s: s["run"].update(number=3), "run.number"),
        (lambda s: s["run"].pop("outcome"), "run.outcome"),
        (lambda s: s["run"].update(percent=99), "run.percent"),
        (lambda s: s["run"].update(rows=599), "run.rows"),
        (lambda s: s["run"].update(shardsDone=3), "run.shardsDone"),
        (lambda s: s["tables"].pop(), "tables"),
        (lambda s: s["tables"][1].update(completedBatches="0-2,4"), "tables"),
        (lambda s: s["tables"][1].update(rows=499), "tables"),
        (lambda s: s["history"].pop(), "history"),
        (lambda s: s["history"][1].update(phase="Aborted"), "history"),
        (lambda s: s["conditions"][5].update(status="True"), "conditions"),
        (lambda s: s.clear(), "conditions"),
    ],
)
def test_an_untruth_is_named(change: Callable[[dict[str, Any]], object], named: str) -> None:
    status = copy.deepcopy(STATUS)
    change(status)
    found = untruths(status, 2, TABLES)
    assert any(text.startswith(f"status.{named} is ") for text in found)


def test_jobs_of_older_runs_and_living_pods_are_left_over() -> None:
    jobs = [_job("a-run-1", "1"), _job("a-run-2", "2"), _job("a-run-2-finalize", "2")]
    pods = [_pod("a-run-2-0", "Succeeded"), _pod("a-run-2-1", "Failed"), _pod("b", "Running")]
    assert leftovers(2, jobs[1:], pods[:2]) == []
    assert leftovers(2, jobs, pods) == [
        "a Job of an older run is left: a-run-1",
        "a pod has not ended: b",
    ]


def _job(name: str, run: str) -> dict[str, Any]:
    return {"metadata": {"name": name, "labels": {"rowmill.dev/run": run}}}


def _pod(name: str, phase: str) -> dict[str, Any]:
    return {"metadata": {"name": name}, "status": {"phase": phase}}
