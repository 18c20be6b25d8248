"""Pods take an experiment from its bundle to published data, whatever happens to some of them."""

import json
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pytest

import rowmill
from rowmill.destinations.ledger import Ledger
from rowmill.destinations.postgres.ledger.postgres_ledger import PostgresLedger
from rowmill.destinations.s3.bucket import Bucket
from rowmill.destinations.s3.client import S3Address
from rowmill.local.servers.embedded import EmbeddedServers
from rowmill.plan.run_source import ClusterPart, Versions, source_of
from rowmill.spec.cluster import Defaults, ParquetDefault
from rowmill.version import VERSION
from rowmill_job.tasks import run_finalize
from tests.integration.experiments import PEOPLE, Connection, Manifest, count
from tests.integration.gate import Gate
from tests.integration.job.job_env import ENGINE, NAMESPACE, Pods

MORE = {**PEOPLE, "name": "more", "rows": 12_000}


@pytest.fixture
def reader(tmp_path: Path, known: dict[str, str]) -> Callable[[Manifest], rowmill.Experiment]:
    """Opens a manifest as somebody at a workstation does."""

    def load(content: Manifest) -> rowmill.Experiment:
        secret = tmp_path / "secret.env"
        secret.write_text("".join(f"{key}='{value}'\n" for key, value in known.items()))
        destinations = content["spec"]["destinations"].values()
        secrets = {each["secretName"]: secret for each in destinations if each}
        return rowmill.load("manifest", text=json.dumps(content), secrets=secrets)

    return load


def test_shards_and_finalize_make_the_very_data_of_the_local_engine(
    name: str,
    pods: Pods,
    content: Callable[..., Manifest],
    reader: Callable[[Manifest], rowmill.Experiment],
    ledger: Ledger,
) -> None:
    wanted = content()
    plan = pods.bundle(wanted)
    ended = pods.run_shards(plan)
    assert [pod.code for pod in ended] == [0] * plan.shards, ended
    assert [pod.message["shard"] for pod in ended] == list(range(plan.shards))
    assert sum(pod.message["rows"] for pod in ended) == plan.rows == 5_000
    for pod in ended:
        used = pod.message["used"]
        assert 0 < used["loadingCpuSeconds"] < used["cpuSeconds"]
    final = pods.run("finalize")
    assert final.code == 0, final.log
    [run] = ledger.runs.of(f"{ENGINE}/{NAMESPACE}/{name}")
    source = source_of(run)
    assert source is not None
    assert json.loads(source.manifest)["spec"] == wanted["spec"]
    assert source.cluster == ClusterPart(NAMESPACE, Defaults().to_json())
    assert source.versions == Versions(VERSION, pa.__version__, data=1)
    parts = ledger.work.pending_parts(run.id).values()
    checksum = final.message.pop("checksum")
    assert checksum.startswith("sha256:")
    used = final.message.pop("used")
    assert used["cpuSeconds"] > 0
    assert used["peakBytes"] > 2**20
    assert final.message == {
        "code": 0,
        "reason": "Done",
        "message": "run 1 is published",
        "rows": 5_000,
        "run": run.id,
        "repeat": False,
        "dataVersion": 1,
        "parquetTypes": "portable",
        "tables": {"people": 2_500, "orders": 2_500},
        "objects": len(parts),
        "bytes": sum(part.bytes for part in parts),
    }
    report = reader(wanted).verify()
    assert report.identical
    alone = f"{name}-alone"
    local = reader({**wanted, "metadata": {"name": alone}})
    local.run()
    assert local.verify().checksums == report.checksums


def test_a_killed_pod_is_followed_by_one_that_makes_the_rest(
    name: str, pods: Pods, content: Callable[..., Manifest], gate: Gate, database: Connection
) -> None:
    plan = pods.bundle(content(tables=[MORE], parquet=None))
    gate.close_after(f"{name}_ledger", 3)
    pod = pods.start("shard", 0)
    pod.wait_until(lambda: gate.waiting(f"{name}_ledger"))
    pod.process.kill()
    assert pod.end().code == -9
    gate.open()
    again = pods.run("shard", 0)
    assert again.code == 0, again.log
    assert again.message["rows"] == 12_000
    assert pods.run("finalize").code == 0
    assert count(database, name, "more") == 12_000
    assert plan.shards == 1


