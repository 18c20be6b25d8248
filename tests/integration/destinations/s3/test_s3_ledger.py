from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest
from fault_proxy import Fault, FaultProxy
from small_runs import run_of

from rowmill.destinations.bucket import Bucket
from rowmill.destinations.errors import DestinationRefused, Fenced
from rowmill.destinations.ledger import Ledger, PendingPart
from rowmill.destinations.ledger_bucket import BucketLedger
from rowmill.destinations.patience import Patience
from rowmill.destinations.s3_client import S3Address
from rowmill.plan.runs import RunState
from rowmill.spec.dataset import ParquetTarget

ME = "me@here/local/shöp \"'/"
OTHER = "you@there/local/shop"
TABLES = {"orders": 250, "a/b": 100}
RUNNING, FINALIZING = frozenset({RunState.RUNNING}), frozenset({RunState.FINALIZING})
Ledgers = Callable[[], BucketLedger]


@pytest.fixture
def ledgers(s3: S3Address, target: ParquetTarget) -> Iterator[Ledgers]:
    """Makes ledgers of the same prefix: each is another process's view."""
    made: list[BucketLedger] = []

    def make() -> BucketLedger:
        made.append(BucketLedger(s3, target, patience=Patience(20)))
        return made[-1]

    yield make
    for ledger in made:
        ledger.close()


def part_of(table: str, number: int, upload_id: str = "u") -> PendingPart:
    return PendingPart(table, number, f"{table}/{number}", upload_id, ('"e1"', '"e2"'), 5, 7, "ab")


def test_it_is_a_ledger(ledgers: Ledgers) -> None:
    ledger: Ledger = ledgers()

    ledger.ensure()
    ledger.ensure()

    assert ledger.owners() == []
    assert ledger.uid(ME) is None
    assert ledger.runs(ME) == []
    assert ledger.run("none") is None
    assert ledger.done_batches("none") == {}
    assert ledger.pending_parts("none") == {}


def test_an_experiment_is_claimed_by_uid_and_its_runs_go_with_it(ledgers: Ledgers) -> None:
    ledger = ledgers()
    ledger.claim(ME, "uid-1")
    ledger.claim(ME, "uid-1")
    ledger.claim(OTHER, "uid-2")
    one, two = run_of(ME, 1, TABLES), run_of(ME, 2, TABLES)
    assert ledger.create_run(two) == two
    assert ledger.create_run(one) == one

    seen = ledgers()
    assert seen.uid(ME) == "uid-1"
    assert seen.owners() == sorted([ME, OTHER])
    assert seen.runs(ME) == [one, two]
    assert seen.runs(OTHER) == []
    assert seen.run(two.id) == two

    ledger.claim(ME, "uid-3")
    assert seen.uid(ME) == "uid-3"
    assert seen.runs(ME) == []


def test_a_number_is_taken_once(ledgers: Ledgers) -> None:
    run = run_of(ME, 1, TABLES, run_id="first")
    late = run_of(ME, 1, TABLES, run_id="late")

    assert ledgers().create_run(run) == run
    assert ledgers().create_run(late) == run
    assert ledgers().create_run(run) == run
    assert ledgers().run("late") is None


def test_a_run_moves_only_from_an_expected_state(ledgers: Ledgers) -> None:
    ledger, run = ledgers(), run_of(ME, 1, TABLES)
    ledger.create_run(run)

    assert not ledger.transition(run.id, FINALIZING, RunState.PUBLISHING)
    assert ledger.transition(run.id, RUNNING, RunState.FAILED, message="why", summary={"a": 1})
    failed = ledgers().run(run.id)
    assert failed is not None
    assert (failed.state, failed.message) == (RunState.FAILED, "why")
    assert failed.summary == run.summary | {"a": 1}
    assert failed.finished_at is not None

    assert ledger.transition(
        run.id, frozenset({RunState.FAILED}), RunState.RUNNING, summary={"b": 2}
    )
    resumed = ledgers().run(run.id)
    assert resumed is not None
    assert (resumed.state, resumed.message, resumed.finished_at) == (RunState.RUNNING, "", None)
    assert resumed.summary == run.summary | {"a": 1, "b": 2}
    assert not ledger.transition("none", RUNNING, RunState.FAILED)


def test_a_run_keeps_the_moment_at_which_it_ended(ledgers: Ledgers) -> None:
    ledger, ended, cut = ledgers(), run_of(ME, 1, TABLES), run_of(ME, 2, TABLES)
    for run in (ended, cut):
        ledger.create_run(run)
    assert ledger.transition(ended.id, RUNNING, RunState.ABORTED)
    first = ledger.run(ended.id)
    assert first is not None
    assert ledger.transition(ended.id, frozenset({RunState.ABORTED}), RunState.ABORTED)
    for run, finished_at in ((ended, first.finished_at), (cut, None)):
        assert ledger.transition(run.id, RUNNING | {RunState.ABORTED}, RunState.RESET)
        reset = ledger.run(run.id)
        assert reset is not None
        assert reset.finished_at == finished_at


