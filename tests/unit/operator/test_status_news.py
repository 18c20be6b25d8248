from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

from rowmill.spec.manifest.status import (
    ConditionStatus,
    ExperimentStatus,
    PastRunStatus,
    RunStatus,
    TableStatus,
)
from rowmill_operator.decide.status_news import more_than_progress, news
from rowmill_operator.memory.stored_status import status_json

NOON = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
BEFORE = ExperimentStatus(
    phase="Running",
    conditions=(ConditionStatus("Progressing", "True", "Running", "its pods are starting"),),
    workers=1,
    run=RunStatus(number=1, rows=5, shards=2, last_updated="a"),
    tables=(),
    history=(),
)


def test_no_nulls_are_sent() -> None:
    status = ExperimentStatus(
        run=RunStatus(number=1, rows=0), history=(PastRunStatus(1),), phase="Running"
    )
    reported = news(ExperimentStatus(), status, NOON)
    assert reported is not None
    assert status_json(reported) == {
        "run": {"number": 1, "rows": 0, "lastUpdated": "2026-03-01T12:00:00Z"},
        "history": [{"number": 1}],
        "phase": "Running",
    }


def test_the_same_but_for_the_time_is_no_news() -> None:
    run = RunStatus(number=1, rows=5, shards=2, last_updated="b")
    assert news(BEFORE, replace(BEFORE, run=run), NOON) is None
    assert news(BEFORE, replace(BEFORE, run=replace(run, rows=6)), NOON) is not None
    assert news(BEFORE, replace(BEFORE, tables=None), NOON) is not None
    assert news(ExperimentStatus(), ExperimentStatus(), NOON) is None


def test_what_is_news_bears_the_time_of_now() -> None:
    after = replace(BEFORE, run=replace(BEFORE.run or RunStatus(), rows=6))
    changed = news(BEFORE, after, NOON)
    assert changed is not None
    assert changed.run is not None
    assert (changed.run.rows, changed.run.last_updated) == (6, "2026-03-01T12:00:00Z")
    assert replace(changed, run=after.run) == after, "nothing else is changed"


def test_what_changes_from_poll_to_poll_may_wait() -> None:
    run = BEFORE.run or RunStatus()
    progress = replace(
        run, rows=6, percent=60, rows_per_second=3, eta_seconds=2, rows_grew_at="b", shards_done=1
    )
    words = ConditionStatus("Progressing", "True", "Running", "replaces run 1")
    later = replace(
        BEFORE,
        run=replace(progress, step="keys", last_updated="b"),
        tables=(TableStatus("t", rows=6),),
        conditions=(words,),
        workers=2,
    )
    assert not more_than_progress(BEFORE, later)
    assert more_than_progress(BEFORE, replace(later, phase="Finalizing"))
    assert more_than_progress(BEFORE, replace(later, run=replace(run, outcome="Failed")))
    stalled = replace(words, reason="Retrying")
    assert more_than_progress(BEFORE, replace(later, conditions=(stalled,)))
