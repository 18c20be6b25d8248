"""Operators that are upgraded, doubled, away, or of some namespaces only."""

from __future__ import annotations

import time
import uuid
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from tests.e2e.cluster.access import Cluster, wait_for
from tests.e2e.cluster.node import Node
from tests.e2e.experiments import SLOWLY, Applied, wide
from tests.e2e.installation import RELEASE, RELEASE_NAMESPACE, Images, Installation, new_namespace
from tests.e2e.operator_calls import operator_calls
from tests.e2e.operators import operators, operators_at_work

LONG = 1_500_000
NEWER = "newer"
ANOTHER_CHART = (
    *("--set", "destinations.postgres.secretName=other"),
    *("--set", "destinations.parquet.bucket=,destinations.parquet.secretName="),
)
QUIET_SECONDS = 10
# Each run has some ten transitions, and progress each five seconds.
MOST_WRITES = 80


def test_a_run_ends_as_planned_while_images_operator_and_default_destinations_are_others(
    cluster: Cluster, node: Node, installed: Installation, home: str, tmp_path: Path
) -> None:
    """The upgrade names another Secret for Postgres, and forgets the bucket."""
    spec = wide(LONG, parallelism=1, resources=SLOWLY)
    found = Applied.of(installed, home, spec)
    refused = _refused(installed, home)
    found.under_way(1)
    with (
        installed.another_database(home, "other") as other,
        _newer(node, installed, *ANOTHER_CHART) as newer,
    ):
        assert _images(operators(cluster)) == {newer.operator}
        assert not found.oid("events"), "it is in mid-run"
        planned_since = Applied.of(installed, home, wide(1_000, destinations={"postgres": {}}))
        _mend(installed, refused)
        found.patch(parallelism=2)
        status = found.complete()
        refused.complete()
        planned_since.complete()
        assert found.condition("Accepted")["status"] == "True"
        assert _schemas(installed, other) >= {planned_since.name}
        assert not _schemas(installed, other) & {found.name, refused.name}
    assert planned_since.oid("events") is None
    assert refused.rows("events") == 1_000
    assert status["operator"]["engine"] == f"{RELEASE_NAMESPACE}/{RELEASE}"
    assert (status["run"]["number"], status["run"]["image"]) == (1, installed.images.worker)
    assert _images(found.pods()) == {installed.images.worker}
    assert _images(planned_since.pods()) == {newer.worker}
    assert _made(node, home, found) == {f"{found.name}-run-1": 2, f"{found.name}-run-1-finalize": 1}
    assert found.rows("events") == LONG
    assert found.verify(spec, tmp_path)["identical"] is True


def _refused(installed: Installation, namespace: str) -> Applied:
    """An Experiment that has its plan and cannot begin: somebody's table is in its place."""
    found = Applied(installed, namespace, f"t{uuid.uuid4().hex[:8]}")
    with installed.postgres() as connection:
        connection.execute(f'CREATE SCHEMA "{found.name}"')
        connection.execute(f'CREATE TABLE "{found.name}".events (mine int)')
    found.apply(wide(1_000))
    found.stalled("TableExists")
    return found


def _mend(installed: Installation, applied: Applied) -> None:
    with installed.postgres() as connection:
        connection.execute(f'DROP TABLE "{applied.name}".events')


def _schemas(installed: Installation, database: str) -> set[str]:
    with installed.postgres(database) as connection:
        return {name for (name,) in connection.execute("SELECT nspname FROM pg_namespace")}


def test_two_operators_double_nothing_and_make_no_loop(
    cluster: Cluster, node: Node, installed: Installation, home: str, tmp_path: Path
) -> None:
    spec = wide(200_000)
    with operators_at_work(cluster, 2):
        names = {pod["metadata"]["name"] for pod in operators(cluster)}
        found = Applied.of(installed, home, spec)
        found.complete()
        first = found.oid("events")
        found.annotate(rerun="again")
        wait_for(lambda: found.run()["number"] == 2, 180, "run 2")
        assert found.oid("events") == first, "readers have run 1 until run 2 is published"
        status = found.complete()
        time.sleep(1)
        calls = [one for one in operator_calls(node, home) if one.writes]
        time.sleep(QUIET_SECONDS)
        since = [one for one in operator_calls(node, home) if one.writes][len(calls) :]
    assert {one.pod for one in calls} == names, "both are at work"
    assert since == []
    assert len(calls) <= MOST_WRITES, calls
    jobs = {f"{found.name}-run-{n}{task}": 1 for n in (1, 2) for task in ("", "-finalize")}
    plans = {f"{found.name}-run-{n}": 1 for n in (1, 2)}
    assert _made(node, home, found) == Counter(jobs) + Counter(plans)
    assert [(one["number"], one["phase"]) for one in status["history"]] == [
        (2, "Complete"),
        (1, "Complete"),
    ]
    assert found.oid("events") != first
    assert found.rows("events") == 200_000
    # What the annotation says is part of the manifest that was run.
    assert found.verify(spec, tmp_path)["identical"] is True


