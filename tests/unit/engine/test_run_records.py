"""What a run is, to every face: its records, their JSON, and the one word for where it stands."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta, timezone
from typing import get_args

import pytest

from rowmill.engine.records import Progress, RunRecord, State, TableProgress
from rowmill.engine.verdict import Verdict
from rowmill.plan.runs import UNFINISHED, RunState
from rowmill.spec.manifest.status import Outcome, Phase

START = datetime(2026, 1, 1, tzinfo=UTC)
WHOLE = RunRecord(
    experiment="shop",
    namespace="team",
    number=3,
    id="abc123",
    state=State.FAILED,
    reason="OOMKilled",
    message="a pod had no memory",
    digest="sha256:0",
    data_version=2,
    seed=7,
    scale="0.1",
    rows=40,
    rows_total=100,
    bytes=4_096,
    started_at=START,
    finished_at=START + timedelta(minutes=1, microseconds=5),
    replaced_by=4,
    verification=Verdict(
        identical=False,
        reason="Differs",
        message="run 3 differs: orders in postgres: lost row 6",
        finished_at=START + timedelta(minutes=2),
        rows=40,
        checksum="sha256:1",
        differences=1,
        where="orders in postgres: lost row 6",
    ),
)


def recorded(
    state: State, started_at: datetime | None = None, finished_at: datetime | None = None
) -> RunRecord:
    return RunRecord(
        experiment="shop",
        namespace="team",
        state=state,
        started_at=started_at,
        finished_at=finished_at,
    )


PENDING = recorded(State.PENDING)
TABLE = TableProgress(
    name="orders", rows=40, rows_total=100, batches=5, batches_done=2, completed_batches="0-1"
)


@pytest.mark.parametrize(
    "record",
    [
        WHOLE,
        PENDING,
        TABLE,
        TableProgress(name="empty"),
        Progress(WHOLE, (TABLE, TableProgress(name="empty")), rows_per_second=9.5, eta_seconds=7),
        Progress(PENDING, step="loading", workers=3, last_updated=START),
        Progress(PENDING),
    ],
    ids=lambda record: type(record).__name__,
)
def test_a_record_comes_back_from_its_json(record: RunRecord | TableProgress | Progress) -> None:
    text = json.dumps(record.to_json())
    assert type(record).from_json(json.loads(text)) == record


def test_a_run_has_the_names_of_the_custom_resource_and_times_in_utc() -> None:
    assert WHOLE.to_json() == {
        "experiment": "shop",
        "namespace": "team",
        "number": 3,
        "id": "abc123",
        "state": "FAILED",
        "reason": "OOMKilled",
        "message": "a pod had no memory",
        "digest": "sha256:0",
        "dataVersion": 2,
        "seed": 7,
        "scale": "0.1",
        "rows": 40,
        "rowsTotal": 100,
        "bytes": 4_096,
        "startedAt": "2026-01-01T00:00:00Z",
        "finishedAt": "2026-01-01T00:01:00.000005Z",
        "replacedBy": 4,
        "verification": {
            "identical": False,
            "awaited": False,
            "reason": "Differs",
            "message": "run 3 differs: orders in postgres: lost row 6",
            "finishedAt": "2026-01-01T00:02:00Z",
            "rows": 40,
            "checksum": "sha256:1",
            "differences": 1,
            "where": "orders in postgres: lost row 6",
        },
    }
    elsewhere = START.astimezone(timezone(timedelta(hours=5)))
    here = recorded(State.RUNNING, started_at=elsewhere)
    assert here.to_json()["startedAt"] == "2026-01-01T00:00:00Z"


def test_progress_is_the_run_with_its_tables_beside_it() -> None:
    assert Progress(WHOLE, (TABLE,)).to_json() == {
        **WHOLE.to_json(),
        "percent": 40,
        "rowsPerSecond": None,
        "etaSeconds": None,
        "step": None,
        "workers": None,
        "lastUpdated": None,
        "tables": [
            {
                "name": "orders",
                "rows": 40,
                "rowsTotal": 100,
                "batches": 5,
                "batchesDone": 2,
                "completedBatches": "0-1",
            }
        ],
    }


def test_what_is_not_told_is_as_before_a_run_begins_and_what_is_of_others_is_passed_over() -> None:
    told = {"experiment": "shop", "namespace": "team", "state": "PENDING", "rows": None, "job": "j"}
    assert RunRecord.from_json(told) == PENDING
    with pytest.raises(TypeError, match="state"):
        RunRecord.from_json({"experiment": "shop", "namespace": "team"})


def test_a_run_without_rows_is_whole_once_it_is_complete() -> None:
    assert Progress(PENDING).percent == 0
    assert Progress(recorded(State.COMPLETED)).percent == 100


@pytest.mark.parametrize("state", RunState)
def test_a_run_that_a_process_holds_stands_where_the_ledger_says(state: RunState) -> None:
    assert State.of_ledger(state, abandoned=False).value == state.value


def test_an_aborted_run_that_was_to_go_on_later_is_suspended() -> None:
    assert State.of_ledger(RunState.ABORTED, abandoned=True, suspended=True) is State.SUSPENDED


@pytest.mark.parametrize("state", RunState)
def test_an_unfinished_run_that_nobody_holds_is_interrupted(state: RunState) -> None:
    expected = "INTERRUPTED" if state in UNFINISHED else state.value
    assert State.of_ledger(state, abandoned=True).value == expected


@pytest.mark.parametrize(
    ("phase", "reason", "state"),
    [
        ("Pending", "SecretMissing", "PENDING"),
        ("Running", "Running", "RUNNING"),
        ("Finalizing", "Finalizing", "FINALIZING"),
        ("Complete", "Complete", "COMPLETED"),
        ("Failed", "OOMKilled", "FAILED"),
        ("Failed", "Aborted", "ABORTED"),
        ("Suspended", "Suspended", "SUSPENDED"),
        ("Aborted", "Replaced", "ABORTED"),
    ],
)
def test_a_phase_is_told_in_the_words_of_the_ledger(phase: str, reason: str, state: str) -> None:
    assert State.of_phase(phase, reason).value == state


@pytest.mark.parametrize("phase", sorted({*get_args(Phase), *get_args(Outcome)}))
def test_every_phase_of_the_custom_resource_is_a_known_state(phase: str) -> None:
    assert State.of_phase(phase, "Other") is not State.UNKNOWN


@pytest.mark.parametrize("phase", ["Thawing", "running", "", None])
def test_a_phase_of_another_release_is_unknown(phase: str | None) -> None:
    assert State.of_phase(phase, None) is State.UNKNOWN


@pytest.mark.parametrize("time", ["soon", "2026-01-01T00:00:00", "2026-01-01", ""])
def test_a_time_that_cannot_be_read_is_not_known(time: str) -> None:
    told = {**PENDING.to_json(), "startedAt": time}
    assert RunRecord.from_json(told) == PENDING


def test_what_has_no_reason_says_so_with_null() -> None:
    assert PENDING.to_json()["reason"] is None


def test_a_run_takes_from_its_start_to_its_end_or_to_now_while_it_lasts() -> None:
    now = START + timedelta(hours=1)
    assert WHOLE.took(now) == 60.000005
    assert recorded(State.RESET, started_at=START, finished_at=now).took(now)
    assert recorded(State.RUNNING, started_at=START).took(now) == 3600


def test_an_end_that_nobody_saw_is_not_told() -> None:
    now = START + timedelta(hours=1)
    for state in (State.INTERRUPTED, State.ABORTED, State.RESET, State.UNKNOWN):
        assert recorded(state, started_at=START).took(now) is None
    assert PENDING.took(now) is None
