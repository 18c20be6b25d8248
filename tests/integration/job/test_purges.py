"""A purge tells what it found, removed and left; what was written and is not found is a failure."""

import json
import signal
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, closing

import pytest

from rowmill.destinations.credentials import KnownCredentials
from rowmill.destinations.errors import DestinationUnavailable
from rowmill.destinations.lake.lake import Emptied, Lake
from rowmill.destinations.ledger import Ledger
from rowmill.destinations.s3.bucket import Bucket
from rowmill.destinations.s3.client import S3Address
from rowmill.local.home import Home
from rowmill.local.servers.embedded import down, exports, up
from rowmill.plan.pod_contract import PodEnvironment
from rowmill.plan.purging import Written
from rowmill.spec.cluster import Defaults, on_cluster
from rowmill.spec.load import load_spec
from rowmill.worker.destinations import Connections, Destinations, open_destinations
from rowmill.worker.removal.purge import delete, purge, reset
from rowmill.worker.removal.removed import Purged
from rowmill.worker.shard import Stopped
from tests.integration.experiments import PEOPLE, Connection, Manifest, count
from tests.integration.job.job_env import ENGINE, NAMESPACE, Ended, Pods

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
    return PodEnvironment({}, Written(1, ended.message["run"])).variables()


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


@pytest.fixture
def destinations_of(reach: Connections) -> Iterator[Callable[[Manifest], Destinations]]:
    """Joins a manifest's destinations as the pods of its Experiment do."""
    with ExitStack() as opened:

        def join_those_of(wanted: Manifest) -> Destinations:
            spec = on_cluster(load_spec("manifest", text=json.dumps(wanted)), NAMESPACE, Defaults())
            return opened.enter_context(closing(open_destinations(spec, reach)))

        yield join_those_of


def test_a_purge_that_is_told_to_stop_leaves_the_next_what_to_tell_of(
    pods: Pods,
    content: Callable[..., Manifest],
    ledger: Ledger,
    destinations_of: Callable[[Manifest], Destinations],
) -> None:
    wanted = content(tables=[PEOPLE])
    published = pods.complete(wanted)

    def stop(_: Purged) -> None:
        raise Stopped

    with pytest.raises(Stopped):
        purge(destinations_of(wanted), "uid-1", Written(1, published.message["run"]), stop)
    purged = pods.run("purge", env=told(published))
    assert (purged.code, purged.message["purged"]) == (0, "removed"), purged.log
    assert purged.message["message"] == "removed 1 table (2,500 rows), 1 object"
    assert purged.message["removed"] == {"tables": 1, "rows": 2_500, "objects": 1}
    assert ledger.runs.owners() == []


def cut(monkeypatch: pytest.MonkeyPatch, *, after: bool) -> None:
    """The bucket is out of reach once: before or after the objects are removed."""
    remove = Lake.remove

    def fail(lake: Lake) -> Emptied:
        if after:
            remove(lake)
        raise DestinationUnavailable("it does not answer")

    monkeypatch.setattr(Lake, "remove", fail)


@pytest.mark.parametrize("command", ["purge", "delete", "reset"])
def test_a_removal_that_was_cut_after_the_tables_went_tells_of_them_at_its_next_try(
    pods: Pods,
    content: Callable[..., Manifest],
    destinations_of: Callable[[Manifest], Destinations],
    monkeypatch: pytest.MonkeyPatch,
    command: str,
) -> None:
    wanted = content(tables=[PEOPLE])
    written = Written(1, pods.complete(wanted).message["run"])
    pods.bundle({**wanted, "spec": {**wanted["spec"], "seed": 2}}, number=2)
    assert pods.run("shard", 0).code == 0
    destinations = destinations_of(wanted)

    def remove() -> str:
        if command == "purge":
            return purge(destinations, "uid-1", written, lambda purged: None).message
        return str((delete if command == "delete" else reset)(destinations))

    with monkeypatch.context() as patched:
        cut(patched, after=False)
        with pytest.raises(DestinationUnavailable):
            remove()
    assert remove() == ("removed 1 table (2,500 rows), 1 object, the work of 1 unfinished run")
    if command == "reset":
        assert remove() == "there was no data to remove"


def test_a_table_that_stays_is_told_by_the_next_try_as_well(
    name: str,
    pods: Pods,
    content: Callable[..., Manifest],
    database: Connection,
    destinations_of: Callable[[Manifest], Destinations],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    wanted = content(tables=[PEOPLE])
    published = pods.complete(wanted)
    database.execute(f"ALTER TABLE {name}.people RENAME TO persons")
    with monkeypatch.context() as patched:
        cut(patched, after=False)
        with pytest.raises(DestinationUnavailable):
            reset(destinations_of(wanted))
    purged = pods.run("purge", env=told(published))
    assert purged.message["purged"] == "partly", purged.log
    assert purged.message["message"] == (
        f'removed 1 object (2,500 rows); left: "{name}"."persons", '
        "of which the name or the comment was changed since it was published"
    )


@pytest.mark.parametrize("postgres", [{}, None], ids=["both", "bucket"])
def test_objects_that_went_in_a_try_that_was_cut_are_not_told_as_lost(
    pods: Pods,
    content: Callable[..., Manifest],
    destinations_of: Callable[[Manifest], Destinations],
    monkeypatch: pytest.MonkeyPatch,
    postgres: dict[str, str] | None,
) -> None:
    wanted = content(tables=[PEOPLE], **({"postgres": None} if postgres is None else {}))
    published = pods.complete(wanted)
    with monkeypatch.context() as patched:
        cut(patched, after=True)
        with pytest.raises(DestinationUnavailable):
            delete(destinations_of(wanted))
    purged = pods.run("purge", env=told(published))
    assert (purged.code, purged.message["purged"]) == (0, "removed"), purged.log
    removed = "removed 1 table (2,500 rows)" if postgres is not None else None
    assert purged.message["message"] == (
        f"{removed or 'there was no data left to remove'}; "
        "1 object of 1 removed by a try that was cut, or not there before"
    )


@pytest.mark.parametrize("end", [signal.SIGKILL, signal.SIGTERM])
def test_a_pod_that_is_ended_while_its_records_go_has_told_what_it_removed(
    name: str,
    pods: Pods,
    content: Callable[..., Manifest],
    database: Connection,
    ledger: Ledger,
    end: signal.Signals,
) -> None:
    """Its records may go all the same: then nothing else knows that it was purged."""
    published = pods.complete(content(tables=[PEOPLE]))
    with database.transaction():
        database.execute(f"SELECT FROM {name}_ledger.experiments FOR UPDATE")
        pod = pods.start("purge", env=told(published))
        pod.wait_until(
            lambda: pod.termination_log.exists() and bool(pod.termination_log.read_text())
        )
        pod.process.send_signal(end)
        if end == signal.SIGKILL:
            pod.process.wait(60)
    ended = pod.end()
    assert ended.code == (-9 if end == signal.SIGKILL else 143)
    assert ended.message["purged"] == "removed"
    assert ended.message["message"] == "removed 1 table (2,500 rows), 1 object"
    if end == signal.SIGTERM:
        assert ledger.runs.owners() == []


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
