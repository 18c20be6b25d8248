from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest

from rowmill.destinations.errors import DestinationRefused, Fenced, LiveRun
from rowmill.destinations.lake.ledger.bucket_ledger import BucketLedger
from rowmill.destinations.lake.ledger.records import LedgerObjects
from rowmill.destinations.ledger import Ledger, PendingPart
from rowmill.destinations.patience import Patience
from rowmill.destinations.s3.bucket import Bucket
from rowmill.destinations.s3.client import S3Address
from rowmill.plan.runs import SUSPENDED, RunState, because
from rowmill.spec.dataset import ParquetTarget
from tests.integration.destinations.s3.fault_proxy import Fault, FaultProxy
from tests.integration.destinations.s3.small_runs import run_of

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

    assert ledger.runs.owners() == []
    assert ledger.runs.uid(ME) is None
    assert ledger.runs.of(ME) == []
    assert ledger.runs.find("none") is None
    assert ledger.work.done_batches("none") == {}
    assert ledger.work.pending_parts("none") == {}


def test_an_experiment_is_claimed_by_uid_and_its_runs_go_with_it(ledgers: Ledgers) -> None:
    ledger = ledgers()
    ledger.runs.claim(ME, "uid-1")
    ledger.runs.claim(ME, "uid-1")
    ledger.runs.claim(OTHER, "uid-2")
    one, two = run_of(ME, 1, TABLES), run_of(ME, 2, TABLES)
    assert ledger.runs.create(two) == two
    assert ledger.runs.create(one) == one

    seen = ledgers()
    assert seen.runs.uid(ME) == "uid-1"
    assert seen.runs.owners() == sorted([ME, OTHER])
    assert seen.runs.of(ME) == [one, two]
    assert seen.runs.of(OTHER) == []
    assert seen.runs.find(two.id) == two

    ledger.runs.claim(ME, "uid-3")
    assert seen.runs.uid(ME) == "uid-3"
    assert seen.runs.of(ME) == []


def test_the_runs_of_several_experiments_are_read_at_once(ledgers: Ledgers) -> None:
    ledger = ledgers()
    for owner in (ME, OTHER):
        ledger.runs.claim(owner, "uid-1")
    one, two = run_of(ME, 1, TABLES), run_of(ME, 2, TABLES)
    another = run_of(OTHER, 1, TABLES, run_id="another")
    for run in (two, one, another):
        ledger.runs.create(run)
    runs, owners = ledgers().runs, [ME, OTHER, "nobody"]
    assert runs.of_each(owners) == {ME: [one, two], OTHER: [another]}
    assert runs.of_each(owners, newest=True) == {ME: [two], OTHER: [another]}
    ledger.runs.claim(ME, "uid-2")
    assert runs.of_each(owners) == {OTHER: [another]}


def test_a_number_is_taken_once(ledgers: Ledgers) -> None:
    run = run_of(ME, 1, TABLES, run_id="first")
    late = run_of(ME, 1, TABLES, run_id="late")

    assert ledgers().runs.create(run) == run
    assert ledgers().runs.create(late) == run
    assert ledgers().runs.create(run) == run
    assert ledgers().runs.find("late") is None


def test_a_run_moves_only_from_an_expected_state(ledgers: Ledgers) -> None:
    ledger, run = ledgers(), run_of(ME, 1, TABLES)
    ledger.runs.create(run)

    assert not ledger.runs.transition(run.id, FINALIZING, RunState.PUBLISHING)
    assert ledger.runs.transition(run.id, RUNNING, RunState.FAILED, message="why", summary={"a": 1})
    failed = ledgers().runs.find(run.id)
    assert failed is not None
    assert (failed.state, failed.message) == (RunState.FAILED, "why")
    assert failed.summary == run.summary | {"a": 1}
    assert failed.finished_at is not None

    assert ledger.runs.transition(
        run.id, frozenset({RunState.FAILED}), RunState.RUNNING, summary={"b": 2}
    )
    resumed = ledgers().runs.find(run.id)
    assert resumed is not None
    assert (resumed.state, resumed.message, resumed.finished_at) == (RunState.RUNNING, "", None)
    assert resumed.summary == run.summary | {"a": 1, "b": 2}
    assert not ledger.runs.transition("none", RUNNING, RunState.FAILED)


