"""Claims that were lost with their store: whose the target still is, and who writes them again."""

from collections.abc import Callable, Iterator

import pytest

from rowmill.destinations.credentials import KnownCredentials
from rowmill.destinations.errors import DestinationRefused
from rowmill.destinations.lake.lake import Lake
from rowmill.destinations.s3.bucket import Bucket
from rowmill.local.home.folder import Home
from rowmill.local.servers.embedded import down, exports, up
from rowmill.plan.runs import RESUMABLE, RunState
from tests.integration.experiments import Connection, count
from tests.integration.worker.env import state
from tests.integration.worker.owners import (
    Killed,
    Owner,
    Owners,
    both_ledgers,
    dies_before_its_run,
    shop,
)


@pytest.fixture(scope="module")
def other_s3(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KnownCredentials]:
    home = Home(tmp_path_factory.mktemp("other"))
    yield KnownCredentials(exports(up(home)))
    down(home)


def empty(bucket: Bucket, prefix: str) -> None:
    """What a lost store leaves of a prefix: nothing."""
    for key, upload in list(bucket.uploads(prefix)):
        bucket.abort_upload(key, upload)
    for found in list(bucket.list(prefix)):
        bucket.delete(found.key)


def elsewhere(name: str, owner_of: Owners) -> Owner:
    """Another experiment of the prefix alone, with a schema and a ledger of its own."""
    return owner_of("b", shop(name, postgres={"schema": f"{name}_b", "ledgerSchema": f"{name}_m"}))


def test_a_run_whose_bucket_lost_everything_writes_its_claim_again_and_keeps_the_prefix(
    name: str, owner_of: Owners
) -> None:
    first = owner_of("a", shop(name))
    run = first.pod()
    first.env.load(first.destinations, run)
    empty(first.lake.bucket, first.prefix)
    first.env.finalize(first.destinations, run)
    assert first.claimant == first.key
    second = owner_of("b", shop(name, postgres={"schema": f"{name}_b"}))
    assert second.refused().reason == "TargetInUse"
    assert first.claimant == first.key
    first.complete("a", 2)


@both_ledgers
@pytest.mark.parametrize("reached", [RunState.RUNNING, RunState.FINALIZING])
def test_the_next_pod_of_a_live_run_writes_a_lost_claim_again(
    name: str, owner_of: Owners, postgres: dict[str, str] | None, reached: RunState
) -> None:
    first = owner_of("a", shop(name, postgres=postgres))
    run = first.pod()
    first.env.load(first.destinations, run)
    first.destinations.ledger.runs.transition(run.id, frozenset({RunState.RUNNING}), reached)
    first.lake.bucket.delete(f"{first.prefix}_rowmill/owner.json")
    first.pod()
    assert first.claimant == first.key


@both_ledgers
def test_a_prefix_that_lost_its_claim_is_still_that_of_the_live_run_in_the_ledger(
    name: str, owner_of: Owners, postgres: dict[str, str] | None
) -> None:
    first = owner_of("a", shop(name, postgres=postgres))
    other_schema = None if postgres is None else {"schema": f"{name}_b"}
    second = owner_of("b", shop(name, postgres=other_schema))
    run = first.pod()
    first.lake.bucket.delete(f"{first.prefix}_rowmill/owner.json")
    refusal = second.refused()
    assert refusal.reason == "TargetInUse"
    assert first.key in str(refusal)
    assert first.claimant is None
    first.env.finalize(first.destinations, run)
    assert first.claimant == first.key


def test_a_live_run_in_another_s3_holds_no_prefix_of_the_same_name_here(
    name: str, owner_of: Owners, other_s3: KnownCredentials
) -> None:
    """Only the Secrets tell the one from the other."""
    first = owner_of("a", shop(name))
    second = owner_of("b", shop(name, postgres={"schema": f"{name}_b"}), s3=other_s3)
    first.pod()
    second.complete()
    assert (first.claimant, second.claimant) == (first.key, second.key)


def test_a_run_that_is_resumed_in_another_s3_is_live_there_alone(
    name: str, owner_of: Owners, other_s3: KnownCredentials
) -> None:
    first = owner_of("a", shop(name))
    run = first.pod()
    assert first.destinations.ledger.runs.transition(run.id, RESUMABLE, RunState.FAILED)
    moved = owner_of("a", shop(name), s3=other_s3)
    assert moved.pod().id == run.id
    for owner in (first, moved):
        owner.lake.bucket.delete(f"{owner.prefix}_rowmill/owner.json")
    apart = shop(name, postgres={"schema": f"{name}_b"})
    assert owner_of("b", apart, s3=other_s3).refused().reason == "TargetInUse"
    owner_of("b", apart).complete()


def test_a_lost_prefix_that_another_ledgers_experiment_took_is_left_to_it_before_anything_moves(
    name: str, owner_of: Owners, database: Connection
) -> None:
    first, second = owner_of("a", shop(name)), elsewhere(name, owner_of)
    run = first.pod()
    first.env.load(first.destinations, run)
    empty(first.lake.bucket, first.prefix)
    theirs = second.complete()
    assert first.refused().reason == "TargetInUse"
    with pytest.raises(DestinationRefused, match=f"--adopt {second.key}"):
        first.env.finalize(first.destinations, run)
    assert state(first.destinations, run) is RunState.FINALIZING
    assert second.lake.published(theirs)
    second.purge()
    first.env.finalize(first.destinations, run)
    assert state(first.destinations, run) is RunState.COMPLETED
    assert count(database, name, "people") == 2_500


def test_the_line_that_takes_over_also_helps_a_run_that_was_cut_while_it_was_published(
    name: str, owner_of: Owners, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = owner_of("a", shop(name))
    run = first.pod()
    first.env.load(first.destinations, run)

    def die(*_: object) -> None:
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(Lake, "complete", die)
        with pytest.raises(Killed):
            first.env.finalize(first.destinations, run)
    assert state(first.destinations, run) is RunState.PUBLISHING
    empty(first.lake.bucket, first.prefix)
    second = elsewhere(name, owner_of)
    second.complete()
    with pytest.raises(DestinationRefused, match=f"--adopt {second.key}"):
        first.env.prepare(first.destinations)
    assert first.env.prepare(first.destinations, adopt=second.key).rolled_forward == (1,)
    assert state(first.destinations, run) is RunState.COMPLETED
    assert first.claimant == first.key


def test_names_that_a_restored_ledger_lost_are_claimed_again_by_the_live_run(
    name: str,
    owner_of: Owners,
    names_of: Callable[..., list[str]],
    monkeypatch: pytest.MonkeyPatch,
    database: Connection,
) -> None:
    first, second = (owner_of(engine, shop(name, parquet=None)) for engine in ("a", "b"))
    run = first.pod()
    database.execute("DELETE FROM rowmill.tables WHERE owner = %s", (first.key,))
    dies_before_its_run(second, monkeypatch)
    assert names_of(second) == ["people"]
    first.pod()
    assert names_of(first) == ["people"]
    assert second.refused().reason == "TargetInUse"
    first.env.finalize(first.destinations, run)
    assert state(first.destinations, run) is RunState.COMPLETED
