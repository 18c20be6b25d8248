"""Removals with Purge on a real cluster, while the garbage collector or people take children."""

from __future__ import annotations

from typing import Any

from .cluster.access import Cluster, wait_for
from .experiments import Applied, wide
from .installation import POSTGRES_SECRET, Installation

PURGE = wide(10_000, deletionPolicy="Purge")


def test_data_goes_also_where_its_plan_went_first(
    cluster: Cluster, installed: Installation, home: str
) -> None:
    """Deleted in the foreground, as Argo CD does, and after its ConfigMap was deleted by hand.

    The Jobs and pods of the second have gone before by their TTL.
    """
    collected = Applied.of(installed, home, PURGE)
    bereft = Applied.of(installed, home, PURGE | {"ttlSecondsAfterFinished": 1})
    for each in (collected, bereft):
        each.complete()
        assert each.rows("events") == 10_000
        assert each.objects()
    wait_for(lambda: {one["kind"] for one in _children(bereft)} == {"ConfigMap"}, 30, "the TTL")
    assert collected.pods()
    assert bereft.status()["phase"] == "Complete"
    cluster.kubectl("delete", "configmap", f"{bereft.name}-run-1", "--namespace", home)
    collected.delete("--cascade=foreground", "--wait=false")
    bereft.delete("--wait=false")
    for each in (collected, bereft):
        _is_purged(each)


def test_an_orphaning_deletion_leaves_all_and_says_what_stands_in_the_way_of_the_next(
    cluster: Cluster, installed: Installation, home: str
) -> None:
    left = Applied.of(installed, home, PURGE)
    left.complete()
    left.delete("--cascade=orphan", "--timeout=60s")
    assert left.rows("events") == 10_000
    assert _children(left)
    left.apply(PURGE)
    _, _, command = left.stalled("LeftBehind").partition("kubectl ")
    cluster.kubectl(*command.split())
    left.complete()
    left.delete()
    _is_purged(left)


def _is_purged(applied: Applied) -> None:
    wait_for(lambda: applied.object() is None, 90, "the purge")
    assert applied.oid("events") is None
    assert not [key for key in applied.objects() if key.endswith(".parquet")]
    wait_for(lambda: not _children(applied), 60, "the end of its children")


def _children(applied: Applied) -> list[dict[str, Any]]:
    return [one for kind in ("jobs", "configmaps", "pods") for one in applied.children(kind)]


def test_a_namespace_goes_while_a_purge_is_at_work(
    cluster: Cluster, installed: Installation, home: str
) -> None:
    found = Applied.of(installed, home, PURGE)
    found.complete()
    # A refused password is tried again for two minutes.
    wrong = {"stringData": {"PGPASSWORD": "another"}}
    found.merge("secret", POSTGRES_SECRET, wrong)
    found.delete("--wait=false")

    def purging() -> bool:
        pods = found.pods(running=True)
        return any(pod["metadata"]["name"].startswith(f"{found.name}-purge") for pod in pods)

    wait_for(purging, 60, "the purge's pod to work")
    cluster.kubectl("delete", "namespace", home, "--wait=false")
    wait_for(lambda: cluster.find("namespace", home) is None, 90, "the namespace to go")