def test_a_run_does_not_move_once_nobody_wants_it_any_more(ledgers: Ledgers) -> None:
    ledger = ledgers()
    run = ledger.runs.create(run_of(ME, 1, TABLES))
    assert not ledger.runs.transition(run.id, RUNNING, RunState.ABORTED, wanted=lambda: False)
    assert ledger.runs.find(run.id) == run


def test_a_run_keeps_the_moment_at_which_it_ended(ledgers: Ledgers) -> None:
    ledger, ended, cut = ledgers(), run_of(ME, 1, TABLES), run_of(ME, 2, TABLES)
    for run in (ended, cut):
        ledger.runs.create(run)
    assert ledger.runs.transition(ended.id, RUNNING, RunState.ABORTED)
    first = ledger.runs.find(ended.id)
    assert first is not None
    assert ledger.runs.transition(ended.id, frozenset({RunState.ABORTED}), RunState.ABORTED)
    for run, finished_at in ((ended, first.finished_at), (cut, None)):
        assert ledger.runs.transition(run.id, RUNNING | {RunState.ABORTED}, RunState.RESET)
        reset = ledger.runs.find(run.id)
        assert reset is not None
        assert reset.finished_at == finished_at


def test_a_note_adds_to_the_summary_and_changes_nothing_else(ledgers: Ledgers) -> None:
    ledger, run = ledgers(), run_of(ME, 1, TABLES)
    ledger.runs.create(run)
    ledger.runs.note(run.id, {"removal": {"tables": 1}})
    ledger.runs.note(run.id, {"removal": {"tables": 2}})
    ledger.runs.note("none", {"removal": {}})
    noted = replace(run, summary=run.summary | {"removal": {"tables": 2}})
    assert ledgers().runs.find(run.id) == noted


def test_of_many_transitions_at_once_exactly_one_is_done(ledgers: Ledgers) -> None:
    run = run_of(ME, 1, TABLES)
    ledgers().runs.create(run)
    done: list[bool] = []
    barrier = threading.Barrier(6)

    def contend(ledger: BucketLedger) -> None:
        barrier.wait()
        done.append(ledger.runs.transition(run.id, RUNNING, RunState.FINALIZING))

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
    assert ledger.runs.create(run) == run
    proxy.faults = [Fault(lambda method, path: method == "PUT", 1, lose=True)]

    assert ledger.runs.transition(run.id, RUNNING, RunState.FINALIZING)


def test_a_part_counts_once(ledgers: Ledgers) -> None:
    ledger, run = ledgers(), run_of(ME, 1, TABLES)
    ledger.runs.create(run)
    first = part_of("orders", 0, "mine")

    assert ledger.work.record_part(run.id, first)
    assert not ledgers().work.record_part(run.id, part_of("orders", 0, "twin"))
    assert ledger.work.record_part(run.id, part_of("a/b", 0))
    assert ledger.work.record_part(run.id, part_of("orders", 100_000))

    found = ledgers().work.pending_parts(run.id)
    assert set(found) == {("orders", 0), ("a/b", 0), ("orders", 100_000)}
    assert found["orders", 0] == first


def test_a_part_of_other_rows_takes_a_recorded_ones_place(ledgers: Ledgers) -> None:
    ledger, run = ledgers(), run_of(ME, 1, TABLES)
    ledger.runs.create(run)
    mine = part_of("orders", 0, "mine")

    assert ledger.work.record_part(run.id, replace(mine, rows=mine.rows + 1, upload_id="strange"))
    assert ledger.work.record_part(run.id, mine)
    assert not ledgers().work.record_part(run.id, part_of("orders", 0, "twin"))

    assert ledgers().work.pending_parts(run.id) == {("orders", 0): mine}


