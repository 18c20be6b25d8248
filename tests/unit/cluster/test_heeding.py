"""With the operator away a status says so: else whoever reads it waits for what never comes."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from rowmill.cluster.namespace import Raw
from tests.unit.cluster.fake_cluster import FakeCluster, engine_of, experiment

ABORT, RERUN, RESUME = (f"rowmill.dev/{verb}" for verb in ("abort", "rerun", "resume"))
WORDS = "no operator has heeded what was asked of shop 60 s ago"


def changed(state: dict[str, Any], *, generation: int = 3) -> dict[str, Any]:
    """Changed by its author a minute before the fake's time, and in its status since."""
    state["metadata"] |= {
        "creationTimestamp": "2026-01-01T00:00:00Z",
        "generation": generation,
        "managedFields": [
            {"manager": "kubectl", "operation": "Update", "time": "2026-01-01T00:01:00Z"},
            {"manager": "rowmill", "subresource": "status", "time": "2026-01-01T00:01:59Z"},
        ],
    }
    return state


def refused() -> dict[str, Any]:
    """No run of it begins, whatever is asked for."""
    state = changed(experiment("Pending", annotations={RERUN: "now"}))
    state["status"]["conditions"][0] |= {"status": "False", "observedGeneration": 3}
    return state


UNHEEDED = [
    changed(experiment("Running"), generation=4),
    changed(experiment("Complete", annotations={RERUN: "now"})),
    changed(experiment("Failed", annotations={RESUME: "now"})),
    changed(experiment("Running", annotations={ABORT: "1"})),
]


def new() -> dict[str, Any]:
    """Nobody has written a status of it."""
    state = changed(experiment())
    return {**state, "status": {}}


@pytest.mark.parametrize("state", [*UNHEEDED, new()])
def test_a_change_that_nobody_heeds_is_told(state: Raw, capsys: pytest.CaptureFixture[str]) -> None:
    engine_of(FakeCluster([state])).status("shop")
    said = " ".join(capsys.readouterr().err.split())
    assert f"{WORDS}; is it there, and does it watch namespace 'team'?" in said


@pytest.mark.parametrize(
    "state",
    [
        changed(experiment("Running")),
        changed(experiment("Complete", status={"rerun": "now"}, annotations={RERUN: "now"})),
        changed(experiment("Failed", annotations={RESUME: "now"}, resume="now")),
        # Its pods are being ended.
        changed(experiment("Running", reason="Aborted", annotations={ABORT: "1"})),
        changed(experiment("Aborted", annotations={ABORT: "1"}, finishedAt="2026-01-01T00:01:00Z")),
        # It is reset first.
        changed(experiment("Failed", annotations={RESUME: "now", "rowmill.dev/reset": "1"})),
        refused(),
        # An API server that tells no times of changes.
        experiment("Running", annotations={ABORT: "1"}),
    ],
)
def test_what_is_heeded_is_told_of_by_nobody(
    state: Raw, capsys: pytest.CaptureFixture[str]
) -> None:
    engine_of(FakeCluster([state])).status("shop")
    assert capsys.readouterr().err == ""


def test_an_operator_has_a_moment_to_heed_a_change(capsys: pytest.CaptureFixture[str]) -> None:
    cluster = FakeCluster([UNHEEDED[0]])
    cluster.time -= timedelta(seconds=31)
    engine_of(cluster).status("shop")
    assert capsys.readouterr().err == ""


def test_who_watches_is_told_once(capsys: pytest.CaptureFixture[str]) -> None:
    ended = changed(experiment("Complete", rows=100))
    cluster = FakeCluster([UNHEEDED[0], UNHEEDED[0], UNHEEDED[0], ended])
    list(engine_of(cluster).watch("shop"))
    assert " ".join(capsys.readouterr().err.split()).count(WORDS) == 1
