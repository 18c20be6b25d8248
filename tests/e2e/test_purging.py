"""Removals with Purge on a real cluster: children that others take, a Secret that leads astray."""

from __future__ import annotations

from typing import Any

from tests.e2e.cluster.access import Cluster, wait_for
from tests.e2e.experiments import Applied, wide
from tests.e2e.installation import BUCKET, POSTGRES_SECRET, Installation

PURGE = wide(10_000, deletionPolicy="Purge")


def test_data_goes_also_where_its_plan_went_first_and_is_missed_where_it_is_not(
    cluster: Cluster, installed: Installation, home: str
) -> None:
    """Deleted in the foreground, as Argo CD does, and after its ConfigMap was deleted by hand.

    The Jobs and pods of the second have gone before by their TTL. The Secret of the third leads to
    another database for a while.
    """
    collected = Applied.of(installed, home, PURGE)
    bereft = Applied.of(installed, home, PURGE | {"ttlSecondsAfterFinished": 1})
    secret = _secret_of_its_own(cluster, home)
    astray = Applied.of(installed, home, PURGE | _into(secret))
    for each in (collected, bereft, astray):
        each.complete()
        assert each.rows("events") == 10_000
        assert each.objects()
    astray.merge("secret", secret, {"stringData": {"PGDATABASE": "postgres"}})
    astray.delete("--wait=false")
    wait_for(lambda: {one["kind"] for one in _children(bereft)} == {"ConfigMap"}, 180, "the TTL")
    assert collected.pods()
    assert bereft.status()["phase"] == "Complete"
    cluster.kubectl("delete", "configmap", f"{bereft.name}-run-1", "--namespace", home)
    collected.delete("--cascade=foreground", "--wait=false")
    bereft.delete("--wait=false")
    for each in (collected, bereft):
        _is_purged(each)
    reported = astray.stalled("DataNotFound")
    assert "/postgres (ledger 'rowmill') does not know it" in reported
    assert astray.rows("events") == 10_000
    assert astray.objects()
    _secret_of_its_own(cluster, home)
    _is_purged(astray)
    for each in (collected, bereft, astray):
        assert "removed 1 table (10,000 rows), " in _event(each, "Purged")


def test_an_orphaning_deletion_leaves_all_and_says_what_stands_in_the_way_of_the_next(
    cluster: Cluster, installed: Installation, home: str
) -> None:
    left = Applied.of(installed, home, PURGE)
    left.complete()
    left.delete("--cascade=orphan", "--timeout=180s")
    assert left.rows("events") == 10_000
    assert _children(left)
    left.apply(PURGE)
    _, _, command = left.stalled("LeftBehind").partition("kubectl ")
    cluster.kubectl(*command.split())
    left.complete()
    left.delete()
    _is_purged(left)


def _secret_of_its_own(cluster: Cluster, namespace: str) -> str:
    """A second Secret for the same Postgres, or set back to that."""
    data = (cluster.find("secret", POSTGRES_SECRET, namespace) or {})["data"]
    name = f"{POSTGRES_SECRET}-too"
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name}, "data": data}
    cluster.apply(secret, namespace=namespace)
    return name


def _into(secret: str) -> dict[str, Any]:
    return {"destinations": {"postgres": {"secretName": secret}, "parquet": {"bucket": BUCKET}}}


def _event(applied: Applied, reason: str) -> str:
    """The message of the one Event of that reason about it."""
    events = applied.cluster.find_all("events", applied.namespace)
    (message,) = (
        event["message"]
        for event in events
        if (event["involvedObject"]["name"], event["reason"]) == (applied.name, reason)
    )
    return str(message)


def _is_purged(applied: Applied) -> None:
    wait_for(lambda: applied.object() is None, 180, "the purge")
    assert applied.oid("events") is None
    assert not [key for key in applied.objects() if key.endswith(".parquet")]
    wait_for(lambda: not _children(applied), 180, "the end of its children")


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

    wait_for(purging, 180, "the purge's pod to work")
    cluster.kubectl("delete", "namespace", home, "--wait=false")
    wait_for(lambda: cluster.find("namespace", home) is None, 180, "the namespace to go")
