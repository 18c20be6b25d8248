"""A pod compares a published run with its rows made again; a difference is an answer as well."""

import json
from collections.abc import Callable, Iterator, Mapping

import pytest
from psycopg import sql

from rowmill.destinations.credentials import KnownCredentials
from rowmill.destinations.ledger import Ledger
from rowmill.destinations.s3.bucket import Bucket
from rowmill.destinations.s3.client import S3Address
from rowmill.plan.pod_contract import ExitCode
from rowmill.plan.pod_report import VerifyReport
from rowmill.worker.shard import Stopped
from rowmill_job.outcome import Outcome
from rowmill_job.tasks import run_verify
from tests.integration.experiments import PEOPLE, Connection, Manifest
from tests.integration.job.job_env import Pods


@pytest.fixture
def bucket(known: Mapping[str, str]) -> Iterator[Bucket]:
    made = Bucket(S3Address(KnownCredentials(known)), "rowmill")
    yield made
    made.close()


@pytest.fixture
def reading_login(
    name: str, pods: Pods, database: Connection, ledger: Ledger
) -> Iterator[dict[str, str]]:
    """The Secret of a role that may read the experiment's tables and ledger, and nothing else."""
    role = sql.Identifier(name)
    database.execute(sql.SQL("CREATE ROLE {} LOGIN PASSWORD 'reader'").format(role))
    for schema in (name, f"{name}_ledger"):
        for text in (
            "CREATE SCHEMA IF NOT EXISTS {}",
            "GRANT USAGE ON SCHEMA {} TO {role}",
            "GRANT SELECT ON ALL TABLES IN SCHEMA {} TO {role}",
            "ALTER DEFAULT PRIVILEGES IN SCHEMA {} GRANT SELECT ON TABLES TO {role}",
        ):
            database.execute(sql.SQL(text).format(sql.Identifier(schema), role=role))
    yield {**pods.secrets["postgres"], "PGUSER": name, "PGPASSWORD": "reader"}
    database.execute(sql.SQL("DROP OWNED BY {}").format(role))
    database.execute(sql.SQL("DROP ROLE {}").format(role))


def verified(outcome: Outcome) -> VerifyReport:
    """What a verify reports that came to an answer."""
    assert outcome.verified is not None, outcome
    assert (outcome.code, outcome.reason) == (ExitCode.DONE, "Done")
    return outcome.verified


def refused(outcome: Outcome) -> str:
    """The message of a pod whose run is not the published one."""
    assert (outcome.code, outcome.reason) == (ExitCode.REFUSED, "NotPublished"), outcome
    assert outcome.verified is None
    return outcome.message


def test_a_run_that_is_as_it_was_published_is_identical_and_its_checksum_told(
    pods: Pods, content: Callable[..., Manifest]
) -> None:
    published = pods.publish(content())
    ended = pods.run("verify")
    assert (ended.code, ended.message["message"]) == (
        0,
        "run 1 is identical in every destination: 5,000 rows made again",
    ), ended.log
    found = ended.message["verified"]
    checksum = found.pop("checksum")
    assert found == {"id": published.run, "identical": True, "rows": 5_000, "differences": 0}
    # The same data elsewhere has the same checksum.
    other = content()
    other["metadata"]["name"] += "-other"
    pods.publish(other)
    assert verified(pods.outcome("verify")).checksum == checksum


def test_one_changed_cell_is_told_with_its_place_and_without_its_value(
    name: str, pods: Pods, content: Callable[..., Manifest], database: Connection
) -> None:
    pods.publish(content(tables=[PEOPLE]))
    before = verified(pods.outcome("verify"))
    database.execute(f"UPDATE {name}.people SET name = 'somebody-real' WHERE id = 7")
    ended = pods.run("verify")
    assert ended.code == 0, ended.log
    found = ended.message["verified"]
    assert (found["identical"], found["differences"]) == (False, 1)
    assert found["checksum"] == before.checksum
    where = found["where"]
    assert where.startswith(
        f'people in postgres: changed row 6 (batch 0, part 0) at "{name}"."people" ctid ('
    )
    assert where.endswith("), in name")
    assert ended.message["message"] == (
        f"run 1 differs: {where} (differing rows: 1; 2,500 rows made again)"
    )
    assert "somebody-real" not in ended.log


def test_an_object_that_is_gone_is_told_by_its_key(
    name: str, pods: Pods, content: Callable[..., Manifest], bucket: Bucket
) -> None:
    pods.publish(content(tables=[PEOPLE]))
    [key] = [found.key for found in bucket.list(f"{name}/people/")]
    bucket.delete(key)
    found = verified(pods.outcome("verify"))
    assert (found.identical, found.differences) == (False, 0)
    assert key in found.where


def test_a_run_that_was_replaced_is_refused_and_the_one_in_its_place_named(
    pods: Pods, content: Callable[..., Manifest]
) -> None:
    wanted = content(tables=[PEOPLE])
    pods.publish(wanted)
    second = pods.publish(content(tables=[PEOPLE], seed=2), number=2)
    pods.bundle(wanted)
    assert f"run 2 ({second.run}) is" in refused(pods.outcome("verify"))
    # Made anew with the same rows, it is still another run.
    pods.publish(wanted, number=3)
    pods.bundle(wanted)
    assert "run 3 (" in refused(pods.outcome("verify"))


def test_a_run_that_repeated_another_is_verified_by_the_data_of_that_one(
    pods: Pods, content: Callable[..., Manifest]
) -> None:
    first = pods.publish(content(tables=[PEOPLE]))
    assert pods.publish(content(tables=[PEOPLE]), uid="uid-2").repeat
    assert verified(pods.outcome("verify")).run == first.run


@pytest.mark.parametrize("state", ["none", "unfinished", "reset"])
def test_where_no_run_is_published_it_is_refused(
    pods: Pods, content: Callable[..., Manifest], ledger: Ledger, state: str
) -> None:
    pods.bundle(content(tables=[PEOPLE]))
    if state == "unfinished":
        assert pods.run("shard", 0).code == 0
    if state == "reset":
        pods.publish(content(tables=[PEOPLE]))
        assert pods.outcome("reset").code is ExitCode.DONE
    assert "is not the published one: no run of it is" in refused(pods.outcome("verify"))


def test_a_login_that_may_only_read_will_do(
    pods: Pods, content: Callable[..., Manifest], reading_login: dict[str, str]
) -> None:
    published = pods.publish(content(tables=[PEOPLE]))
    pods.mount("postgres", reading_login)
    found = verified(pods.outcome("verify"))
    assert (found.run, found.identical) == (published.run, True)


def test_it_shows_how_far_it_is_and_ends_when_it_is_told_to(
    pods: Pods, content: Callable[..., Manifest]
) -> None:
    published = pods.publish(content(tables=[PEOPLE]))
    pod = pods.in_this_process("verify", lambda text: None)
    assert run_verify(pod).verified is not None
    shown = json.loads(pod.board.progress())
    assert (shown["task"], shown["run"]) == ("verify", published.run)
    assert (shown["step"], shown["rows"]) == ("comparing people, 100 %", 0)
    pod.stop.set()
    with pytest.raises(Stopped):
        run_verify(pod)
