"""What a pod of a numbered run does, by what the ledger knows."""

from datetime import UTC, datetime

import pytest

from rowmill.plan.layout import Plan
from rowmill.plan.runs import Run, RunState
from rowmill.worker.start.cluster_run import Go, NumberTaken, decide_numbered, stale
from rowmill.worker.start.decide import Begin, Repeat
from rowmill.worker.start.observation import Known

OLD, NEW = "sha256:old", "sha256:new"
UNFINISHED = [RunState.RUNNING, RunState.FINALIZING, RunState.FAILED, RunState.ABORTED]


def run(number: int, state: RunState, digest: str = NEW, uid: str = "u") -> Run:
    plan = Plan(digest, 1, (), ())
    return Run(f"{uid}{number}", "o", uid, number, state, plan, datetime.now(UTC), None, "", {})


def known(*runs: Run, uid: str | None = "u", older: str = "") -> Known:
    uids = frozenset(run.uid for run in runs) | frozenset(older.split())
    return Known(uid, uids, runs)


def test_an_empty_ledger_begins_the_number_that_was_chosen() -> None:
    nothing = known(uid=None)
    assert stale(nothing, "u", 7) is None
    assert decide_numbered(nothing, "u", 7, NEW, 1) == Begin(7, (), None)


@pytest.mark.parametrize("state", [*UNFINISHED, RunState.PUBLISHING, RunState.COMPLETED])
def test_a_run_that_is_there_goes_on_in_whatever_state(state: RunState) -> None:
    before, own = run(1, RunState.COMPLETED), run(2, state)
    ledger_view = known(before, own)
    assert stale(ledger_view, "u", 2) is None
    assert decide_numbered(ledger_view, "u", 2, NEW, 1) == Go(own, replaces=before)


@pytest.mark.parametrize("state", [*UNFINISHED, RunState.PUBLISHING, RunState.COMPLETED])
def test_a_pod_of_a_lower_number_is_stale_whether_its_run_was_begun_or_not(state: RunState) -> None:
    for ledger_view in (known(run(3, state)), known(run(2, RunState.ABORTED), run(3, state))):
        assert stale(ledger_view, "u", 2) == "run 3 was begun since"


def test_a_pod_of_an_experiment_that_was_applied_again_is_stale() -> None:
    ledger_view = known(run(1, RunState.RUNNING, uid="newer"), uid="newer", older="u")
    assert "applied again" in (stale(ledger_view, "u", 1) or "")
    assert "applied again" in (stale(ledger_view, "u", 2) or "")
    assert stale(ledger_view, "newer", 1) is None


def test_a_run_whose_data_was_removed_is_not_made_again() -> None:
    assert stale(known(run(1, RunState.RESET)), "u", 1) == "its data was removed"
    assert stale(known(run(1, RunState.RESET)), "u", 2) is None


def test_a_number_belongs_to_one_manifest() -> None:
    own = run(1, RunState.RUNNING, OLD)
    assert decide_numbered(known(own), "u", 1, NEW, 1) == NumberTaken(own)


@pytest.mark.parametrize("uid", ["u", "another"])
def test_a_new_run_ends_what_older_ones_left_of_whichever_uid(uid: str) -> None:
    left = [run(n, state, OLD) for n, state in enumerate(UNFINISHED, 2)]
    published = run(1, RunState.COMPLETED, OLD)
    ledger_view = known(published, *left)
    assert stale(ledger_view, uid, 6) is None
    assert decide_numbered(ledger_view, uid, 6, NEW, 1) == Begin(6, tuple(left), replaces=published)


def test_what_is_published_already_is_repeated_for_an_experiment_applied_again() -> None:
    published, failed = run(1, RunState.COMPLETED), run(2, RunState.FAILED, OLD)
    for number, uid in ((3, "u"), (1, "another")):
        choice = decide_numbered(known(published, failed), uid, number, NEW, 1)
        assert choice == Repeat(published, Begin(number, (failed,), published))


def test_another_digest_or_data_version_is_no_repeat() -> None:
    old = run(1, RunState.COMPLETED, OLD)
    begins = Begin(1, (), replaces=old)
    assert decide_numbered(known(old), "another", 1, NEW, 1) == begins
    assert decide_numbered(known(old), "another", 1, OLD, 2) == begins
