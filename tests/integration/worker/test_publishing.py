"""A run that stops anywhere in publishing is taken on from there, into its own destinations."""

from collections.abc import Callable
from dataclasses import replace

import boto3
import pytest

from rowmill.destinations.errors import DestinationRefused, DestinationUnavailable
from rowmill.destinations.lake.lake import Lake
from rowmill.engine.request import Mode
from rowmill.local.servers.embedded import EmbeddedServers, exports
from rowmill.plan.runs import Run, RunState
from rowmill.worker.destinations import Destinations
from rowmill.worker.removal import purge
from rowmill.worker.removal.removed import Removed
from tests.integration.experiments import ORDERS, PEOPLE, Connection, Manifest, count, manifest
from tests.integration.worker.env import Env, state

Opened = Callable[[Manifest], tuple[Env, Destinations]]


class Killed(Exception):
    """Stands for the end of the process."""


@pytest.fixture
def dies_before_current_moves(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """Publishing ends after the uploads are complete, and before readers are led to them."""

    def die(*_: object) -> None:
        raise Killed

    monkeypatch.setattr(Lake, "publish", die)
    return monkeypatch


def killed_while_publishing(env: Env, destinations: Destinations) -> Run:
    """A run whose process died in its publishing, as `dies_before_current_moves` has it."""
    run = env.prepare(destinations).run
    env.load(destinations, run)
    with pytest.raises(Killed):
        env.finalize(destinations, run)
    return run


@pytest.mark.parametrize("postgres", [{}, None], ids=["both", "bucket"])
def test_a_part_whose_upload_vanished_is_made_again_while_publishing(
    name: str, opened: Opened, postgres: dict[str, str] | None
) -> None:
    env, destinations = opened(manifest(name, postgres=postgres))
    run = env.prepare(destinations).run
    env.load(destinations, run)
    assert destinations.lake is not None
    before = destinations.ledger.work.pending_parts(run.id)
    destinations.lake.abort_uploads(run.id)
    env.finalize(destinations, run)
    assert state(destinations, run) is RunState.COMPLETED
    assert destinations.lake.published(run)
    record = destinations.lake.record(run.id)
    assert record is not None
    assert record.rows == run.plan.rows
    # The same bytes, though by other uploads.
    assert {part.sha256 for part in record.parts} == {part.sha256 for part in before.values()}


@pytest.mark.parametrize("postgres", [{}, None], ids=["both", "bucket"])
def test_a_recorded_part_of_other_rows_than_the_plans_is_made_again_before_publishing(
    name: str, opened: Opened, postgres: dict[str, str] | None
) -> None:
    env, destinations = opened(manifest(name, tables=[PEOPLE], postgres=postgres))
    run = env.prepare(destinations).run
    env.load(destinations, run)
    _record_another(destinations, run)
    assert env.prepare(destinations).resumed
    env.load(destinations, run)
    env.finalize(destinations, run)
    assert state(destinations, run) is RunState.COMPLETED
    assert destinations.lake is not None
    record = destinations.lake.record(run.id)
    assert record is not None
    assert record.rows == run.plan.rows


@pytest.mark.parametrize("remove", [purge.reset, purge.delete])
@pytest.mark.parametrize("postgres", [{}, None], ids=["both", "bucket"])
def test_a_run_that_is_cut_with_parts_of_other_rows_is_refused_in_words_and_can_be_removed(
    name: str,
    opened: Opened,
    dies_before_current_moves: pytest.MonkeyPatch,
    remove: Callable[[Destinations], Removed],
    postgres: dict[str, str] | None,
) -> None:
    env, destinations = opened(manifest(name, tables=[PEOPLE], postgres=postgres))
    run = killed_while_publishing(env, destinations)
    dies_before_current_moves.undo()
    _record_another(destinations, run)
    for mode in (Mode.AUTO, Mode.RESTART):
        with pytest.raises(DestinationRefused, match=f"`rowmill reset {name}`") as refused:
            env.prepare(destinations, mode=mode)
        assert refused.value.reason == "PartsUnplanned"
    assert state(destinations, run) is RunState.PUBLISHING
    (left,) = remove(destinations).left
    assert "Part 0 of people has 2,501 rows there, in the plan 2,500 rows" in left
    assert env.complete(destinations).number == (2 if remove is purge.reset else 1)


def _record_another(destinations: Destinations, run: Run) -> None:
    """Have the ledger record a row too many of a part."""
    (part,) = destinations.ledger.work.pending_parts(run.id).values()
    destinations.ledger.work.replace_part(run.id, replace(part, rows=part.rows + 1))


def test_a_bucket_that_drops_every_upload_ends_in_words(
    name: str, opened: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    env, destinations = opened(manifest(name, tables=[PEOPLE], postgres=None))
    run = env.prepare(destinations).run
    env.load(destinations, run)
    monkeypatch.setattr(Lake, "complete", lambda self, run, parts: list(parts))
    with pytest.raises(DestinationUnavailable, match="lifecycle rule"):
        env.finalize(destinations, run)
    monkeypatch.undo()
    assert env.prepare(destinations).repeat
    assert state(destinations, run) is RunState.COMPLETED


def test_a_worker_that_follows_one_killed_while_publishing_goes_on(
    name: str, opened: Opened, dies_before_current_moves: pytest.MonkeyPatch
) -> None:
    env, destinations = opened(manifest(name))
    run = killed_while_publishing(env, destinations)
    assert state(destinations, run) is RunState.PUBLISHING
    dies_before_current_moves.undo()
    assert env.finalize(destinations, run) == ["publish"]
    assert state(destinations, run) is RunState.COMPLETED
    assert env.finalize(destinations, run) == []


def test_the_next_command_rolls_forward_into_the_destinations_of_that_run(
    name: str,
    opened: Opened,
    database: Connection,
    dies_before_current_moves: pytest.MonkeyPatch,
) -> None:
    env, destinations = opened(manifest(name, parquet={"prefix": f"{name}/old"}))
    run = killed_while_publishing(env, destinations)
    dies_before_current_moves.undo()
    edited = manifest(name, tables=[PEOPLE], parquet={"prefix": f"{name}/new"}, seed=7)
    other, elsewhere = opened(edited)
    prepared = other.prepare(elsewhere)
    assert prepared.rolled_forward == (1,)
    assert prepared.run.number == 2
    assert state(destinations, run) is RunState.COMPLETED
    assert destinations.lake is not None
    assert destinations.lake.published(run)
    assert elsewhere.lake is not None
    assert elsewhere.lake.current() is None
    assert count(database, name, "orders") == 2_500


def test_a_bucket_that_the_manifest_left_behind_without_its_login_is_asked_back(
    name: str, opened: Opened, dies_before_current_moves: pytest.MonkeyPatch
) -> None:
    env, destinations = opened(manifest(name))
    run = killed_while_publishing(env, destinations)
    other, without = opened(manifest(name, parquet=None))
    with pytest.raises(DestinationRefused, match="put the manifest of that run back") as refusal:
        other.prepare(without)
    assert refusal.value.reason == "OutOfReach"
    assert state(destinations, run) is RunState.PUBLISHING


def test_a_newer_run_clears_what_an_unfinished_one_left_in_another_prefix(
    name: str, opened: Opened
) -> None:
    env, destinations = opened(manifest(name, parquet={"prefix": f"{name}/old"}))
    run = env.prepare(destinations).run
    env.load(destinations, run)
    assert destinations.lake is not None
    assert list(destinations.lake.bucket.uploads(f"{name}/old"))
    other, elsewhere = opened(manifest(name, parquet={"prefix": f"{name}/new"}))
    assert other.prepare(elsewhere, mode=Mode.RESTART).run.number == 2
    assert not list(destinations.lake.bucket.uploads(f"{name}/old"))
    assert state(destinations, run) is RunState.ABORTED


def test_tables_of_an_edited_manifest_replace_all_of_the_old(
    name: str, opened: Opened, database: Connection
) -> None:
    env, destinations = opened(manifest(name))
    env.complete(destinations)
    edited, same = opened(manifest(name, tables=[PEOPLE, {**ORDERS, "name": "bills"}]))
    run = edited.complete(same)
    assert run.number == 2
    names = database.execute(
        "SELECT table_name FROM information_schema.tables WHERE table_schema = %s ORDER BY 1",
        (name,),
    ).fetchall()
    assert names == [("bills",), ("people",)]


def test_a_half_published_run_whose_bucket_is_gone_can_still_be_deleted(
    name: str,
    opened: Opened,
    servers: EmbeddedServers,
    dies_before_current_moves: pytest.MonkeyPatch,
) -> None:
    bucket = f"gone-{name}".replace("_", "-")
    env, destinations = opened(manifest(name, tables=[PEOPLE], parquet={"bucket": bucket}))
    run = killed_while_publishing(env, destinations)
    assert state(destinations, run) is RunState.PUBLISHING
    dies_before_current_moves.undo()
    _remove_bucket(servers, bucket)
    purge.delete(destinations)
    assert destinations.ledger.runs.of(destinations.owner) == []


def _remove_bucket(servers: EmbeddedServers, bucket: str) -> None:
    known = exports(servers)
    client = boto3.client(
        "s3",
        endpoint_url=known["AWS_ENDPOINT_URL"],
        aws_access_key_id=known["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=known["AWS_SECRET_ACCESS_KEY"],
        region_name=known["AWS_REGION"],
    )
    for found in client.list_objects_v2(Bucket=bucket).get("Contents", []):
        client.delete_object(Bucket=bucket, Key=found["Key"])
    client.delete_bucket(Bucket=bucket)