def test_a_part_made_again_takes_the_lost_ones_place_whatever_the_state(ledgers: Ledgers) -> None:
    ledger, run = ledgers(), run_of(ME, 1, TABLES)
    ledger.runs.create(run)
    ledger.work.record_part(run.id, part_of("orders", 0, "lost"))
    ledger.runs.transition(run.id, RUNNING, RunState.PUBLISHING)
    again = part_of("orders", 0, "again")

    ledger.work.replace_part(run.id, again)
    ledger.work.replace_part(run.id, again)

    assert ledgers().work.pending_parts(run.id) == {("orders", 0): again}
    ledger.work.collapse(run.id)
    assert ledgers().work.pending_parts(run.id) == {("orders", 0): again}


@pytest.mark.parametrize("state", [s for s in RunState if s is not RunState.RUNNING])
def test_a_stale_worker_cannot_record(ledgers: Ledgers, state: RunState) -> None:
    ledger, run = ledgers(), run_of(ME, 1, TABLES)
    ledger.runs.create(run)
    assert ledgers().runs.transition(run.id, RUNNING, state)

    with pytest.raises(Fenced, match=f"is {state.value}, not RUNNING"):
        ledger.work.record_part(run.id, part_of("orders", 0))
    assert ledger.work.pending_parts(run.id) == {}


def test_a_worker_of_a_deleted_run_cannot_record(ledgers: Ledgers) -> None:
    with pytest.raises(Fenced, match="not in the ledger any more"):
        ledgers().work.record_part("none", part_of("orders", 0))


def test_two_that_collapse_at_once_keep_the_parts(
    ledgers: Ledgers, monkeypatch: pytest.MonkeyPatch
) -> None:
    ledger, other, run = ledgers(), ledgers(), run_of(ME, 1, TABLES)
    ledger.runs.create(run)
    for number in range(2):
        ledger.work.record_part(run.id, part_of("orders", number))
    before = ledger.work.pending_parts(run.id)
    load_all = LedgerObjects.load_all

    def overtaken(self: LedgerObjects, keys: list[str], make: Any) -> Any:
        monkeypatch.undo()
        other.work.collapse(run.id)
        return load_all(self, keys, make)

    monkeypatch.setattr(LedgerObjects, "load_all", overtaken)
    ledger.work.collapse(run.id)

    assert ledgers().work.pending_parts(run.id) == before


def test_collapsing_keeps_the_parts(
    ledgers: Ledgers, shared_bucket: Bucket, target: ParquetTarget
) -> None:
    ledger, run = ledgers(), run_of(ME, 1, TABLES)
    ledger.runs.create(run)
    for number in range(3):
        ledger.work.record_part(run.id, part_of("orders", number))
    before = ledger.work.pending_parts(run.id)

    ledger.work.collapse(run.id)
    ledger.work.collapse(run.id)

    assert ledgers().work.pending_parts(run.id) == before
    folder = f"{target.prefix}_rowmill/ledger/parts/"
    assert [found.key for found in shared_bucket.list(folder)] == [f"{folder}{run.id}.json"]


def test_pools_are_kept_by_their_content(ledgers: Ledgers) -> None:
    ledger = ledgers()

    ledger.pools.store("sha256:abc/def", b"\0content")
    ledger.pools.store("sha256:abc/def", b"\0content")

    assert ledgers().pools.find("sha256:abc/def") == b"\0content"
    assert ledger.pools.find("sha256:none") is None


