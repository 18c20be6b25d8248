"""How a pod ends when it cannot do its work: the exit code, the reason, and no secret in a word."""

import json
import signal
import uuid
from collections.abc import Callable, Iterator
from dataclasses import replace
from threading import Thread

import psutil
import pytest
from psycopg import sql

from rowmill.destinations.ledger import Ledger
from rowmill.destinations.postgres.ledger.advisory_locks import lock_key
from rowmill.plan.runs import RunState
from tests.integration.experiments import PEOPLE, Connection, Manifest
from tests.integration.gate import Gate
from tests.integration.job.job_env import ENGINE, NAMESPACE, Ended, Pods

MORE = {**PEOPLE, "name": "more", "rows": 12_000}
PATIENT = {"ROWMILL_LOGIN_SECONDS": "100"}


@pytest.fixture
def password(name: str, pods: Pods, database: Connection) -> Iterator[str]:
    """The password of a role of the test's own, by which its pods log in."""
    role, secret = sql.Identifier(name), f"s3cr3t-{uuid.uuid4().hex}'$\\x"
    database.execute(sql.SQL("CREATE ROLE {} SUPERUSER LOGIN PASSWORD {}").format(role, secret))
    pods.mount("postgres", {**pods.secrets["postgres"], "PGUSER": name, "PGPASSWORD": secret})
    yield secret
    pods.kill()
    database.execute(sql.SQL("REASSIGN OWNED BY {} TO CURRENT_USER").format(role))
    database.execute(sql.SQL("DROP ROLE {}").format(role))


def refused(ended: Ended, code: int, reason: str) -> str:
    """The message of a pod that ended as told, in the log as well."""
    assert (ended.code, ended.message["code"], ended.message["reason"]) == (code, code, reason), (
        ended.log
    )
    message: str = ended.message["message"]
    assert message.splitlines()[0] in ended.log
    return message


def test_a_bundle_that_this_image_cannot_run_is_final(
    pods: Pods, content: Callable[..., Manifest]
) -> None:
    plan = pods.bundle(content())
    pods.bundle(content(), plan=replace(plan, digest="sha256:other"))
    ended = pods.run("shard", 0)
    assert "sha256:other in the plan" in refused(ended, 64, "DigestDiffers")
    assert (ended.message["rows"], ended.message["shard"]) == (0, 0)


def test_a_shard_without_an_index_is_none(pods: Pods, content: Callable[..., Manifest]) -> None:
    pods.bundle(content())
    refused(pods.run("shard"), 64, "ShardUnknown")


def test_a_wrong_password_is_refused_after_its_patience_and_a_mended_one_goes_on(
    pods: Pods, content: Callable[..., Manifest], password: str
) -> None:
    wrong = f"wr0ng-{uuid.uuid4().hex}"
    known = {**pods.secrets["postgres"], "PGUSER": "nobody", "PGPASSWORD": wrong}
    pods.bundle(content(tables=[PEOPLE], parquet=None))
    pods.mount("postgres", known)
    ended = pods.run("shard", 0)
    message = refused(ended, 65, "CredentialsRefused")
    assert "Check PGUSER and PGPASSWORD in the secret" in message
    assert "trying again for another" in ended.log
    assert wrong not in ended.log + json.dumps(ended.message)
    pods.mount("postgres", pods.secrets["postgres"])
    assert pods.run("shard", 0).code == 0


def test_wrong_keys_of_the_bucket_are_refused_after_their_patience(
    pods: Pods, content: Callable[..., Manifest]
) -> None:
    wrong = f"wr0ng-{uuid.uuid4().hex}"
    pods.mount("parquet", {**pods.secrets["parquet"], "AWS_SECRET_ACCESS_KEY": wrong})
    pods.bundle(content(tables=[PEOPLE], postgres=None))
    ended = pods.run("shard", 0)
    refused(ended, 65, "CredentialsRefused")
    assert wrong not in ended.log + json.dumps(ended.message)


