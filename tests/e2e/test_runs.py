"""Runs on a real cluster: to the end, interrupted, changed, repeated, deleted."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from .cluster.access import Cluster, wait_for
from .experiments import Applied, example, intervals, wide
from .installation import Installation

MANY = 1_500_000


@pytest.fixture
def home(installed: Installation, namespace: str) -> str:
    """A namespace whose Experiments reach the servers."""
    installed.give_secrets(namespace)
    return namespace


def test_a_shop_runs_to_its_end_and_is_what_one_machine_makes(
    installed: Installation, home: str, tmp_path: Path
) -> None:
    spec = example("shop.yaml", scale=0.02, parallelism=2)
    spec.pop("destinations")
    shop = Applied.of(installed, home, spec)
    status = shop.complete()
    run = status["run"]
    assert run["percent"] == 100
    assert run["rows"] == run["rowsTotal"]
    assert run["checksum"].startswith("sha256:")
    for table in status["tables"]:
        assert table["rows"] == table["rowsTotal"] == shop.rows(table["name"])
        assert intervals(table["completedBatches"]) == table["batches"]
    with installed.postgres() as connection:
        kinds = connection.execute(
            "SELECT DISTINCT contype::text FROM pg_constraint c "
            "JOIN pg_namespace n ON n.oid = connamespace WHERE nspname = %s",
            (shop.name,),
        ).fetchall()
    assert {"p", "f"} <= {kind for (kind,) in kinds}
    keys = shop.objects()
    assert f"{shop.name}/_rowmill/current.json" in keys
    assert any(key.endswith(".parquet") for key in keys)
    # Recomputed here, by another Python and another numpy than the pods'.
    verified = shop.verify(spec, tmp_path)
    assert verified["identical"] is True
    shown = shop.cluster.kubectl("get", "exp", shop.name, "-n", home)
    assert shown.splitlines()[0].split() == [
        "NAME",
        "PHASE",
        "PROGRESS",
        "ROWS",
        "RATE",
        "ETA",
        "AGE",
    ]
    assert "Complete" in shown
    shop.cluster.kubectl(
        "wait", "--for=condition=Complete", f"experiment/{shop.name}", "-n", home, "--timeout=5s"
    )


def test_suspend_and_resume_keep_what_landed(
    installed: Installation, home: str, tmp_path: Path
) -> None:
    spec = wide(MANY)
    found = Applied.of(installed, home, spec)
    found.under_way()
    found.patch(suspend=True)
    status = found.reach("Suspended", 60)
    landed = status["run"]["rows"]
    assert 0 < landed < MANY
    assert not found.pods(running=True)
    found.patch(suspend=False)
    resumed = found.under_way(percent=int(100 * landed / MANY))
    assert resumed["number"] == 1
    found.complete()
    assert found.rows("events") == MANY
    assert found.verify(spec, tmp_path)["identical"] is True


def test_a_rerun_is_run_2_and_readers_see_run_1_until_then(
    installed: Installation, home: str
) -> None:
    found = Applied.of(installed, home, wide(200_000))
    found.complete()
    first = found.oid("events")
    found.annotate(rerun="again")
    wait_for(lambda: found.run().get("number") == 2, 60, "run 2")
    assert found.oid("events") == first, "run 2 is built beside the old data"
    status = found.complete()
    assert found.oid("events") != first
    assert [entry["number"] for entry in status["history"]] == [2, 1]


def test_a_changed_seed_in_mid_run_replaces_the_run(
    installed: Installation, home: str, tmp_path: Path
) -> None:
    found = Applied.of(installed, home, wide(MANY))
    found.under_way()
    spec = wide(100_000, seed=99)
    found.apply(spec)
    status = found.complete()
    assert status["run"]["number"] == 2
    assert [(e["number"], e["phase"]) for e in status["history"]] == [
        (2, "Complete"),
        (1, "Aborted"),
    ]
    assert found.rows("events") == 100_000
    assert found.verify(spec, tmp_path)["identical"] is True


def test_an_abort_ends_the_run_and_a_resume_takes_it_up(installed: Installation, home: str) -> None:
    found = Applied.of(installed, home, wide(MANY))
    found.under_way()
    found.annotate(abort="1")
    found.reach("Failed", 60)
    assert found.condition("Failed")["reason"] == "Aborted"
    assert found.oid("events") is None, "nothing was published"
    found.annotate(abort=None, resume="please")
    wait_for(lambda: found.status().get("phase") != "Failed", 60, "it is taken up")
    status = found.complete()
    assert status["run"]["number"] == 1
    assert found.rows("events") == MANY


def test_deleting_and_applying_again_writes_nothing_again(
    installed: Installation, home: str
) -> None:
    spec = wide(100_000)
    found = Applied.of(installed, home, spec)
    found.complete()
    table, objects = found.oid("events"), sorted(found.objects())
    found.delete()
    wait_for(lambda: not found.children("jobs"), 60, "its Jobs are gone")
    assert found.rows("events") == 100_000, "the data is retained"
    found.apply(spec)
    found.complete()
    assert found.oid("events") == table
    assert sorted(found.objects()) == objects


def test_purge_takes_the_data_and_leaves_the_rest(installed: Installation, home: str) -> None:
    other = Applied.of(installed, home, wide(10_000))
    found = Applied.of(installed, home, wide(50_000, deletionPolicy="Purge"))
    found.complete()
    other.complete()
    found.delete("--timeout=120s")
    assert found.object() is None
    assert found.oid("events") is None
    assert not [key for key in found.objects() if key.endswith(".parquet")]
    assert other.rows("events") == 10_000


def test_deleting_in_mid_run_leaves_no_child(installed: Installation, home: str) -> None:
    found = Applied.of(installed, home, wide(MANY))
    found.under_way()
    found.delete()
    kinds = ("jobs", "pods", "configmaps")
    wait_for(lambda: not any(found.children(kind) for kind in kinds), 90, "no child remains")


def test_a_namespace_deleted_in_mid_run_does_not_hang(
    cluster: Cluster, installed: Installation, home: str
) -> None:
    found = Applied.of(installed, home, wide(MANY, deletionPolicy="Purge"))
    found.under_way()
    cluster.kubectl("delete", "namespace", home, "--wait=false")
    wait_for(lambda: cluster.find("namespace", home) is None, 120, "the namespace is gone")


def test_the_dead_are_replaced_and_nothing_is_lost_or_doubled(
    cluster: Cluster, installed: Installation, home: str, tmp_path: Path
) -> None:
    spec = wide(2 * MANY)
    found = Applied.of(installed, home, spec)
    found.under_way(1)

    def both() -> list[str] | None:
        names = [pod["metadata"]["name"] for pod in found.pods(running=True)]
        return names if len(names) > 1 else None

    killed, evicted = wait_for(both, 60, "two pods at work")[:2]
    cluster.kubectl("delete", "pod", killed, "-n", home, "--grace-period=0", "--force")
    cluster.evict(evicted, home)
    cluster.kubectl("delete", "pod", "-l", "app.kubernetes.io/name=rowmill", "-n", "rowmill-system")
    status = found.complete(300)
    assert status["run"]["number"] == 1
    assert found.rows("events") == 2 * MANY
    assert found.verify(spec, tmp_path)["identical"] is True


def test_no_secret_is_told_anywhere(installed: Installation, home: str) -> None:
    found = Applied.of(installed, home, wide(50_000))
    found.complete()
    texts = [json.dumps(found.object())]
    texts += [json.dumps(found.children(kind)) for kind in ("pods", "jobs", "configmaps")]
    texts.append(found.cluster.kubectl("get", "events", "-n", home, "-o", "json"))
    for pod in found.pods():
        texts.append(found.cluster.kubectl("logs", pod["metadata"]["name"], "-n", home))
    texts.append(found.cluster.kubectl("logs", "deploy/rowmill", "-n", "rowmill-system"))
    assert not [text for text in texts if "only-for-trials" in text]