def test_forgetting_takes_every_record_of_the_experiment_and_no_others(
    ledgers: Ledgers, shared_bucket: Bucket, target: ParquetTarget
) -> None:
    ledger = ledgers()
    runs = {owner: run_of(owner, 1, TABLES, run_id=f"of-{owner[:3]}") for owner in (ME, OTHER)}
    for owner, run in runs.items():
        ledger.runs.claim(owner, run.uid)
        ledger.runs.create(run)
        ledger.work.record_part(run.id, part_of("orders", 0))
        with ledger.locks.preparing(owner):
            ledger.pools.store("sha256:abc", b"x")
    ledger.work.collapse(runs[OTHER].id)

    with ledger.locks.hold_experiment(ME):
        ledger.forget_experiment(ME)
        ledger.forget_experiment(ME)

    assert ledger.runs.owners() == [OTHER]
    assert ledger.runs.of(OTHER) == [runs[OTHER]]
    assert set(ledger.work.pending_parts(runs[OTHER].id)) == {("orders", 0)}
    assert ledger.pools.find("sha256:abc") == b"x"
    assert ledger.runs.find(runs[ME].id) is None
    with ledger.locks.hold_experiment(OTHER):
        ledger.forget_experiment(OTHER)
    assert list(shared_bucket.list(target.prefix)) == []


def test_a_second_live_run_is_refused_at_once_and_the_next_one_is_not(ledgers: Ledgers) -> None:
    with ledgers().locks.hold_experiment(ME) as hold:
        with (
            pytest.raises(
                LiveRun, match="is live, held by another thread of this process"
            ) as refused,
            ledgers().locks.hold_experiment(ME),
        ):
            raise AssertionError("two hold the experiment")
        assert refused.value.reason == "LiveRunElsewhere"
        assert not hold.lost()
        assert ledgers().locks.is_held(ME)
        with ledgers().locks.hold_experiment(OTHER):
            pass
    assert not ledgers().locks.is_held(ME)
    assert not ledgers().locks.is_held(OTHER)

    with ledgers().locks.hold_experiment(ME):
        pass


def test_prepares_wait_for_each_other(ledgers: Ledgers) -> None:
    inside, most = 0, 0
    lock = threading.Lock()

    def prepare(ledger: BucketLedger) -> None:
        nonlocal inside, most
        with ledger.locks.preparing(ME):
            with lock:
                inside += 1
                most = max(most, inside)
            ledger.runs.claim(ME, "uid-1")
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
    ledger.runs.claim(ME, run.uid)
    ledger.runs.create(run)
    ledgers().runs.transition(run.id, RUNNING, RunState.ABORTED, message="by hand")

    (seen,) = ledger.runs.of(ME)

    assert replace(seen, finished_at=None) == replace(run.at(RunState.ABORTED), message="by hand")


def test_a_spoilt_record_is_told_by_its_name(
    ledgers: Ledgers, shared_bucket: Bucket, target: ParquetTarget
) -> None:
    ledger, run = ledgers(), run_of(ME, 1, TABLES)
    ledger.runs.claim(ME, run.uid)
    ledger.runs.create(run)
    (key,) = [f.key for f in shared_bucket.list(target.prefix) if "/runs/" in f.key]
    shared_bucket.put(key, b"spoilt")

    for read in (lambda: ledger.runs.find(run.id), lambda: ledgers().runs.of(ME)):
        with pytest.raises(DestinationRefused, match="/runs/uid-1/") as refused:
            read()
        assert refused.value.reason == "RecordUnreadable"


def test_a_bucket_whose_newer_layout_only_added_is_worked_with(
    ledgers: Ledgers, shared_bucket: Bucket, target: ParquetTarget
) -> None:
    key = f"{target.prefix}_rowmill/ledger/layout.json"
    shared_bucket.put(key, b'{"step": 9, "oldestWriter": 1}')
    ledgers().ensure()
    assert ledgers().found()


def test_a_bucket_to_which_only_newer_clients_may_write_is_refused(
    ledgers: Ledgers, shared_bucket: Bucket, target: ParquetTarget
) -> None:
    key = f"{target.prefix}_rowmill/ledger/layout.json"
    shared_bucket.put(key, b'{"step": 9, "oldestWriter": 9}')
    for refused in (ledgers().ensure, ledgers().found):
        with pytest.raises(DestinationRefused, match="newer Rowmill") as refusal:
            refused()
        assert refusal.value.reason == "LedgerTooNew"


