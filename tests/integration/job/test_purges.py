"""A purge tells what it found, removed and left; what was written and is not found is a failure."""

import json
from collections.abc import Callable, Iterator, Mapping

import pytest

from rowmill.destinations.credentials import KnownCredentials
from rowmill.destinations.ledger import Ledger
from rowmill.destinations.s3.bucket import Bucket
from rowmill.destinations.s3.client import S3Address
from rowmill.local.home.folder import Home
from rowmill.local.servers.embedded import down, exports, up
from rowmill.plan.pod_contract import PodEnvironment
from rowmill.plan.pod_report import PurgeReport
from rowmill.plan.purging import PurgeEnd, Written
from tests.integration.experiments import PEOPLE, Connection, Manifest, count
from tests.integration.job.job_env import ENGINE, NAMESPACE, Pods, told

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
    assert ledger.runs.owners() == [f"{ENGINE}/{NAMESPACE}/{name}"]


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


def test_a_restored_experiment_does_not_purge_what_was_published_since_its_backup(
    name: str, pods: Pods, content: Callable[..., Manifest], database: Connection
) -> None:
    """Its uid is another than the ledger has, and its status names a run that was replaced."""
    first = pods.publish(content(tables=[PEOPLE]))
    second = pods.publish(content(tables=[PEOPLE], seed=2), number=2)
    pods.bundle(content(tables=[PEOPLE]), uid="uid-2")
    purged = pods.outcome("purge", Written(1, first.run))
    assert purged.purged == PurgeReport(PurgeEnd.TAKEN)
    assert purged.message == (
        f"run 2 of {ENGINE}/{NAMESPACE}/{name} was published since run 1, by which this Experiment "
        "knows its data: nothing was removed"
    )
    assert count(database, name, "people") == 2_500
    purged = pods.outcome("purge", Written(2, second.run))
    assert purged.purged == PurgeReport(PurgeEnd.REMOVED, 1, 2_500, 1), "of a backup of now"


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
    rows = PodEnvironment({}, Written(1)).variables()
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
    purged = pods.run("purge", env=PodEnvironment({}, Written(1)).variables())
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
        "there was no data left to remove; 1 table of 1 not there or not its own any more; "
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


@pytest.mark.parametrize("done", ["nothing", "a shard"])
def test_an_experiment_that_was_taken_over_is_purged_also_before_its_new_run_is_published(
    name: str,
    pods: Pods,
    content: Callable[..., Manifest],
    database: Connection,
    bucket: Bucket,
    ledger: Ledger,
    done: str,
) -> None:
    """By the plan, and so as the owner, of who took it over: all it has made is another's yet."""
    wanted = content(tables=[PEOPLE])
    published = pods.complete(wanted)
    former = f"{ENGINE}/{NAMESPACE}/{name}"
    pods.bundle(wanted, number=2, engine="heir", adopt=former)
    if done == "a shard":
        shard = pods.run("shard", 0)
        assert shard.code == 0, shard.log
    purged = pods.run("purge", env=told(published))
    assert (purged.code, purged.message["purged"]) == (0, "removed"), purged.log
    unfinished = ", the work of 1 unfinished run" if done == "a shard" else ""
    assert purged.message["message"] == f"removed 1 table (2,500 rows), 1 object{unfinished}"
    assert database.execute("SELECT to_regclass(%s)", (f"{name}.people",)).fetchone() == (None,)
    assert names(bucket, name) == []
    assert ledger.runs.owners() == []


def test_rows_of_a_run_before_a_takeover_are_removed_although_it_was_never_published(
    name: str, pods: Pods, content: Callable[..., Manifest], bucket: Bucket, ledger: Ledger
) -> None:
    wanted = content(tables=[PEOPLE])
    plan = pods.bundle(wanted)
    pods.run_shards(plan)
    pods.bundle(wanted, number=2, engine="heir", adopt=f"{ENGINE}/{NAMESPACE}/{name}")
    purged = pods.run("purge", env=PodEnvironment({}, Written(1)).variables())
    assert purged.message["message"] == "removed the work of 1 unfinished run", purged.log
    assert not list(bucket.uploads(f"{name}/"))
    assert ledger.runs.owners() == []


def test_a_takeover_of_what_is_another_experiments_purges_nothing_of_it(
    name: str, pods: Pods, content: Callable[..., Manifest], database: Connection
) -> None:
    """`adopt` is the user's word: what is removed is what the ledger has of this Experiment."""
    wanted = content(tables=[PEOPLE])
    pods.complete(wanted, uid="uid-before")
    pods.bundle(wanted, engine="heir", adopt=f"{ENGINE}/{NAMESPACE}/{name}")
    assert pods.run("purge").message["purged"] == "nothing"
    assert pods.run("purge", env=PodEnvironment({}, Written(1)).variables()).code == 65
    assert count(database, name, "people") == 2_500
