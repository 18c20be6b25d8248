"""What a pod of a numbered run does, by what the ledger knows."""

import pytest

from rowmill.plan.runs import RunState
from rowmill.worker.start.decide import (
    Begin,
    GoOn,
    NumberTaken,
    Repeat,
    decide_numbered,
    stale,
    was_reset,
)
from tests.unit.worker.runs import NEW, OLD, RESUMABLE, ledger_of, observed, run


def test_an_empty_ledger_begins_the_number_that_was_chosen() -> None:
    nothing = observed(uid=None)
    assert stale(nothing.ledger, "u", 7) is None
    assert decide_numbered(nothing, "u", 7, NEW, 1) == Begin(7, (), None)


@pytest.mark.parametrize("state", [*RESUMABLE, RunState.PUBLISHING, RunState.COMPLETED])
def test_a_run_that_is_there_goes_on_in_whatever_state(state: RunState) -> None:
    before, own = run(1, RunState.COMPLETED), run(2, state)
    found = observed(before, own)
    assert stale(found.ledger, "u", 2) is None
    assert decide_numbered(found, "u", 2, NEW, 1) == GoOn(own, replaces=before)


@pytest.mark.parametrize("state", [*RESUMABLE, RunState.PUBLISHING, RunState.COMPLETED])
def test_a_pod_of_a_lower_number_is_stale_whether_its_run_was_begun_or_not(state: RunState) -> None:
    for ledger_view in (
        ledger_of(run(3, state)),
        ledger_of(run(2, RunState.ABORTED), run(3, state)),
    ):
        assert stale(ledger_view, "u", 2) == "run 3 was begun since"


def test_a_pod_of_an_experiment_that_was_applied_again_is_stale() -> None:
    ledger_view = ledger_of(run(1, RunState.RUNNING, uid="newer"), uid="newer", older="u")
    assert "applied again" in (stale(ledger_view, "u", 1) or "")
    assert "applied again" in (stale(ledger_view, "u", 2) or "")
    assert stale(ledger_view, "newer", 1) is None


def test_a_run_whose_data_was_removed_is_not_made_again() -> None:
    reset = ledger_of(run(1, RunState.RESET))
    assert stale(reset, "u", 1) is None
    assert [was_reset(reset, uid, number) for uid, number in (("u", 1), ("u", 2), ("v", 1))] == [
        True,
        False,
        False,
    ]
    assert stale(ledger_of(run(1, RunState.RESET)), "u", 2) is None


def test_a_number_belongs_to_one_manifest() -> None:
    own = run(1, RunState.RUNNING, OLD)
    assert decide_numbered(observed(own), "u", 1, NEW, 1) == NumberTaken(own)


@pytest.mark.parametrize("uid", ["u", "another"])
def test_a_new_run_ends_what_older_ones_left_of_whichever_uid(uid: str) -> None:
    left = [run(n, state, OLD) for n, state in enumerate(RESUMABLE, 2)]
    published = run(1, RunState.COMPLETED, OLD)
    found = observed(published, *left)
    assert stale(found.ledger, uid, 6) is None
    assert decide_numbered(found, uid, 6, NEW, 1) == Begin(6, tuple(left), replaces=published)


def test_what_is_published_already_is_repeated_for_an_experiment_applied_again() -> None:
    published, failed = run(1, RunState.COMPLETED), run(2, RunState.FAILED, OLD)
    there, lost = (observed(published, failed, intact=intact) for intact in (True, False))
    for number, uid in ((3, "u"), (1, "another")):
        repeat = Repeat(published, number, (failed,))
        assert decide_numbered(there, uid, number, NEW, 1) == repeat
        begin = Begin(number, (failed,), replaces=published)
        assert decide_numbered(lost, uid, number, NEW, 1) == begin


def test_who_takes_targets_over_replaces_what_is_there_until_it_published_itself() -> None:
    own, theirs = run(4, RunState.COMPLETED, OLD), run(9, RunState.COMPLETED, uid="theirs")
    nothing, published = observed(uid=None, adopted=theirs), observed(own, adopted=theirs)
    assert decide_numbered(nothing, "u", 5, NEW, 1) == Begin(5, (), replaces=theirs)
    assert decide_numbered(published, "u", 5, NEW, 1) == Begin(5, (), replaces=own)


def test_another_digest_or_data_version_is_no_repeat() -> None:
    old = run(1, RunState.COMPLETED, OLD)
    begins = Begin(1, (), replaces=old)
    assert decide_numbered(observed(old), "another", 1, NEW, 1) == begins
    assert decide_numbered(observed(old), "another", 1, OLD, 2) == begins