def test_progress_is_read_as_it_was_written_last_and_goes_with_the_experiment(
    ledgers: Ledgers, names: Callable[[], list[str]]
) -> None:
    ledger, run = ledgers(), run_of(ME, 1, TABLES)
    ledger.runs.claim(ME, run.uid)
    ledger.runs.create(run)
    assert ledger.progress.read(run.id) is None
    for step in ("loading", "publish"):
        ledger.progress.write(run.id, {"step": step})
    found = ledgers().progress.read(run.id)
    assert found is not None
    assert (found.body, found.at.tzinfo is not None) == ({"step": "publish"}, True)
    assert 0 <= found.age < ledger.progress.fresh_seconds
    assert ledgers().runs.of(ME) == [run], "no other record is taken for a run's"
    ledger.forget_experiment(ME)
    assert names() == []


def test_progress_that_cannot_be_kept_is_done_without(
    through_proxy: S3Address, target: ParquetTarget, proxy: FaultProxy, shared_bucket: Bucket
) -> None:
    ledger = BucketLedger(through_proxy, target, patience=Patience(600))
    shared_bucket.put(f"{target.prefix}_rowmill/ledger/progress/run-1.json", b"spoilt")
    assert ledger.progress.read("run-1") is None
    proxy.faults = [Fault(lambda method, path: True, 100, answer=(503, "SlowDown"))]
    ledger.progress.write("run-1", {"step": "loading"})
    assert ledger.progress.read("run-1") is None


def test_the_reason_of_a_state_goes_with_that_state(ledgers: Ledgers) -> None:
    run, runs = run_of(ME, 1, TABLES), ledgers().runs
    runs.create(run)
    aborted = frozenset({RunState.ABORTED})
    assert runs.transition(run.id, RUNNING, RunState.ABORTED, summary=because(SUSPENDED, ""))
    stopped = runs.find(run.id)
    assert stopped is not None
    assert (stopped.reason, stopped.suspended) == (SUSPENDED, True)
    assert runs.transition(run.id, aborted, RunState.ABORTED)
    assert runs.find(run.id) == replace(stopped, summary=run.summary)


def test_queries_are_kept_by_name_until_the_experiment_is_forgotten(ledgers: Ledgers) -> None:
    ledger, run = ledgers(), run_of(ME, 1, TABLES)
    queries = ledger.queries
    assert queries.of(ME) == []
    assert queries.save(ME, "all", "table orders") is None, "nobody has claimed it"
    ledger.runs.claim(ME, run.uid)
    ledger.runs.create(run)
    for name, text in (("é", "select 1"), ("all", "table orders"), ("all", "table lines")):
        saved = queries.save(ME, name, text)
        assert saved is not None
        assert (saved.name, saved.sql) == (name, text)
    found = ledgers().queries.of(ME)
    assert [(each.name, each.sql) for each in found] == [("all", "table lines"), ("é", "select 1")]
    assert queries.of(OTHER) == []
    assert queries.forget(ME, "é")
    assert not queries.forget(ME, "é")
    ledger.forget_runs([run])
    assert ledgers().runs.of(ME) == [], "no other record is taken for a run's"
    assert [each.name for each in queries.of(ME)] == ["all"]
    ledger.forget_experiment(ME)
    assert queries.of(ME) == []


def test_queries_that_are_saved_at_once_are_all_kept(ledgers: Ledgers) -> None:
    ledgers().runs.claim(ME, "uid")
    names = [f"q{number}" for number in range(6)]
    each = {name: ledgers() for name in names}
    threads = [
        threading.Thread(target=each[name].queries.save, args=(ME, name, "select 1"))
        for name in names
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [query.name for query in ledgers().queries.of(ME)] == names
