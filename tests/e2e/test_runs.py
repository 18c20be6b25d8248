"""Runs on a real cluster: interrupted, changed, bereft of their pods, deleted."""

from __future__ import annotations

import json
from pathlib import Path

from tests.e2e.cluster.access import Cluster, wait_for
from tests.e2e.experiments import SLOWLY, Applied, wide
from tests.e2e.installation import Installation

# So many that a test can meet the run half way.
MANY = 3_000_000


def test_suspend_and_resume_keep_what_landed(
    installed: Installation, home: str, tmp_path: Path
) -> None:
    spec = wide(MANY, resources=SLOWLY)
    found = Applied.of(installed, home, spec)
    reported = wait_for(lambda: found.run().get("rows"), 180, "rows are told")
    found.patch(suspend=True)
    status = found.reach("Suspended", 180)
    landed = status["run"]["rows"]
    assert reported <= landed < MANY
    assert not found.pods(running=True)
    found.patch(suspend=False)
    wait_for(lambda: found.run()["rows"] > landed, 180, "more rows than before")
    assert found.complete()["run"]["number"] == 1
    assert found.rows("events") == MANY
    assert found.verify(spec, tmp_path)["identical"] is True


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
    found.reach("Failed", 180)
    assert found.condition("Failed")["reason"] == "Aborted"
    assert found.oid("events") is None, "nothing was published"
    found.annotate(abort=None, resume="please")
    wait_for(lambda: found.status().get("phase") != "Failed", 180, "it is taken up")
    status = found.complete()
    assert status["run"]["number"] == 1
    assert found.rows("events") == MANY


def test_deleting_in_mid_run_leaves_no_child(installed: Installation, home: str) -> None:
    found = Applied.of(installed, home, wide(MANY))
    found.under_way()
    found.delete()
    kinds = ("jobs", "pods", "configmaps")
    wait_for(lambda: not any(found.children(kind) for kind in kinds), 180, "no child remains")


def test_a_namespace_deleted_in_mid_run_does_not_hang(
    cluster: Cluster, installed: Installation, home: str
) -> None:
    found = Applied.of(installed, home, wide(MANY, deletionPolicy="Purge"))
    found.under_way()
    cluster.kubectl("delete", "namespace", home, "--wait=false")
    wait_for(lambda: cluster.find("namespace", home) is None, 180, "the namespace is gone")


def test_the_dead_are_replaced_and_nothing_is_lost_or_doubled(
    cluster: Cluster, installed: Installation, home: str, tmp_path: Path
) -> None:
    spec = wide(MANY)
    found = Applied.of(installed, home, spec)
    found.under_way(1)

    def both() -> list[str] | None:
        names = [pod["metadata"]["name"] for pod in found.pods(running=True)]
        return names if len(names) > 1 else None

    killed, evicted = wait_for(both, 180, "two pods at work")[:2]
    cluster.kubectl("delete", "pod", killed, "-n", home, "--grace-period=0", "--force")
    cluster.evict(evicted, home)
    cluster.kubectl("delete", "pod", "-l", "app.kubernetes.io/name=rowmill", "-n", "rowmill-system")
    status = found.complete(300)
    assert status["run"]["number"] == 1
    assert found.rows("events") == MANY
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
