"""A stored status is read whatever release wrote it, and written as it was read."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from rowmill.plan.purging import Written
from rowmill.spec.crd.definition import crd
from rowmill.spec.manifest.status import (
    MAX_CONDITIONS,
    MAX_HISTORY,
    MAX_TABLES,
    ConditionStatus,
    ExperimentStatus,
    PastRunStatus,
    RunStatus,
    TableStatus,
)
from rowmill_operator.memory.stored_status import read_status, status_json
from rowmill_operator.memory.views import read_experiment
from rowmill_operator.model.run_in_status import written_run
from tests.unit.operator.memory_cluster import MemoryCluster
from tests.unit.operator.raw_objects import raw_experiment

# What the operator of that commit wrote of the shop in memory_cluster.py: a run of which one batch
# was durable, one that its Postgres refused, one that was complete, and a second one that failed.
B1701DE: Mapping[str, Any] = json.loads(
    Path(__file__).with_name("statuses_of_b1701de.json").read_text()
)


@pytest.mark.parametrize("kind", B1701DE)
def test_every_field_of_an_older_status_is_read(kind: str) -> None:
    assert status_json(read_status(B1701DE[kind])) == B1701DE[kind]


def test_a_run_of_an_older_status_goes_on_from_what_it_tells(cluster: MemoryCluster) -> None:
    cluster.begin_run()
    before = B1701DE["loading"]
    cluster.change(status=read_status(before))
    cluster.settle()
    assert list(cluster.jobs) == ["shop-run-1"]
    reported = {name: cluster.run[name] for name in ("number", "rows", "startedAt", "image")}
    assert reported == {name: before["run"][name] for name in reported}
    assert cluster.status["tables"][0]["completedBatches"] == "0"


def test_a_refusal_in_an_older_status_is_still_shown(cluster: MemoryCluster) -> None:
    cluster.settle()
    cluster.change(status=read_status(B1701DE["refused"]))
    cluster.settle()
    assert cluster.condition("Stalled")["reason"] == "PermissionDenied"
    assert cluster.run["refused"] == B1701DE["refused"]["run"]["refused"]


def test_a_run_that_an_older_status_calls_complete_is_not_begun_again(
    cluster: MemoryCluster,
) -> None:
    cluster.change(status=read_status(B1701DE["complete"]))
    cluster.settle()
    assert (cluster.phase, cluster.jobs, cluster.plans) == ("Complete", {}, {})
    assert cluster.status["history"] == B1701DE["complete"]["history"]


def test_a_run_after_those_of_an_older_status_has_the_next_number(cluster: MemoryCluster) -> None:
    cluster.change(generation=2, status=read_status(B1701DE["failed"]))
    cluster.digest = "sha256:" + "c" * 64
    cluster.change(settings={"seed": 3})
    cluster.settle()
    assert cluster.run["number"] == 3
    assert cluster.run["replaces"] == {"run": 1, "rows": B1701DE["failed"]["history"][1]["rows"]}
    assert cluster.status["history"] == B1701DE["failed"]["history"]


def in_words_of_a_later_release(cluster: MemoryCluster) -> dict[str, Any]:
    """Give the run an end that this release does not know; its Jobs are removed since."""
    cluster.later_words = ("Archived",)
    status = cluster.status
    status["run"]["outcome"] = status["phase"] = status["history"][0]["phase"] = "Archived"
    cluster.jobs.clear()
    cluster.pods.clear()
    cluster.change(status=read_status(json.loads(json.dumps(status))))
    return status


def test_a_run_that_ended_in_a_way_unheard_of_stays_ended(cluster: MemoryCluster) -> None:
    cluster.finish_run()
    before = in_words_of_a_later_release(cluster)
    cluster.settle()
    assert (cluster.phase, cluster.jobs, list(cluster.plans)) == ("Failed", {}, ["shop-run-1"])
    assert cluster.run == before["run"]
    assert cluster.status["history"] == before["history"]


def test_a_run_after_one_that_ended_in_a_way_unheard_of_forgets_nothing(
    cluster: MemoryCluster,
) -> None:
    cluster.finish_run()
    before = in_words_of_a_later_release(cluster)
    cluster.digest = "sha256:" + "c" * 64
    cluster.change(settings={"seed": 3})
    cluster.finish_run(2)
    newest, *older = cluster.status["history"]
    assert (newest["number"], newest["phase"]) == (2, "Complete")
    assert older == before["history"]


def test_fields_of_another_release_are_no_news(cluster: MemoryCluster) -> None:
    cluster.begin_run()
    status = cluster.status
    status["weather"] = {"run": 1}
    status["run"]["mood"] = "good"
    status["tables"][0]["colour"] = 3
    status["conditions"][0]["odds"] = 0.5
    cluster.change(status=read_status(json.loads(json.dumps(status))))
    assert cluster.look().status is None


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ({}, ExperimentStatus()),
        (None, ExperimentStatus()),
        ({"phase": "Archived", "digest": "sha256:a"}, ExperimentStatus(digest="sha256:a")),
        ({"run": {"number": 3, "rows": "many"}}, ExperimentStatus(run=RunStatus(number=3))),
        ({"run": 3, "workers": 2}, ExperimentStatus(workers=2)),
        (
            {"run": {"number": 3, "replaces": {"run": 2}}},
            ExperimentStatus(run=RunStatus(number=3)),
        ),
        (
            {"conditions": [{"status": "True"}, {"type": "A", "status": "True"}]},
            ExperimentStatus(conditions=(ConditionStatus("A", "True"),)),
        ),
        (
            {"conditions": [{"status": "Perhaps"}, {"type": "A", "status": "Perhaps"}]},
            ExperimentStatus(conditions=()),
        ),
        (
            {"tables": [{"name": "t", "rows": -1}, {"name": "u", "rows": 1}]},
            ExperimentStatus(tables=(TableStatus("t"), TableStatus("u", rows=1))),
        ),
        (
            {"history": [None, {"number": 1, "phase": "Complete"}]},
            ExperimentStatus(history=(PastRunStatus(1, phase="Complete"),)),
        ),
    ],
)
def test_all_but_what_is_unheard_of_is_read(raw: Any, expected: ExperimentStatus) -> None:
    assert read_status(raw) == expected


def test_of_a_history_too_long_the_newest_runs_and_the_published_one_are_read() -> None:
    failed = [{"number": n, "phase": "Failed", "rows": n} for n in range(1_500, 400, -1)]
    complete = [{"number": n, "id": f"run-{n}", "phase": "Complete"} for n in (5, 3)]
    status = read_status({"history": [*failed, *complete]})
    assert status_json(status)["history"] == [*failed[: MAX_HISTORY - 1], complete[0]]
    assert written_run(status.history or ()) == Written(5, "run-5"), "a purge must find it"


def test_of_too_many_tables_those_on_their_way_are_read() -> None:
    tables = [{"name": f"t{n}", "rows": 9, "rowsTotal": 9} for n in range(MAX_TABLES)]
    last = {"name": "last", "rows": 8, "rowsTotal": 9}
    read = status_json(read_status({"tables": [*tables, last]}))["tables"]
    assert read == [last, *tables[: MAX_TABLES - 1]]


def test_of_too_many_conditions_those_that_are_known_are_read(cluster: MemoryCluster) -> None:
    cluster.settle()
    known = cluster.status["conditions"]
    others = [{**known[0], "type": f"Later{n}"} for n in range(MAX_CONDITIONS)]
    read = status_json(read_status({"conditions": [*others, *known]}))["conditions"]
    assert read == [*known, *others[: MAX_CONDITIONS - len(known)]]


@pytest.mark.parametrize("odd", [{"a": 1}, [[]], -(2**70), "x" * 40_000, None, True])
def test_whatever_one_field_holds_the_others_are_read(odd: Any) -> None:
    whole = _whole()
    for place in _places(whole):
        read = status_json(read_status(_with(whole, place, odd)))
        others = [name for name in whole if name != place[0]]
        assert [read[name] for name in others] == [whole[name] for name in others], place


def test_every_field_of_the_crd_is_kept() -> None:
    whole = _whole()
    status = read_status(whole)
    assert status_json(status) == whole
    assert read_status(status_json(status)) == status


def test_an_experiment_is_seen_with_its_status() -> None:
    seen = read_experiment(raw_experiment(status={"phase": "Running", "run": {"number": 1}}))
    assert seen.status == ExperimentStatus(phase="Running", run=RunStatus(number=1))
    assert read_experiment(raw_experiment()).status == ExperimentStatus()


def _whole() -> dict[str, Any]:
    """A status with all the fields that the API server takes."""
    schema = crd()["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["status"]
    found: dict[str, Any] = _example(schema)
    return found


def _places(value: Any) -> Iterator[tuple[str | int, ...]]:
    """Where in a JSON value there are values."""
    members = value.items() if isinstance(value, dict) else enumerate(value)
    for name, below in members:
        yield (name,)
        if isinstance(below, dict | list):
            yield from ((name, *place) for place in _places(below))


def _with(value: Any, place: Sequence[str | int], odd: Any) -> Any:
    """A copy of a JSON value with another one in that place."""
    if not place:
        return odd
    copy: Any = list(value) if isinstance(value, list) else dict(value)
    copy[place[0]] = _with(value[place[0]], place[1:], odd)
    return copy


def _example(schema: Mapping[str, Any]) -> Any:
    """A value that the API server takes, with all the fields that it may have."""
    if "enum" in schema:
        return schema["enum"][0]
    match schema["type"]:
        case "object":
            return {name: _example(of) for name, of in schema["properties"].items()}
        case "array":
            return [_example(schema["items"])]
        case "string":
            return "x"
        case _:
            return 1