def test_twins_of_a_shard_and_of_finalize_do_no_harm(
    name: str,
    pods: Pods,
    content: Callable[..., Manifest],
    reader: Callable[[Manifest], rowmill.Experiment],
) -> None:
    wanted = content(tables=[MORE])
    pods.bundle(wanted)
    twins = [pods.start("shard", 0) for _ in range(2)]
    assert [(pod.code, pod.message["rows"]) for pod in [twin.end() for twin in twins]] == [
        (0, 12_000)
    ] * 2
    finals = [pod.end() for pod in [pods.start("finalize") for _ in range(2)]]
    assert [final.code for final in finals] == [0, 0], [final.log for final in finals]
    for final in finals:
        final.message.pop("used")
    assert finals[0].message == finals[1].message
    late = pods.run("shard", 0)
    assert (late.code, late.message["rows"]) == (0, 12_000)
    assert reader(wanted).verify().identical


def test_progress_and_metrics_tell_of_the_work_while_it_lasts(
    name: str, pods: Pods, content: Callable[..., Manifest], gate: Gate
) -> None:
    pods.bundle(content(tables=[MORE], parquet=None))
    gate.close_after(f"{name}_ledger", 6)
    pod = pods.start("shard", 0)
    pod.wait_until(lambda: gate.waiting(f"{name}_ledger") and gate.done(f"{name}_ledger") == 6)
    pod.wait_until(lambda: pod.progress()["rows"] == 6_000)
    shown = pod.progress()
    assert shown.pop("run")
    assert shown.pop("rowsPerSecond") > 0
    assert shown == {
        "task": "shard",
        "shard": 0,
        "rows": 6_000,
        "step": "",
        "notice": "",
        "tables": [{"name": "more", "rows": 6_000, "batchRows": 1_000, "batches": [[0, 6]]}],
    }
    assert pod.get("/healthz") == "ok\n"
    assert pod.metric("rowmill_worker_shard_rows") == {"": 6_000}
    rows = pod.metric("rowmill_worker_rows_total")
    assert (rows["copied"], rows["uploaded"]) == (6_000, 0)
    assert rows["generated"] > 6_000
    assert pod.metric("rowmill_worker_batches_total") == {"postgres": 6, "parquet": 0}
    assert pod.metric("rowmill_worker_bytes_total")["postgres"] > 6_000
    assert pod.metric("rowmill_worker_retries_total") == {"postgres": 0, "parquet": 0}
    seconds = pod.metric("rowmill_worker_stage_seconds_total")
    assert {stage for stage, spent in seconds.items() if spent > 0} == {
        "generate",
        "encode",
        "copy",
    }
    gate.open()
    assert pod.end().code == 0
    # What the ledger held before a pod began is shown as well.
    again = pods.run("shard", 0)
    assert again.message["rows"] == 12_000


def test_with_both_destinations_a_batch_shows_once_its_part_is_recorded(
    name: str, pods: Pods, content: Callable[..., Manifest], gate: Gate
) -> None:
    pods.bundle(content(tables=[MORE]))
    gate.close_after(f"{name}_ledger", 6)
    pod = pods.start("shard", 0)
    pod.wait_until(lambda: gate.waiting(f"{name}_ledger") and gate.done(f"{name}_ledger") == 6)
    shown = pod.progress()
    assert shown["tables"] == [{"name": "more", "rows": 0, "batchRows": 1_000, "batches": []}]
    gate.open()
    ended = pod.end()
    assert (ended.code, ended.message["rows"]) == (0, 12_000)


def test_a_pod_brings_the_ledger_up_to_date_once_and_says_what_it_could_not_do(
    name: str, pods: Pods, content: Callable[..., Manifest], monkeypatch: pytest.MonkeyPatch
) -> None:
    ensure, told = PostgresLedger.ensure, "the ledger is of an older layout"
    calls: list[PostgresLedger] = []

    def telling(self: PostgresLedger) -> list[str]:
        calls.append(self)
        return [*ensure(self), told]

    monkeypatch.setattr(PostgresLedger, "ensure", telling)
    pods.bundle(content(tables=[PEOPLE], parquet=None))
    said: list[str] = []
    assert run_finalize(pods.in_this_process("finalize", said.append)).code == 0
    assert len(calls) == 1
    assert said.count(told) == 1


def test_a_bucket_alone_will_do(
    name: str,
    pods: Pods,
    content: Callable[..., Manifest],
    reader: Callable[[Manifest], rowmill.Experiment],
) -> None:
    wanted = content(postgres=None)
    plan = pods.bundle(wanted)
    assert [pod.code for pod in pods.run_shards(plan)] == [0] * plan.shards
    assert pods.run("finalize").code == 0
    assert reader(wanted).verify().identical


