"""A purge tells what it found, removed and left; what was written and is not found is a failure."""

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing

import pytest
from experiments import PEOPLE, Connection, Manifest, count
from job_bed import ENGINE, NAMESPACE, Ended, Pods

from rowmill.destinations.bucket import Bucket
from rowmill.destinations.credentials import KnownCredentials
from rowmill.destinations.ledger import Ledger
from rowmill.destinations.s3_client import S3Address
from rowmill.local.embedded import down, exports, up
from rowmill.local.home import Home
from rowmill.plan.purging import WRITTEN, Written
from rowmill.spec.cluster import Defaults, on_cluster
from rowmill.spec.load import load_spec
from rowmill.worker.destinations import Connections, join
from rowmill.worker.purge import purge
from rowmill.worker.shard import Stopped

BUCKET = "rowmill"


@pytest.fixture(scope="module")
def elsewhere(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """The variables of another Postgres and another S3, which know nothing of the experiment."""
    home = Home(tmp_path_factory.mktemp("elsewhere"))
    yield exports(up(home))
    down(home)


@pytest.fixture
def bucket(known: Mapping[str, str]) -> Iterator[Bucket]:
    made = Bucket(S3Address(KnownCredentials(known)), BUCKET)
    yield made
    made.close()


def told(ended: Ended) -> dict[str, str]:
    """What the environment of a purge says once this run is published."""
    return {WRITTEN: Written(1, ended.message["run"]).to_text()}


def lead(pods: Pods, destination: str, values: Mapping[str, str]) -> None:
    """Mount the Secret of a destination with these values of another server."""
    secret = pods.secrets[destination]
    pods.mount(destination, {key: values[key] for key in secret})


def names(bucket: Bucket, name: str) -> list[str]:
    return [found.key for found in bucket.list(f"{name}/")]


@pytest.mark.parametrize("astray", ["postgres", "parquet"])
def test_a_secret_that_leads_elsewhere_is_refused_until_it_is_set_back(
    name: str,
    pods: Pods,
    content: Callable[..., Manifest],
    database: Connection,
    bucket: Bucket,
    elsewhere: dict[str, str],
    known: dict[str, str],
    astray: str,
) -> None:
    published = pods.complete(content(tables=[PEOPLE]))
    before = names(bucket, name)
    lead(pods, astray, elsewhere)
    refused = pods.run("purge", env=told(published))
    assert (refused.code, refused.message["reason"]) == (65, "DataNotFound"), refused.log
    message = refused.message["message"]
    assert f"{ENGINE}/{NAMESPACE}/{name}" in message
    assert "skip-purge" in message
    place = {"postgres": elsewhere["PGPORT"], "parquet": elsewhere["AWS_ENDPOINT_URL"]}
    assert place[astray] in message
    secrets = [elsewhere["PGPASSWORD"], elsewhere["AWS_SECRET_ACCESS_KEY"]]
    assert [secret for secret in secrets if secret in refused.log] == []
    assert count(database, name, "people") == 2_500
    assert names(bucket, name) == before
    lead(pods, astray, known)
    purged = pods.run("purge", env=told(published))
    assert purged.code == 0
    assert purged.message["purged"] == "removed"
    assert purged.message["removed"] == {"tables": 1, "rows": 2_500, "objects": 1}
    assert names(bucket, name) == []


def test_a_bucket_alone_that_is_elsewhere_is_refused_as_well(
    pods: Pods, content: Callable[..., Manifest], elsewhere: dict[str, str], known: dict[str, str]
) -> None:
    published = pods.complete(content(tables=[PEOPLE], postgres=None))
    lead(pods, "parquet", elsewhere)
    assert pods.run("purge", env=told(published)).message["reason"] == "DataNotFound"
    lead(pods, "parquet", known)
    assert pods.run("purge", env=told(published)).message["removed"]["objects"] == 1


def test_data_of_an_experiment_of_this_name_in_another_database_stays(
    name: str,
    pods: Pods,
    content: Callable[..., Manifest],
    ledger: Ledger,
    elsewhere: dict[str, str],
    known: dict[str, str],
) -> None:
    """Such as was made there before the Secret led to where the Experiment published."""
    wanted = content(tables=[PEOPLE], parquet=None)
    lead(pods, "postgres", elsewhere)
    theirs = pods.complete(wanted, uid="uid-before")
    lead(pods, "postgres", known)
    published = pods.complete(wanted)
    lead(pods, "postgres", elsewhere)
    refused = pods.run("purge", env=told(published))
    assert (refused.code, refused.message["reason"]) == (65, "DataNotFound"), refused.log
    pods.bundle(wanted, uid="uid-before")
    assert pods.run("purge", env=told(theirs)).message["removed"]["tables"] == 1
    assert ledger.owners() == [f"{ENGINE}/{NAMESPACE}/{name}"]


def test_an_experiment_that_wrote_nothing_has_nothing_to_be_found(
    pods: Pods, content: Callable[..., Manifest]
) -> None:
    pods.bundle(content(tables=[PEOPLE]))
    purged = pods.run("purge")
    assert (purged.code, purged.message["purged"]) == (0, "nothing")
    assert "no run of it is known to have written" in purged.message["message"]


def test_a_purge_after_a_repeat_removes_what_the_experiment_before_had_made(
    pods: Pods, content: Callable[..., Manifest]
) -> None:
    pods.complete(content(tables=[PEOPLE]))
    repeat = pods.complete(content(tables=[PEOPLE]), uid="uid-2")
    assert repeat.message["repeat"]
    purged = pods.run("purge", env=told(repeat))
    assert purged.message["removed"] == {"tables": 1, "rows": 2_500, "objects": 1}


def test_an_unfinished_run_is_removed_where_the_ledger_knows_it_and_else_missed(
    name: str,
    pods: Pods,
    content: Callable[..., Manifest],
    bucket: Bucket,
    elsewhere: dict[str, str],
    known: dict[str, str],
) -> None:
    plan = pods.bundle(content(tables=[PEOPLE]))
    assert {ended.code for ended in pods.run_shards(plan)} == {0}
    assert list(bucket.uploads(f"{name}/"))
    rows = {WRITTEN: Written(1).to_text()}
    lead(pods, "postgres", elsewhere)
    assert pods.run("purge", env=rows).message["reason"] == "DataNotFound"
    lead(pods, "postgres", known)
    purged = pods.run("purge", env=rows)
    assert purged.message["message"] == "removed the work of 1 unfinished run"
    assert not list(bucket.uploads(f"{name}/"))


def test_uploads_that_a_bucket_rule_dropped_are_told(
    name: str, pods: Pods, content: Callable[..., Manifest], bucket: Bucket
) -> None:
    plan = pods.bundle(content(tables=[PEOPLE, {**PEOPLE, "name": "persons"}]))
    pods.run_shards(plan)
    for key, upload_id in list(bucket.uploads(f"{name}/")):
        bucket.abort_upload(key, upload_id)
    purged = pods.run("purge", env={WRITTEN: Written(1).to_text()})
    assert purged.message["message"] == (
        "removed the work of 1 unfinished run; "
        "2 unfinished uploads of 2 not there or not its own any more"
    )


def test_what_was_lost_before_is_told_and_no_obstacle(
    name: str,
    pods: Pods,
    content: Callable[..., Manifest],
    database: Connection,
    bucket: Bucket,
) -> None:
    published = pods.complete(content(tables=[PEOPLE]))
    for key in names(bucket, name):
        bucket.delete(key)
    database.execute(f"DROP TABLE {name}.people")
    purged = pods.run("purge", env=told(published))
    assert purged.code == 0, purged.log
    assert purged.message["message"] == (
        "there was no data to remove; 1 table of 1 not there or not its own any more; "
        "1 object of 1 not there or not its own any more"
    )


def test_what_is_not_its_own_any_more_is_left_and_named(
    name: str,
    pods: Pods,
    content: Callable[..., Manifest],
    database: Connection,
    bucket: Bucket,
) -> None:
    published = pods.complete(content(tables=[PEOPLE]))
    database.execute(f"ALTER TABLE {name}.people RENAME TO persons")
    other = json.dumps({"owner": "somebody/else/here", "adopted": [f"{ENGINE}/{NAMESPACE}/{name}"]})
    bucket.put(f"{name}/_rowmill/owner.json", other.encode())
    purged = pods.run("purge", env=told(published))
    assert (purged.code, purged.message["purged"]) == (0, "partly"), purged.log
    assert f'"{name}"."persons"' in purged.message["message"]
    assert "'somebody/else/here'" in purged.message["message"]
    assert count(database, name, "persons") == 2_500
    assert [key for key in names(bucket, name) if key.endswith(".parquet")]


def test_a_purge_that_is_told_to_stop_leaves_the_next_what_to_tell_of(
    pods: Pods, content: Callable[..., Manifest], ledger: Ledger, reach: Connections
) -> None:
    wanted = content(tables=[PEOPLE])
    published = pods.complete(wanted)

    def stop() -> None:
        raise Stopped

    spec = on_cluster(load_spec("manifest", text=json.dumps(wanted)), NAMESPACE, Defaults())
    written = Written(1, published.message["run"])
    with closing(join(spec, reach)) as destinations, pytest.raises(Stopped):
        purge(destinations, "uid-1", written, stop)
    purged = pods.run("purge", env=told(published))
    assert (purged.code, purged.message["purged"]) == (0, "removed"), purged.log
    assert purged.message["message"] == "there was no data to remove"
    assert ledger.owners() == []
