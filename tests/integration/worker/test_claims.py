"""Claims: who is refused holds nothing, what a crash left is freed, of two at once one gets on."""

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier, Event
from typing import Any

import pytest

from rowmill.destinations.errors import DestinationRefused, DestinationUnavailable
from rowmill.destinations.lake.lake import Lake
from rowmill.destinations.s3.bucket import Bucket
from rowmill.plan.purging import PurgeEnd
from rowmill.plan.runs import RESUMABLE, RunState
from rowmill.worker.abort import suspend_run
from rowmill.worker.removal.purge import delete
from tests.integration.experiments import Connection, count
from tests.integration.gate import Gate
from tests.integration.worker.env import state
from tests.integration.worker.owners import Owner, Owners, both_ledgers, dies_before_its_run, shop

# Refused


@both_ledgers
def test_an_experiment_that_was_refused_and_purged_leaves_its_prefix_to_the_next(
    name: str, owner_of: Owners, postgres: dict[str, str] | None
) -> None:
    first, second = (owner_of(engine, shop(name, postgres=postgres)) for engine in ("a", "b"))
    stranger = f"{first.prefix}people/theirs.parquet"
    first.lake.bucket.put(stranger, b"precious")
    assert first.refused().reason == "TableExists"
    assert first.claimant is None
    first.purge()
    assert [found.key for found in first.lake.bucket.list(first.prefix)] == [stranger]
    first.lake.bucket.delete(stranger)
    second.complete()


def test_who_is_refused_by_the_bucket_gives_the_names_in_postgres_back(
    name: str, owner_of: Owners, names_of: Callable[..., list[str]]
) -> None:
    first, second = (owner_of(engine, shop(name)) for engine in ("a", "b"))
    run = first.pod()
    assert first.destinations.ledger.runs.transition(run.id, RESUMABLE, RunState.FAILED)
    assert second.refused().reason == "TargetInUse"
    assert names_of(second) == []
    assert names_of(first) == ["people"], "whose they were before"


def test_a_refused_adoption_gives_the_tables_back_to_their_owner(
    name: str, owner_of: Owners, names_of: Callable[..., list[str]], database: Connection
) -> None:
    first = owner_of("a", shop(name, parquet=None))
    run = first.complete()
    second = owner_of("b", shop(name))
    second.lake.bucket.put(f"{second.prefix}people/theirs.parquet", b"precious")
    assert second.refused(adopt=first.key).reason == "TableExists"
    assert names_of(second) == []
    assert first.pod("a", 2).id == run.id, "its data is all there: nothing to do"
    assert count(database, name, "people") == 2_500


@both_ledgers
def test_adoption_works_there_and_back(
    name: str, owner_of: Owners, postgres: dict[str, str] | None
) -> None:
    first, second = (owner_of(engine, shop(name, postgres=postgres)) for engine in ("a", "b"))
    first.complete()
    second.complete(adopt=first.key)
    assert first.refused("a2").reason == "TargetInUse"
    first.complete("a2", adopt=second.key)
    assert first.claimant == first.key
    assert second.refused("b2").reason == "TargetInUse"


# Crashed between claim and run