def test_the_charts_default_servers_serve_a_manifest_that_names_none(
    name: str,
    pods: Pods,
    content: Callable[..., Manifest],
    servers: EmbeddedServers,
    known: dict[str, str],
) -> None:
    wanted = content(tables=[PEOPLE], postgres={"ledgerSchema": f"{name}_ledger"}, parquet={})
    parquet = ParquetDefault("rowmill", servers.s3.endpoint, None, "of-the-chart")
    defaults = Defaults("of-the-chart", parquet)
    pods.bundle(wanted, defaults=defaults)
    assert pods.run("finalize").code == 0
    # What a run left unfinished in those places is reached again by the next.
    edited = {**wanted, "spec": {**wanted["spec"], "seed": 1}}
    pods.bundle(edited, number=2, defaults=defaults)
    assert pods.run("shard", 0).code == 0
    bucket = Bucket(S3Address(lambda: known), "rowmill")
    assert len(list(bucket.uploads(f"{name}/"))) == 1
    pods.bundle(wanted, number=3, defaults=defaults)
    final = pods.run("finalize")
    assert (final.code, final.message["repeat"]) == (0, True)
    assert list(bucket.uploads(f"{name}/")) == []
    bucket.close()


def test_a_complete_experiment_applied_again_is_repeated_by_all_its_pods(
    name: str, pods: Pods, content: Callable[..., Manifest], database: Connection
) -> None:
    wanted = content()
    first = pods.complete(wanted)
    written = database.execute(f"SELECT xmin::text, count(*) FROM {name}.people GROUP BY 1")
    before = written.fetchall()
    # Cut otherwise, as by an operator with other settings.
    again = {**wanted, "spec": {**wanted["spec"], "batchRows": 2_000}}
    plan = pods.bundle(again, uid="uid-2")
    for ended in pods.run_shards(plan):
        assert ended.code == 0
    final = pods.run("finalize")
    assert final.message["repeat"] is True
    assert final.message["checksum"] == first.message["checksum"]
    assert final.message["run"] == first.message["run"]
    after = database.execute(f"SELECT xmin::text, count(*) FROM {name}.people GROUP BY 1")
    assert after.fetchall() == before


def test_a_repeat_keeps_its_parquet_types_and_says_so(
    pods: Pods, content: Callable[..., Manifest]
) -> None:
    wanted = content(tables=[PEOPLE])
    pods.complete(wanted)
    wanted["spec"]["destinations"]["parquet"]["types"] = "native"
    pods.bundle(wanted, uid="uid-2")
    final = pods.run("finalize")
    assert final.message["repeat"] is True
    assert final.message["parquetTypes"] == "portable"
    assert "keep their types (portable), though the manifest asks for native" in final.log


def test_every_pod_of_a_run_over_published_data_tells_what_it_replaces(
    pods: Pods, content: Callable[..., Manifest]
) -> None:
    first = pods.complete(content(tables=[PEOPLE]))
    assert "replaces" not in first.log
    edited = content(tables=[{**PEOPLE, "rows": 10}])
    plan = pods.bundle(edited, number=2)
    for ended in [*pods.run_shards(plan), pods.run("finalize")]:
        assert ended.code == 0
        assert "RUNNING, replaces run 1 (2,500 rows)\n" in ended.log


def test_purge_removes_this_experiment_and_no_other(
    name: str, pods: Pods, content: Callable[..., Manifest], database: Connection, ledger: Ledger
) -> None:
    wanted = content(tables=[PEOPLE])
    other = content(tables=[PEOPLE])
    other["metadata"]["name"] = f"{name}-other"
    pods.complete(other, uid="uid-other")
    pods.complete(wanted)
    purged = pods.run("purge")
    assert (purged.code, purged.message["purged"]) == (0, "removed")
    assert ledger.runs.owners() == [f"{ENGINE}/{NAMESPACE}/{name}-other"]
    assert count(database, f"{name}-other", "people") == 2_500
    gone = database.execute("SELECT to_regclass(%s)", (f"{name}.people",)).fetchone()
    assert gone == (None,)
    again = pods.run("purge")
    assert (again.code, again.message["purged"]) == (0, "nothing")


def test_purge_leaves_what_an_experiment_applied_since_has_made(
    name: str, pods: Pods, content: Callable[..., Manifest], database: Connection
) -> None:
    pods.complete(content(tables=[PEOPLE]))
    pods.complete(content(tables=[PEOPLE], seed=1), uid="uid-2")
    pods.bundle(content(tables=[PEOPLE]))
    purged = pods.run("purge")
    assert (purged.code, purged.message["purged"]) == (0, "taken")
    assert "is another Experiment's of this name, and stays" in purged.message["message"]
    assert count(database, name, "people") == 2_500
