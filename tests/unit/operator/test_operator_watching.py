from __future__ import annotations

import asyncio
from typing import Any, cast

import kopf
from kubernetes.aio.client import Configuration

from rowmill_operator.apiserver.cluster import Cluster
from rowmill_operator.memory.queue import TokenBucket, WorkQueue
from rowmill_operator.memory.store import Store
from rowmill_operator.model.settings import Settings
from rowmill_operator.watch.manifests import Manifests
from rowmill_operator.watch.watching import kopf_settings, watch_registry
from tests.unit.operator.memory_cluster import SETTINGS
from tests.unit.operator.raw_objects import raw_event, raw_experiment, raw_job
from tests.unit.operator.test_operator_store import KEY


class Watched:
    """The handlers that Kopf would call, by their names."""

    def __init__(self, settings: Settings = SETTINGS) -> None:
        self.store, self.manifests = Store(), Manifests()
        self.now = 0.0
        self.queue = WorkQueue(TokenBucket(1e6, 1e6), clock=lambda: self.now)
        configuration = Configuration(host="https://10.0.0.1:443")
        configuration.api_key["BearerToken"] = "bearer a-token\n"
        self.registry = watch_registry(
            Cluster(configuration, lambda _: None),
            self.store,
            self.manifests,
            self.queue,
            settings,
        )
        watching = self.registry._watching.get_all_handlers()
        activities = self.registry._activities.get_all_handlers()
        self.handlers: dict[str, Any] = {
            str(handler.id).rpartition(".")[2]: handler.fn for handler in (*watching, *activities)
        }

    def report(self, handler: str, kind: str | None, raw: dict[str, Any]) -> None:
        asyncio.run(self.handlers[handler](event={"type": kind, "object": raw}, logger=None))


def watched(settings: Settings = SETTINGS) -> Watched:
    async def built() -> Watched:
        return Watched(settings)

    return asyncio.run(built())


def test_only_handlers_that_leave_no_trace_are_registered() -> None:
    registry = watched().registry
    assert list(registry._changing.get_all_handlers()) == []
    assert list(registry._spawning.get_all_handlers()) == []
    assert list(registry._indexing.get_all_handlers()) == []


def test_a_burst_of_events_is_one_look_a_little_later() -> None:
    seen = watched()
    seen.report("see-experiments", None, raw_experiment())
    seen.report("see-jobs", "ADDED", raw_job())
    seen.report("see-jobs", "MODIFIED", raw_job(version=21))
    assert seen.queue.depth() == 0
    seen.now = 1.0
    assert seen.queue.depth() == 1
    assert seen.store.gather(KEY) is not None


def test_a_deleted_experiment_is_dropped() -> None:
    seen = watched()
    seen.report("see-experiments", None, raw_experiment())
    seen.report("see-experiments", "DELETED", raw_experiment(version=12))
    assert seen.store.gather(KEY) is None


def test_a_warning_is_taken_in_until_it_is_deleted() -> None:
    seen = watched()
    seen.report("see-experiments", None, raw_experiment())
    seen.report("see-jobs", None, raw_job())
    seen.report("warned", "DELETED", raw_event("shop-run-1", "job-1", kind="Job"))
    observed = seen.store.gather(KEY)
    assert observed is not None
    assert observed.warnings == ()
    seen.report("warned", "ADDED", raw_event("shop-run-1", "job-1", kind="Job"))
    observed = seen.store.gather(KEY)
    assert observed is not None
    assert len(observed.warnings) == 1


def test_namespaces_are_watched_by_an_operator_of_the_whole_cluster_alone() -> None:
    assert "in_namespace" in watched().handlers
    assert (
        "in_namespace"
        not in watched(Settings("here", "here/rowmill", "w:1", namespaces=("team",))).handlers
    )
    seen = watched()
    seen.report("see-experiments", None, raw_experiment())
    terminating = {"metadata": {"name": "team", "deletionTimestamp": "2026-03-01T12:00:00Z"}}
    seen.report("in_namespace", "MODIFIED", terminating)
    assert seen.store.namespace_terminating("team")


def test_kopf_goes_to_the_server_as_the_client_does() -> None:
    connection = asyncio.run(watched().handlers["login"]())
    assert isinstance(connection, kopf.ConnectionInfo)
    assert connection.server == "https://10.0.0.1:443"
    assert connection.as_http_headers() == {"Authorization": "Bearer a-token"}


def test_kopf_keeps_its_hands_off() -> None:
    settings = kopf_settings()
    assert not settings.posting.enabled
    storage = settings.persistence.diffbase_storage
    body = kopf.Body(cast(kopf.RawBody, raw_experiment()))
    assert storage.fetch(body=body) is None
    assert storage.build(body=body) == {}