@both_ledgers
def test_the_next_prepare_of_one_that_died_over_its_claims_goes_on(
    name: str,
    owner_of: Owners,
    postgres: dict[str, str] | None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    first = owner_of("a", shop(name, postgres=postgres))
    dies_before_its_run(first, monkeypatch)
    assert first.claimant == first.key
    first.complete()


@both_ledgers
def test_a_purge_frees_what_a_prepare_that_died_had_claimed(
    name: str,
    owner_of: Owners,
    postgres: dict[str, str] | None,
    names_of: Callable[..., list[str]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    first, second = (owner_of(engine, shop(name, postgres=postgres)) for engine in ("a", "b"))
    dies_before_its_run(first, monkeypatch)
    assert second.refused().reason == "TargetInUse"
    first.purge()
    assert first.claimant is None
    if postgres is not None:
        assert names_of(first) == []
    second.complete()


def test_a_purge_of_one_that_claimed_nothing_does_not_wait_for_its_bucket(
    name: str, owner_of: Owners, monkeypatch: pytest.MonkeyPatch, database: Connection
) -> None:
    first = owner_of("a", shop(name))
    database.execute(f"CREATE SCHEMA {name}; CREATE TABLE {name}.people (theirs int)")
    assert first.refused().reason == "TableExists"

    def out_of_reach(*_: object) -> bool:
        raise DestinationUnavailable("nothing answers")

    monkeypatch.setattr(Lake, "there", out_of_reach)
    assert first.purge() is PurgeEnd.NOTHING


def test_a_purge_gives_up_no_prefix_under_which_data_is_published(
    name: str, owner_of: Owners, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The ledger that has its run is another one, to which the Secret led then."""
    first = owner_of("a", shop(name, postgres={"ledgerSchema": f"{name}_old"}))
    run = first.complete()
    places = {"schema": f"{name}_b", "ledgerSchema": f"{name}_new"}
    same = owner_of("a", shop(name, postgres=places))
    dies_before_its_run(same, monkeypatch)
    same.purge()
    assert first.claimant == first.key
    assert first.lake.published(run)


def test_what_a_crash_left_of_a_claim_on_names_holds_nobody_up(
    name: str,
    owner_of: Owners,
    names_of: Callable[..., list[str]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    first, second = (owner_of(engine, shop(name, parquet=None)) for engine in ("a", "b"))
    dies_before_its_run(first, monkeypatch)
    assert names_of(first) == ["people"]
    second.complete()
    assert names_of(first) == []


# An adoption that was cut


def test_a_suspended_first_run_holds_no_names_and_loses_nothing_to_who_takes_them(
    name: str, owner_of: Owners, names_of: Callable[..., list[str]], database: Connection
) -> None:
    first, second = (owner_of(engine, shop(name, parquet=None)) for engine in ("a", "b"))
    run = first.env.prepare(first.destinations).run
    first.env.load(first.destinations, run)
    assert suspend_run(first.destinations) is not None
    second.env.complete(second.destinations)
    assert count(database, name, "people") == 2_500

    with pytest.raises(DestinationRefused, match=f"--adopt {second.key}") as no:
        first.env.prepare(first.destinations)
    assert no.value.reason == "TargetInUse"
    assert count(database, name, "people") == 2_500
    assert (names_of(first), names_of(second)) == ([], ["people"])

    delete(second.destinations)
    resumed = first.env.prepare(first.destinations)
    assert (resumed.run.id, resumed.suspended) == (run.id, True)
    assert first.env.load(first.destinations, run).stored == {}, "all of it is there"
    first.env.finalize(first.destinations, run)
    assert count(database, name, "people") == 2_500


def test_who_cannot_reach_the_bucket_gives_the_tables_that_it_adopted_back(
    name: str,
    owner_of: Owners,
    names_of: Callable[..., list[str]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    first, second = owner_of("a", shop(name, parquet=None)), owner_of("b", shop(name))
    run = first.complete()

    def out_of_reach(*_: object, **__: object) -> None:
        raise DestinationUnavailable("nothing answers")

    with monkeypatch.context() as patch:
        patch.setattr(Lake, "check_target", out_of_reach)
        with pytest.raises(DestinationUnavailable):
            second.pod(adopt=first.key)
    assert (names_of(first), names_of(second)) == (["people"], [])
    assert first.pod("a", 2).id == run.id, "its data is all there: nothing to do"


def test_names_stay_with_a_claim_on_the_prefix_that_could_not_be_taken_back(
    name: str,
    owner_of: Owners,
    names_of: Callable[..., list[str]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """By them a purge knows that there may be a prefix to give up."""
    first, second = (owner_of(engine, shop(name)) for engine in ("a", "b"))
    run = first.complete()
    put_if = Bucket.put_if

    def cut(bucket: Bucket, key: str, body: bytes, etag: str | None) -> str | None:
        written = put_if(bucket, key, body, etag)
        if not key.endswith("owner.json"):
            return written
        patch.setattr(Bucket, "read", out_of_reach)
        raise DestinationUnavailable("nothing answers")

    def out_of_reach(*_: object) -> None:
        raise DestinationUnavailable("still nothing")

    with monkeypatch.context() as patch:
        patch.setattr(Bucket, "put_if", cut)
        with pytest.raises(DestinationUnavailable, match="could not be taken back"):
            second.pod(adopt=first.key)
    assert names_of(second) == ["people"]
    assert second.claimant == second.key
    second.purge()
    assert first.claimant == first.key
    assert first.pod("a", 2).id == run.id


@both_ledgers
def test_a_purge_gives_what_an_adoption_that_was_cut_had_taken_back_to_whose_data_it_is(
    name: str,
    owner_of: Owners,
    postgres: dict[str, str] | None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    first, second = (owner_of(engine, shop(name, postgres=postgres)) for engine in ("a", "b"))
    run = first.complete()
    dies_before_its_run(second, monkeypatch, adopt=first.key)
    assert first.claimant == second.key
    assert second.purge() is PurgeEnd.NOTHING
    assert first.claimant == first.key
    assert first.pod("a", 2).id == run.id, "its data is all there: nothing to do"
    assert first.purge("a", written=run) is PurgeEnd.REMOVED
    owner_of("c", shop(name, postgres=postgres)).complete()


# Two at once


def ledgers(name: str, kind: str) -> list[Mapping[str, str] | None]:
    """What two experiments name for Postgres, in one schema."""
    by_kind: dict[str, list[Mapping[str, str] | None]] = {
        "shared": [{"schema": name, "ledgerSchema": f"{name}_l"}] * 2,
        "separate": [{"schema": name, "ledgerSchema": f"{name}_{n}"} for n in "lm"],
        "bucket": [None, None],
    }
    return by_kind[kind]


@pytest.mark.parametrize("kind", ["shared", "separate"])
def test_of_two_that_share_a_schema_and_a_prefix_the_one_with_its_claims_gets_on(
    name: str,
    kind: str,
    owner_of: Owners,
    names_of: Callable[..., list[str]],
    database: Connection,
    connect: Callable[[], Connection],
) -> None:
    """The second comes when the first has claimed both and has no run yet."""
    first, second = _pair(name, kind, owner_of)
    gate = Gate(database, connect)
    gate.close_before_runs(f"{name}_l")
    with ThreadPoolExecutor(1) as pool:
        begun = pool.submit(first.pod)
        try:
            while not gate.waiting(f"{name}_l"):
                assert not begun.done()
            assert second.refused().reason == "TargetInUse"
            assert names_of(second, _ledger(second)) == []
        finally:
            gate.open()
        run = begun.result()
    first.env.finalize(first.destinations, run)
    assert state(first.destinations, run) is RunState.COMPLETED
    _goes_on_once_the_other_is_deleted(second, first)


@pytest.mark.parametrize(
    ("kind", "first_gets_on"), [("shared", True), ("separate", False), ("bucket", False)]
)
def test_of_two_that_share_a_schema_and_a_prefix_one_gets_both_whoever_comes_between(
    name: str,
    kind: str,
    first_gets_on: bool,
    owner_of: Owners,
    names_of: Callable[..., list[str]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The second comes when the first has claimed in Postgres and not yet looked at the bucket."""
    first, second = _pair(name, kind, owner_of)
    came, go_on = Event(), Event()
    check = first.lake.check_target

    def stand_still(*arguments: Any, **options: Any) -> None:
        came.set()
        assert go_on.wait(120)
        check(*arguments, **options)

    monkeypatch.setattr(first.lake, "check_target", stand_still)
    with ThreadPoolExecutor(1) as pool:
        begun = pool.submit(first.pod)
        try:
            assert came.wait(120)
            if first_gets_on:
                assert second.refused().reason == "TargetInUse"
            else:
                second.pod()
        finally:
            go_on.set()
        failed = begun.exception()
    winner, loser = (first, second) if first_gets_on else (second, first)
    if not first_gets_on:
        assert isinstance(failed, DestinationRefused)
        assert failed.reason == "TargetInUse"
    if kind != "bucket":
        assert names_of(loser, _ledger(loser)) == []
        assert names_of(winner, _ledger(winner)) == ["people"]
    winner.complete()
    _goes_on_once_the_other_is_deleted(loser, winner)


@pytest.mark.parametrize("kind", ["shared", "separate", "bucket"])
def test_of_many_pairs_that_come_at_once_exactly_one_of_each_gets_on(
    name: str,
    kind: str,
    owner_of: Owners,
    names_of: Callable[..., list[str]],
) -> None:
    pairs = [_pair(f"{name}n{n}", kind, owner_of, ledger=name) for n in range(6)]

    def contend(owner: Owner, barrier: Barrier) -> str | None:
        barrier.wait()
        try:
            owner.pod()
        except DestinationRefused as refusal:
            return refusal.reason
        return None

    for pair in pairs:
        barrier = Barrier(2)
        with ThreadPoolExecutor(2) as pool:
            reasons = list(pool.map(lambda owner, at=barrier: contend(owner, at), pair))
        assert sorted(reasons, key=str) == [None, "TargetInUse"]
        winner, loser = sorted(pair, key=lambda owner: reasons[pair.index(owner)] is not None)
        assert winner.claimant == winner.key
        if kind != "bucket":
            assert names_of(loser, _ledger(loser)) == []
            assert names_of(winner, _ledger(winner)) == ["people"]


def _pair(name: str, kind: str, owner_of: Owners, *, ledger: str | None = None) -> list[Owner]:
    """Two owners of one schema and prefix, who write their destinations in another order."""
    pair = []
    for engine, postgres in zip("ab", ledgers(ledger or name, kind), strict=True):
        placed = None if postgres is None else {**postgres, "schema": name}
        content = shop(name, postgres=placed)
        if engine == "b":
            places = content["spec"]["destinations"]
            content["spec"]["destinations"] = dict(reversed(places.items()))
        owner = owner_of(engine, content)
        owner.destinations.ledger.ensure()
        pair.append(owner)
    return pair


def _ledger(owner: Owner) -> str:
    assert owner.env.spec.postgres is not None
    return owner.env.spec.postgres.ledger_schema


def _goes_on_once_the_other_is_deleted(owner: Owner, other: Owner) -> None:
    assert owner.refused().reason == "TargetInUse"
    other.purge()
    owner.complete()