def test_what_is_deleted_is_purged_or_stays_and_a_purge_waits_for_the_operator(
    cluster: Cluster, installed: Installation, home: str
) -> None:
    retain, purge = wide(10_000), wide(10_000, deletionPolicy="Purge")
    kept = Applied.of(installed, home, retain)
    purged, freed = (Applied.of(installed, home, purge) for _ in range(2))
    for each in (kept, purged, freed):
        each.complete()
    before = {each: (each.oid("events"), sorted(each.objects())) for each in (kept, freed)}
    with operators_at_work(cluster, 0):
        for each in (kept, purged, freed):
            each.delete("--wait=false")
        # As docs/kubernetes.md has it.
        patch = ("--type=merge", "-p", '{"metadata":{"finalizers":null}}')
        cluster.kubectl("patch", "exp", freed.name, *patch, "--namespace", home)
        wait_for(lambda: not (kept.object() or freed.object()), 180, "those that may go to go")
        assert purged.object() is not None
        assert purged.rows("events") == 10_000
    wait_for(lambda: purged.object() is None, 180, "the purge")
    assert _is_purged(purged)
    # The same spec writes nothing again: it is the same data's owner.
    for each, spec in ((kept, retain), (freed, purge)):
        wait_for(partial(_is_without_jobs, each), 180, "the end of its Jobs")
        each.apply(spec)
    for each in (kept, freed):
        each.complete()
        assert each.condition("Complete")["reason"] == "AlreadyComplete"
        assert (each.oid("events"), sorted(each.objects())) == before[each]
    freed.delete("--timeout=180s")
    assert _is_purged(freed)
    assert kept.rows("events") == 10_000, "it is nobody else's"


def _is_without_jobs(applied: Applied) -> bool:
    return not applied.children("jobs")


def _is_purged(applied: Applied) -> bool:
    """Its table and its parts are gone."""
    left = [key for key in applied.objects() if key.endswith(".parquet")]
    return applied.oid("events") is None and not left


def test_namespaces_go_though_their_operator_is_to_purge_and_has_only_rights_in_them(
    cluster: Cluster, installed: Installation, home: str
) -> None:
    """One in mid-run; and one where all has ended, so that nothing keeps the rights there long.

    That one's operator is a release of its own, in that very namespace.
    """
    with new_namespace(cluster) as other:
        installed.give_secrets(other)
        with installed.upgraded("--set", f"watchNamespaces={{{home}}}"):
            own = ("--set", f"watchNamespaces={{{other}}}", "--set", "crds.install=false")
            installed.upgrade(*own, release="beside", namespace=other)
            complete = Applied.of(installed, other, wide(1_000, deletionPolicy="Purge"))
            complete.complete()
            running = Applied.of(
                installed, home, wide(LONG, resources=SLOWLY, deletionPolicy="Purge")
            )
            running.under_way(1)
            cluster.kubectl("delete", "namespace", home, other, "--wait=false")
            wait_for(lambda: not _there(cluster, home, other), 180, "both namespaces to go")


@contextmanager
def _newer(node: Node, installed: Installation, *options: str) -> Iterator[Images]:
    """The release upgraded, with options, to newer images: the same, by other names."""
    images = installed.images
    newer = replace(
        images, worker=_tagged(images.worker, NEWER), operator=_tagged(images.operator, NEWER)
    )
    node.tag(images.worker, newer.worker)
    node.tag(images.operator, newer.operator)
    images_set = ("--set", f"worker.image.tag={NEWER}", "--set", f"image.tag={NEWER}")
    with installed.upgraded(*images_set, *options):
        yield newer


def _tagged(image: str, tag: str) -> str:
    return f"{image.rpartition(':')[0]}:{tag}"


def _images(pods: list[dict[str, Any]]) -> set[str]:
    return {one["image"] for pod in pods for one in pod["spec"]["containers"]}


def _made(node: Node, namespace: str, applied: Applied) -> Counter[str]:
    """How often a child of an Experiment was created, by name: a plan is named as its Job."""
    return Counter(
        call.name
        for call in operator_calls(node, namespace)
        if call.verb == "create"
        and call.resource in ("jobs", "configmaps")
        and call.code == 201
        and call.name.startswith(f"{applied.name}-")
    )


def _there(cluster: Cluster, *namespaces: str) -> list[str]:
    return [name for name in namespaces if cluster.find("namespace", name) is not None]