@pytest.mark.parametrize("missing", ["PGHOST", "AWS_SECRET_ACCESS_KEY"])
def test_a_missing_key_of_a_secret_is_named(
    pods: Pods, content: Callable[..., Manifest], missing: str
) -> None:
    pods.bundle(content(tables=[PEOPLE]))
    for destination, values in pods.secrets.items():
        pods.mount(destination, {k: v for k, v in values.items() if k != missing})
    assert f"has no {missing}" in refused(pods.run("shard", 0), 65, "SecretMissing")


def test_a_missing_secret_and_none_at_all_are_told_apart(
    pods: Pods, content: Callable[..., Manifest]
) -> None:
    pods.secrets = {}
    pods.bundle(content(tables=[PEOPLE]))
    told = refused(pods.run("shard", 0), 65, "SecretMissing")
    assert "'warehouse' is not mounted" in told
    pods.bundle(content(tables=[PEOPLE], postgres={}))
    told = refused(pods.run("purge"), 65, "SecretMissing")
    assert "spec.destinations.postgres names no Secret" in told


def test_a_password_rotated_in_mid_run_is_survived_and_never_shown(
    name: str,
    pods: Pods,
    content: Callable[..., Manifest],
    password: str,
    database: Connection,
    gate: Gate,
    ledger: Ledger,
) -> None:
    pods.bundle(content(tables=[MORE], parquet=None))
    gate.close_after(f"{name}_ledger", 3)
    pod = pods.start("shard", 0, PATIENT)
    pod.wait_until(lambda: gate.waiting(f"{name}_ledger"))
    fresh = f"n3w-{uuid.uuid4().hex}"
    role = sql.Identifier(name)
    database.execute(sql.SQL("ALTER ROLE {} PASSWORD {}").format(role, fresh))
    database.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = %s", (name,)
    )
    gate.open()
    pod.wait_until(lambda: "password authentication failed" in pod.log.read_text())
    assert pod.metric("rowmill_worker_retries_total")["postgres"] > 0
    said = [pod.get("/metrics"), pod.get("/progress")]
    pods.mount("postgres", {**pods.secrets["postgres"], "PGUSER": name, "PGPASSWORD": fresh})
    ended = pod.end()
    assert ended.code == 0, ended.log
    assert ended.message["rows"] == 12_000
    said += [ended.log, json.dumps(ended.message)]
    said += [str(row) for row in database.execute(f"SELECT r::text FROM {name}_ledger.runs r")]
    secrets = [password, fresh, pods.secrets["parquet"]["AWS_SECRET_ACCESS_KEY"]]
    assert [(text, secret) for secret in secrets for text in said if secret in text] == []


def test_a_told_pod_stops_at_the_next_batch_and_the_next_one_goes_on(
    name: str, pods: Pods, content: Callable[..., Manifest], gate: Gate
) -> None:
    pods.bundle(content(tables=[MORE], parquet=None))
    gate.close_after(f"{name}_ledger", 3)
    pod = pods.start("shard", 0)
    pod.wait_until(lambda: gate.waiting(f"{name}_ledger"))
    pod.process.send_signal(signal.SIGTERM)
    gate.open()
    ended = pod.end()
    refused(ended, 143, "Terminated")
    landed = gate.done(f"{name}_ledger")
    assert 3 <= landed < 12
    assert ended.message["rows"] == landed * 1_000
    assert gate.states(f"{name}_ledger") == ["RUNNING"]
    assert pods.run("shard", 0).message["rows"] == 12_000


def test_a_told_pod_that_waits_for_a_server_ends_all_the_same(
    name: str, pods: Pods, content: Callable[..., Manifest], gate: Gate
) -> None:
    pods.bundle(content(tables=[MORE], parquet=None))
    gate.close_after(f"{name}_ledger", 3)
    pod = pods.start("shard", 0)
    pod.wait_until(lambda: gate.waiting(f"{name}_ledger"))
    pod.process.send_signal(signal.SIGTERM)
    # The gate stays closed: its transaction never ends by itself.
    refused(pod.end(), 143, "Terminated")


def test_a_pod_that_is_told_to_stop_as_it_starts_prepares_nothing(
    name: str, pods: Pods, content: Callable[..., Manifest], gate: Gate
) -> None:
    pods.bundle(content(tables=[PEOPLE]))
    pod = pods.start("shard", 0)
    # The thread that works begins by importing what it needs.
    pod.wait_until(lambda: psutil.Process(pod.process.pid).num_threads() > 1)
    pod.process.send_signal(signal.SIGTERM)
    refused(pod.end(), 143, "Terminated")
    assert gate.states(f"{name}_ledger") == []