def test_a_note_adds_to_the_summary_and_changes_nothing_else(ledgers: Ledgers) -> None:
    ledger, run = ledgers(), run_of(ME, 1, TABLES)
    ledger.create_run(run)
    ledger.note(run.id, {"removal": {"tables": 1}})
    ledger.note(run.id, {"removal": {"tables": 2}})
    ledger.note("none", {"removal": {}})
    noted = replace(run, summary=run.summary | {"removal": {"tables": 2}})
    assert ledgers().run(run.id) == noted


def test_of_many_transitions_at_once_exactly_one_is_done(ledgers: Ledgers) -> None:
    run = run_of(ME, 1, TABLES)
    ledgers().create_run(run)
    done: list[bool] = []
    barrier = threading.Barrier(6)

    def contend(ledger: BucketLedger) -> None:
        barrier.wait()
        done.append(ledger.transition(run.id, RUNNING, RunState.FINALIZING))

    threads = [threading.Thread(target=contend, args=(ledgers(),)) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(done) == [False] * 5 + [True]


def test_a_transition_whose_answer_was_lost_was_done(
    through_proxy: S3Address, proxy: FaultProxy, target: ParquetTarget
) -> None:
    ledger, run = BucketLedger(through_proxy, target, patience=Patience(20)), run_of(ME, 1, TABLES)
    proxy.faults = [Fault(lambda method, path: method == "PUT", 1, lose=True)]
    assert ledger.create_run(run) == run
    proxy.faults = [Fault(lambda method, path: method == "PUT", 1, lose=True)]

    assert ledger.transition(run.id, RUNNING, RunState.FINALIZING)


def test_a_part_counts_once(ledgers: Ledgers) -> None:
    ledger, run = ledgers(), run_of(ME, 1, TABLES)
    ledger.create_run(run)
    first = part_of("orders", 0, "mine")

    assert ledger.record_part(run.id, first)
    assert not ledgers().record_part(run.id, part_of("orders", 0, "twin"))
    assert ledger.record_part(run.id, part_of("a/b", 0))
    assert ledger.record_part(run.id, part_of("orders", 100_000))

    found = ledgers().pending_parts(run.id)
    assert set(found) == {("orders", 0), ("a/b", 0), ("orders", 100_000)}
    assert found["orders", 0] == first


def test_a_part_made_again_takes_the_lost_ones_place_whatever_the_state(ledgers: Ledgers) -> None:
    ledger, run = ledgers(), run_of(ME, 1, TABLES)
    ledger.create_run(run)
    ledger.record_part(run.id, part_of("orders", 0, "lost"))
    ledger.transition(run.id, RUNNING, RunState.PUBLISHING)
    again = part_of("orders", 0, "again")

    ledger.replace_part(run.id, again)
    ledger.replace_part(run.id, again)

    assert ledgers().pending_parts(run.id) == {("orders", 0): again}
    ledger.collapse(run.id)
    assert ledgers().pending_parts(run.id) == {("orders", 0): again}


@pytest.mark.parametrize("state", [s for s in RunState if s is not RunState.RUNNING])
def test_a_stale_worker_cannot_record(ledgers: Ledgers, state: RunState) -> None:
    ledger, run = ledgers(), run_of(ME, 1, TABLES)
    ledger.create_run(run)
    assert ledgers().transition(run.id, RUNNING, state)

    with pytest.raises(Fenced, match=f"is {state.value}, not RUNNING"):
        ledger.record_part(run.id, part_of("orders", 0))
    assert ledger.pending_parts(run.id) == {}


def test_a_worker_of_a_deleted_run_cannot_record(ledgers: Ledgers) -> None:
    with pytest.raises(Fenced, match="not in the ledger any more"):
        ledgers().record_part("none", part_of("orders", 0))


def test_two_that_collapse_at_once_keep_the_parts(
    ledgers: Ledgers, monkeypatch: pytest.MonkeyPatch
) -> None:
    ledger, other, run = ledgers(), ledgers(), run_of(ME, 1, TABLES)
    ledger.create_run(run)
    for number in range(2):
        ledger.record_part(run.id, part_of("orders", number))
    before = ledger.pending_parts(run.id)
    load_all = BucketLedger._load_all

    def overtaken(self: BucketLedger, keys: list[str], make: Any) -> Any:
        monkeypatch.undo()
        other.collapse(run.id)
        return load_all(self, keys, make)

    monkeypatch.setattr(BucketLedger, "_load_all", overtaken)
    ledger.collapse(run.id)

    assert ledgers().pending_parts(run.id) == before


def test_collapsing_keeps_the_parts(
    ledgers: Ledgers, shared_bucket: Bucket, target: ParquetTarget
) -> None:
    ledger, run = ledgers(), run_of(ME, 1, TABLES)
    ledger.create_run(run)
    for number in range(3):
        ledger.record_part(run.id, part_of("orders", number))
    before = ledger.pending_parts(run.id)

    ledger.collapse(run.id)
    ledger.collapse(run.id)

    assert ledgers().pending_parts(run.id) == before
    folder = f"{target.prefix}_rowmill/ledger/parts/"
    assert [found.key for found in shared_bucket.list(folder)] == [f"{folder}{run.id}.json"]


def test_pools_are_kept_by_their_content(ledgers: Ledgers) -> None:
    ledger = ledgers()

    ledger.store_pool("sha256:abc/def", b"\0content")
    ledger.store_pool("sha256:abc/def", b"\0content")

    assert ledgers().pool("sha256:abc/def") == b"\0content"
    assert ledger.pool("sha256:none") is None


def test_forgetting_takes_every_record_of_the_experiment_and_no_others(
    ledgers: Ledgers, shared_bucket: Bucket, target: ParquetTarget
) -> None:
    ledger = ledgers()
    runs = {owner: run_of(owner, 1, TABLES, run_id=f"of-{owner[:3]}") for owner in (ME, OTHER)}
    for owner, run in runs.items():
        ledger.claim(owner, run.uid)
        ledger.create_run(run)
        ledger.record_part(run.id, part_of("orders", 0))
        with ledger.preparing(owner):
            ledger.store_pool("sha256:abc", b"x")
    ledger.collapse(runs[OTHER].id)

    with ledger.hold_experiment(ME):
        ledger.forget_experiment(ME)
        ledger.forget_experiment(ME)

    assert ledger.owners() == [OTHER]
    assert ledger.runs(OTHER) == [runs[OTHER]]
    assert set(ledger.pending_parts(runs[OTHER].id)) == {("orders", 0)}
    assert ledger.pool("sha256:abc") == b"x"
    assert ledger.run(runs[ME].id) is None
    with ledger.hold_experiment(OTHER):
        ledger.forget_experiment(OTHER)
    assert list(shared_bucket.list(target.prefix)) == []


def test_a_second_live_run_is_refused_at_once_and_the_next_one_is_not(ledgers: Ledgers) -> None:
    with ledgers().hold_experiment(ME) as hold:
        with (
            pytest.raises(
                DestinationRefused, match="is live, held by another process of this"
            ) as refused,
            ledgers().hold_experiment(ME),
        ):
            raise AssertionError("two hold the experiment")
        assert refused.value.reason == "LiveRunElsewhere"
        assert not hold.lost()
        assert ledgers().is_held(ME)
        with ledgers().hold_experiment(OTHER):
            pass
    assert not ledgers().is_held(ME)
    assert not ledgers().is_held(OTHER)

    with ledgers().hold_experiment(ME):
        pass


def test_prepares_wait_for_each_other(ledgers: Ledgers) -> None:
    inside, most = 0, 0
    lock = threading.Lock()

    def prepare(ledger: BucketLedger) -> None:
        nonlocal inside, most
        with ledger.preparing(ME):
            with lock:
                inside += 1
                most = max(most, inside)
            ledger.claim(ME, "uid-1")
            with lock:
                inside -= 1

    threads = [threading.Thread(target=prepare, args=(ledgers(),)) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert most == 1


def test_runs_of_another_reader_stay_as_they_were(ledgers: Ledgers) -> None:
    run = run_of(ME, 1, TABLES)
    ledger = ledgers()
    ledger.claim(ME, run.uid)
    ledger.create_run(run)
    ledgers().transition(run.id, RUNNING, RunState.ABORTED, message="by hand")

    (seen,) = ledger.runs(ME)

    assert replace(seen, finished_at=None) == replace(run.at(RunState.ABORTED), message="by hand")


def test_a_spoilt_record_is_told_by_its_name(
    ledgers: Ledgers, shared_bucket: Bucket, target: ParquetTarget
) -> None:
    ledger, run = ledgers(), run_of(ME, 1, TABLES)
    ledger.claim(ME, run.uid)
    ledger.create_run(run)
    (key,) = [f.key for f in shared_bucket.list(target.prefix) if "/runs/" in f.key]
    shared_bucket.put(key, b"spoilt")

    for read in (lambda: ledger.run(run.id), lambda: ledgers().runs(ME)):
        with pytest.raises(DestinationRefused, match="/runs/uid-1/") as refused:
            read()
        assert refused.value.reason == "RecordUnreadable"
