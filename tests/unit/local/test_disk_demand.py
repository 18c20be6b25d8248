"""Whether a load fits the disk: refused, told or passed over, by figures."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from rowmill.destinations.errors import DestinationRefused
from rowmill.local.home.folder import Home
from rowmill.local.planning import plan_for
from rowmill.local.run import admission as module
from rowmill.local.run.admission import admission
from rowmill.local.servers import disk_space
from rowmill.local.servers.disk_demand import Disk
from rowmill.local.servers.disk_space import embedded_disks
from rowmill.plan.layout import Plan
from rowmill.spec.dataset import Spec
from rowmill.spec.load import load_spec
from rowmill.worker.remaining import Durable
from rowmill.worker.start.prepared import Ahead, Staged

MIB = 1 << 20
# A million rows: 54 MiB with their key likely, 53 at least; 5 MiB of objects likely, 1 at least.
MANIFEST = """
apiVersion: rowmill.dev/v1alpha1
kind: Experiment
metadata: {name: shop}
spec:
  tables:
    - name: a
      rows: 1000000
      primaryKey: [id]
      columns: [{name: id, type: bigint}]
  destinations: {postgres: {}, parquet: {bucket: lake}}
"""
NOTHING = Durable({}, frozenset())


@pytest.fixture(scope="module")
def spec() -> Spec:
    return load_spec("shop", text=MANIFEST)


@pytest.fixture(scope="module")
def plan(spec: Spec) -> Plan:
    return plan_for(spec, workers=1, batch_rows=10_000)


def disk(free: int, **changes: Any) -> Disk:
    return replace(Disk(Path("/disk"), free * MIB, postgres=True, s3=True), **changes)


def asked(
    monkeypatch: pytest.MonkeyPatch, spec: Spec, ahead: Ahead, *disks: Disk
) -> tuple[str, list[str]]:
    """The refusal, and what was told."""
    monkeypatch.setattr(module, "embedded_disks", lambda spec, home: list(disks))
    told: list[str] = []
    try:
        admission(spec, Home(Path("/home")), told.append)(ahead)
    except DestinationRefused as refusal:
        return f"{refusal.reason}: {refusal}", told
    return "", told


def test_what_cannot_fit_is_refused_with_the_figures(
    monkeypatch: pytest.MonkeyPatch, spec: Spec, plan: Plan
) -> None:
    refusal, _ = asked(monkeypatch, spec, Ahead(Staged(plan, NOTHING)), disk(50))
    assert refusal == (
        "DiskTooSmall: this run takes about 60 MiB of the disk at /disk (56 MiB of tables and "
        "indexes in Postgres, 3 MiB of Parquet objects), where 50 MiB are free: it cannot fit; "
        "free some, put ROWMILL_HOME on a larger disk, or ask for fewer rows"
    )


@pytest.mark.parametrize(("free", "word"), [(58, "will probably not fit"), (65, "is tight")])
def test_what_may_not_fit_is_told(
    monkeypatch: pytest.MonkeyPatch, spec: Spec, plan: Plan, free: int, word: str
) -> None:
    refusal, told = asked(monkeypatch, spec, Ahead(Staged(plan, NOTHING)), disk(free))
    assert refusal == ""
    assert len(told) == 1
    assert word in told[0]


def test_where_there_is_room_nothing_is_said(
    monkeypatch: pytest.MonkeyPatch, spec: Spec, plan: Plan
) -> None:
    assert asked(monkeypatch, spec, Ahead(Staged(plan, NOTHING)), disk(200)) == ("", [])


def test_the_log_counts_as_far_as_it_grows(
    monkeypatch: pytest.MonkeyPatch, spec: Spec, plan: Plan
) -> None:
    ahead = Ahead(Staged(plan, NOTHING))
    log = {"log": 60 * MIB, "log_present": 10 * MIB}
    refusal, _ = asked(monkeypatch, spec, ahead, disk(70, **log))
    assert "35 MiB of its write-ahead log" in refusal
    assert asked(monkeypatch, spec, ahead, disk(200, **log)) == ("", [])


def test_a_run_that_goes_on_needs_the_rest_alone(
    monkeypatch: pytest.MonkeyPatch, spec: Spec, plan: Plan
) -> None:
    half = Durable({"a": [(0, 60)]}, frozenset())
    refusal, _ = asked(monkeypatch, spec, Ahead(Staged(plan, half)), disk(40))
    assert refusal == ""
    assert asked(monkeypatch, spec, Ahead(Staged(plan, NOTHING)), disk(40))[0] != ""


def test_keys_and_indexes_count_until_they_are_made(
    monkeypatch: pytest.MonkeyPatch, spec: Spec, plan: Plan
) -> None:
    loaded = Durable({"a": [(0, 100)]}, frozenset({("a", 0)}))
    refusal, _ = asked(monkeypatch, spec, Ahead(Staged(plan, loaded)), disk(10))
    assert "this run takes about 21 MiB of the disk at /disk" in refusal
    half = Staged(plan, loaded, index_bytes=15 * MIB)
    refusal, told = asked(monkeypatch, spec, Ahead(half), disk(5))
    assert refusal == ""
    assert "takes about 6 MiB" in told[0]
    made = Staged(plan, loaded, index_bytes=22 * MIB)
    assert asked(monkeypatch, spec, Ahead(made), disk(0)) == ("", [])


def test_the_indexes_of_what_is_cleared_away_count_as_free(
    monkeypatch: pytest.MonkeyPatch, spec: Spec, plan: Plan
) -> None:
    discarded = Staged(plan, Durable({"a": [(0, 0)]}, frozenset()), index_bytes=60 * MIB)
    assert asked(monkeypatch, spec, Ahead(Staged(plan, NOTHING), (discarded,)), disk(20)) == (
        "",
        [],
    )


def test_what_is_cleared_away_first_counts_as_free(
    monkeypatch: pytest.MonkeyPatch, spec: Spec, plan: Plan
) -> None:
    whole = Durable({"a": [(0, 100)]}, frozenset())
    discarded = (Staged(plan, whole),) * 5
    refusal, _ = asked(monkeypatch, spec, Ahead(Staged(plan, NOTHING), discarded), disk(10))
    assert refusal == ""


def test_what_is_cleared_away_counts_as_long_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    long = "columns: [{name: id, type: text, generate: {pattern: '[a-z]{900}'}}]"
    text = MANIFEST.replace("columns: [{name: id, type: bigint}]", long)
    spec = load_spec("shop", text=text)
    plan = plan_for(spec, workers=1, batch_rows=10_000)
    discarded = (Staged(plan, Durable({"a": [(0, 100)]}, frozenset())),)
    ahead = Ahead(Staged(plan, NOTHING), discarded)
    assert asked(monkeypatch, spec, Ahead(Staged(plan, NOTHING)), disk(1500))[0] != ""
    assert asked(monkeypatch, spec, ahead, disk(1500))[0] == ""


def test_each_disk_is_for_what_is_on_it(
    monkeypatch: pytest.MonkeyPatch, spec: Spec, plan: Plan
) -> None:
    ahead = Ahead(Staged(plan, NOTHING))
    for_rows, for_objects = disk(200, s3=False), disk(0, postgres=False)
    refusal, _ = asked(monkeypatch, spec, ahead, for_rows, for_objects)
    assert "takes about 3 MiB of the disk at /disk (3 MiB of Parquet objects)" in refusal


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path / "not" / "there")


def test_the_disks_are_those_of_the_embedded_servers_alone(spec: Spec, home: Home) -> None:
    assert spec.postgres is not None
    assert spec.parquet is not None
    [both] = embedded_disks(spec, home)
    assert (both.postgres, both.s3) == (True, True)
    assert both.free > 0
    elsewhere = replace(spec, postgres=replace(spec.postgres, secret_name="warehouse"))
    [rest] = embedded_disks(elsewhere, home)
    assert (rest.postgres, rest.s3, rest.log) == (False, True, 0)
    assert embedded_disks(replace(elsewhere, parquet=None), home) == []
    assert not home.path.exists()


def test_a_disk_is_named_by_the_folder_of_all_that_is_on_it(
    spec: Spec, home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    for folder in (home.postgres, home.s3):
        folder.mkdir(parents=True)
    assert [disk.folder for disk in embedded_disks(spec, home)] == [home.path]
    alone = replace(spec, parquet=None)
    assert [disk.folder for disk in embedded_disks(alone, home)] == [home.postgres]
    # As where one of them is a mount.
    monkeypatch.setattr(disk_space, "_device", hash)
    assert [disk.folder for disk in embedded_disks(spec, home)] == [home.postgres, home.s3]
    monkeypatch.setattr(disk_space, "_device", lambda folder: folder == home.path)
    assert [disk.folder for disk in embedded_disks(spec, home)] == [home.postgres]


def test_the_log_is_bounded_by_the_settings_that_postgres_has(
    spec: Spec, home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = SimpleNamespace(free=64 * 1024 * MIB)
    monkeypatch.setattr("shutil.disk_usage", lambda path: usage)
    [before] = embedded_disks(spec, home)
    assert (before.log, before.log_present) == (4096 * MIB, 0)
    (home.postgres_data / "pg_wal").mkdir(parents=True)
    (home.postgres_data / "pg_wal" / "1").write_bytes(b"x" * 100)
    home.postgres_config.write_text("max_wal_senders = '0'\nmax_wal_size = '256MB'\n")
    [after] = embedded_disks(spec, home)
    assert (after.log, after.log_present) == (256 * MIB, 100)