def test_a_server_that_is_down_is_waited_for_and_a_stop_is_heard_meanwhile(
    pods: Pods, content: Callable[..., Manifest]
) -> None:
    pods.mount("postgres", {**pods.secrets["postgres"], "PGHOST": "127.0.0.1", "PGPORT": "1"})
    pods.bundle(content(tables=[PEOPLE], parquet=None))
    pod = pods.start("shard", 0)
    pod.wait_until(lambda: "connection refused; trying again" in pod.log.read_text())
    assert pod.progress()["notice"] == "Postgres at 127.0.0.1:1: connection refused; trying again"
    assert pod.metric("rowmill_worker_retries_total")["postgres"] > 0
    pod.process.send_signal(signal.SIGTERM)
    refused(pod.end(), 143, "Terminated")


def test_a_stale_pod_writes_nothing_and_says_what_took_its_place(
    name: str, pods: Pods, content: Callable[..., Manifest], ledger: Ledger
) -> None:
    pods.bundle(content(tables=[PEOPLE], seed=1), number=2)
    assert pods.run("shard", 0).code == 0
    pods.bundle(content(tables=[PEOPLE]), number=1)
    for task, shard in (("shard", 0), ("finalize", None)):
        assert "run 2 was begun since" in refused(pods.run(task, shard), 70, "Fenced")
    [run] = ledger.runs.of(f"{ENGINE}/{NAMESPACE}/{name}")
    assert (run.number, run.state) == (2, RunState.RUNNING)


def test_a_run_that_ends_while_a_pod_works_fences_it(
    name: str,
    pods: Pods,
    content: Callable[..., Manifest],
    gate: Gate,
    ledger: Ledger,
    database: Connection,
) -> None:
    pods.bundle(content(tables=[MORE], parquet=None))
    gate.close_after(f"{name}_ledger", 3)
    pod = pods.start("shard", 0)
    pod.wait_until(lambda: gate.waiting(f"{name}_ledger"))
    [run] = ledger.runs.of(f"{ENGINE}/{NAMESPACE}/{name}")
    ended: list[bool] = []
    running = frozenset({RunState.RUNNING})
    # Waits for the batch at the gate, and lets none in after it.
    abort = Thread(
        target=lambda: ended.append(ledger.runs.transition(run.id, running, RunState.ABORTED))
    )
    abort.start()
    pod.wait_until(lambda: _fence_waits(database, run.id))
    gate.open()
    abort.join()
    assert ended == [True]
    assert "nothing was written" in refused(pod.end(), 70, "Fenced")
    assert gate.done(f"{name}_ledger") == 4


def test_a_pod_ends_well_only_if_the_ledger_has_all_of_its_shard(
    name: str, pods: Pods, content: Callable[..., Manifest], ledger: Ledger
) -> None:
    plan = pods.bundle(content(parquet=None))
    assert pods.run("shard", 0).code == 0
    [run] = ledger.runs.of(f"{ENGINE}/{NAMESPACE}/{name}")
    # As no finalize would: shard 1 was never made.
    assert ledger.runs.transition(run.id, frozenset({RunState.RUNNING}), RunState.FINALIZING)
    late = pods.run("shard", 0)
    assert (late.code, late.message["rows"]) == (0, 2_500)
    told = refused(pods.run("shard", 1), 70, "Fenced")
    assert "is FINALIZING, yet orders part 0 is not all in the ledger" in told
    beyond = pods.run("shard", plan.shards)
    assert (beyond.code, beyond.message["rows"]) == (0, 0)


def _fence_waits(database: Connection, run_id: str) -> bool:
    """Whether somebody waits to change the run's state."""
    row = database.execute(
        "SELECT EXISTS (SELECT FROM pg_locks WHERE locktype = 'advisory' AND NOT granted "
        "AND mode = 'ExclusiveLock' AND (classid::bigint << 32) | objid::bigint = %s::bigint)",
        (lock_key("run", run_id),),
    ).fetchone()
    return row == (True,)
