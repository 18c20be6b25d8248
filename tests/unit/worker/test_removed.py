"""Whose data a purge finds, and what is told of a removal."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from rowmill.plan.layout import Plan
from rowmill.plan.purging import PurgeEnd, Written
from rowmill.plan.runs import Run, RunState
from rowmill.worker.removal.removed import (
    Purged,
    Removed,
    Whose,
    begun_since,
    missing,
    published_since,
    whose,
    with_work,
)
from tests.unit.worker import runs

ME, BEFORE, SINCE = "uid-2", "uid-1", "uid-3"
ROWS, PUBLISHED = Written(1), Written(1, "abc")


def _run(uid: str) -> Run:
    plan = Plan("sha256:any", 1, (), ())
    return Run("abc", "o", uid, 1, RunState.COMPLETED, plan, datetime.now(UTC), None, "", {})


@pytest.mark.parametrize(
    ("present", "uids", "written", "run_of", "expected"),
    [
        # A ledger that does not know the owner key.
        (None, [], None, None, Whose.UNKNOWN),
        (None, [], PUBLISHED, None, Whose.UNKNOWN),
        # Its own runs, published or not.
        (ME, [ME], None, None, Whose.OURS),
        (ME, [ME], ROWS, None, Whose.OURS),
        (ME, [BEFORE, ME], PUBLISHED, ME, Whose.OURS),
        # The published run is in another database, of which the Secret led here before or since.
        (ME, [ME], PUBLISHED, None, Whose.UNKNOWN),
        (BEFORE, [BEFORE], PUBLISHED, None, Whose.UNKNOWN),
        (BEFORE, [BEFORE], ROWS, None, Whose.UNKNOWN),
        # It repeated the run of an Experiment before it.
        (BEFORE, [BEFORE], PUBLISHED, BEFORE, Whose.OURS),
        # It began no run and repeated none: what is there was kept of the one before it.
        (BEFORE, [BEFORE], None, None, Whose.ANOTHERS),
        # Another has begun a run since.
        (SINCE, [ME, SINCE], PUBLISHED, ME, Whose.ANOTHERS),
        (SINCE, [ME, SINCE], None, None, Whose.ANOTHERS),
        (SINCE, [BEFORE, SINCE], PUBLISHED, BEFORE, Whose.ANOTHERS),
    ],
)
def test_data_is_ours_by_the_runs_that_the_ledger_has(
    present: str | None,
    uids: list[str],
    written: Written | None,
    run_of: str | None,
    expected: Whose,
) -> None:
    run = None if run_of is None else _run(run_of)
    assert whose(present, uids, ME, written, run) is expected


@pytest.mark.parametrize(
    ("uid", "written", "expected"),
    [
        # Its own runs: whatever it wrote, by number.
        (BEFORE, Written(1, f"{BEFORE}1"), 3),
        (BEFORE, None, 3),
        # It repeated a run, or is of a backup of then.
        (ME, Written(1, f"{BEFORE}1"), 3),
        (ME, Written(1, f"{BEFORE}3"), None),
        # Of what it has it is known only that it has none.
        (ME, Written(1), None),
        (ME, None, None),
    ],
)
def test_a_reset_is_of_the_newest_run(
    uid: str, written: Written | None, expected: int | None
) -> None:
    begun = [runs.run(number, RunState.COMPLETED, uid=BEFORE) for number in (1, 2, 3)]
    since = begun_since(begun, uid, 1, written)
    assert (None if since is None else since.number) == expected


@pytest.mark.parametrize(
    ("uid", "repeated", "states", "expected"),
    [
        # Restored from a backup of when run 1 was the published one.
        (ME, 1, "COMPLETED COMPLETED COMPLETED", 3),
        (ME, 1, "COMPLETED PUBLISHING FAILED", 2),
        (ME, 3, "COMPLETED COMPLETED COMPLETED", None),
        # It repeated the published run of one that was deleted with a later run unfinished.
        (ME, 1, "COMPLETED ABORTED RUNNING", None),
        # The runs are its own, whatever its status tells of them.
        (BEFORE, 1, "COMPLETED COMPLETED COMPLETED", None),
    ],
)
def test_a_purge_is_not_of_what_was_published_since(
    uid: str, repeated: int, states: str, expected: int | None
) -> None:
    known = [runs.run(n, RunState(s), uid=BEFORE) for n, s in enumerate(states.split(), 1)]
    since = published_since(known, uid, Written(repeated, f"{BEFORE}{repeated}"))
    assert (None if since is None else since.number) == expected


def test_a_run_of_another_owner_key_is_none_that_was_begun_since() -> None:
    repeated = runs.run(1, RunState.COMPLETED, uid=BEFORE)
    other = replace(runs.run(2, RunState.COMPLETED, uid=SINCE), owner="other")
    assert begun_since([repeated, other], ME, 1, Written(1, repeated.id)) is None


@pytest.mark.parametrize(
    ("states", "unfinished", "expected"),
    [
        # Run 1 was dropped, and cleared away, before run 2 was published.
        ("ABORTED COMPLETED", {1}, 0),
        ("ABORTED RESET", {1}, 0),
        ("ABORTED COMPLETED RUNNING", {1, 3}, 1),
        # At a further try of a removal that was cut, what it has done already.
        ("RESET COMPLETED RESET", {1, 3}, 1),
        ("RESET RESET", {1, 2}, 2),
    ],
)
def test_only_runs_since_the_last_that_was_published_can_have_had_work(
    states: str, unfinished: set[int], expected: int
) -> None:
    runs = [
        replace(_run(ME), id=f"run-{n}", number=n, state=RunState(state))
        for n, state in enumerate(states.split(), 1)
    ]
    assert with_work(runs, {f"run-{n}" for n in unfinished}) == expected


@pytest.mark.parametrize(
    ("removed", "expected"),
    [
        (Removed(), "there was no data to remove"),
        (
            Removed(tables=2, rows=5_000, objects=12),
            "removed 2 tables (5,000 rows), 12 objects",
        ),
        (Removed(objects=1, rows=1), "removed 1 object (1 row)"),
        (Removed(unfinished=1), "removed the work of 1 unfinished run"),
        (
            Removed(tables=1, rows=7, gone=missing(0, 3, "object")),
            "removed 1 table (7 rows); 3 objects of 3 not there or not its own any more",
        ),
        (Removed(left=("a", "b")), "there was no data to remove; left: a; b"),
    ],
)
def test_what_is_told_is_what_was_there(removed: Removed, expected: str) -> None:
    assert str(removed) == expected


def test_what_was_left_makes_a_purge_a_partial_one() -> None:
    assert Purged.of(Removed(tables=1)).end is PurgeEnd.REMOVED
    assert Purged.of(Removed(tables=1, gone=("x",))).end is PurgeEnd.REMOVED
    assert Purged.of(Removed(tables=1, left=("x",))).end is PurgeEnd.PARTLY


def test_nothing_is_missing_where_all_was_found() -> None:
    assert missing(3, 3, "table") == ()
