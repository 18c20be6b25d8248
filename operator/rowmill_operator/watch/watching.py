"""What Kopf is told: which objects to watch, and to leave no trace on any of them."""

from __future__ import annotations

import ssl
from collections.abc import Iterable, Mapping
from typing import Any

import kopf

from rowmill.spec.cluster_names import SELECTOR
from rowmill_operator.apiserver.cluster import WARNINGS, Cluster
from rowmill_operator.memory.queue import WorkQueue
from rowmill_operator.memory.resources import EVENTS, EXPERIMENTS, NAMESPACES, RESOURCES, Resource
from rowmill_operator.memory.store import Store
from rowmill_operator.model.settings import Settings
from rowmill_operator.watch.manifests import Manifests

# A watch that the server ends in time and by itself is not mistaken for one that broke.
_WATCH_SECONDS = 240
_CONNECT_SECONDS = 10.0
_REQUEST_SECONDS = 60.0
# Waits between tries, some minutes in all: an API server that restarts is waited for, and its
# return is noticed soon.
_BACKOFFS = (*[1.0] * 15, *[3.0] * 100)
_PAGE = 100
# How long Kopf keeps an object and a task for it after its last event.
_IDLE_SECONDS = 0.05
_EXIT_SECONDS = 10.0
# What comes in one burst, such as a Job's pods, is looked at once.
_BURST_SECONDS = 0.1


def watch_registry(
    cluster: Cluster, store: Store, manifests: Manifests, queue: WorkQueue, settings: Settings
) -> kopf.OperatorRegistry:
    """The handlers that put what is seen into the store, and its experiment into the queue.

    Handlers of events alone: they keep neither finalizers nor annotations on what they watch.
    """
    registry = kopf.OperatorRegistry()

    @kopf.on.login(registry=registry)
    async def login(**_: Any) -> kopf.ConnectionInfo:
        return await _connection(cluster)

    for resource in RESOURCES:
        _watch(registry, resource, store, manifests, queue)

    @kopf.on.event(*EVENTS.names, registry=registry)
    async def warned(event: Mapping[str, Any], **_: Any) -> None:
        if event["type"] != "DELETED":
            for key in store.see_warning(event["object"]):
                queue.add(key, _BURST_SECONDS)

    if not settings.namespaces:

        @kopf.on.event(*NAMESPACES.names, registry=registry)
        async def in_namespace(event: Mapping[str, Any], **_: Any) -> None:
            gone = event["type"] == "DELETED"
            for key in store.see_namespace(event["object"], gone=gone):
                queue.add(key, _BURST_SECONDS)

    return registry


def kopf_settings() -> kopf.OperatorSettings:
    """Kopf without its marks on objects, its Events, its peers and its look-out for new kinds."""
    settings = kopf.OperatorSettings()
    settings.posting.enabled = False
    settings.scanning.disabled = True
    settings.persistence.diffbase_storage = _NoDiffs()
    settings.watching.server_timeout = _WATCH_SECONDS
    settings.watching.connect_timeout = _CONNECT_SECONDS
    settings.watching.chunk_size = _PAGE
    settings.networking.request_timeout = _REQUEST_SECONDS
    settings.networking.connect_timeout = _CONNECT_SECONDS
    settings.networking.error_backoffs = _BACKOFFS
    settings.queueing.idle_timeout = _IDLE_SECONDS
    settings.process.ultimate_exiting_timeout = _EXIT_SECONDS
    for resource in RESOURCES:
        if resource.children is not None:
            settings.watching.label_selectors[resource.names] = SELECTOR
    settings.watching.field_selectors[EVENTS.names] = WARNINGS
    return settings


class _NoDiffs(kopf.DiffBaseStorage):
    """Compares nothing: Kopf would copy each object for it, tables of thousands of columns too."""

    def build(self, *, body: kopf.Body, extra_fields: Iterable[Any] | None = None) -> Any:
        return {}

    def fetch(self, *, body: kopf.Body) -> Any:
        return None

    def store(self, *, body: kopf.Body, patch: kopf.Patch, essence: Any) -> None:
        return None


def _watch(
    registry: kopf.OperatorRegistry,
    resource: Resource,
    store: Store,
    manifests: Manifests,
    queue: WorkQueue,
) -> None:
    @kopf.on.event(*resource.names, registry=registry, id=f"see-{resource.plural}")
    async def see(event: Mapping[str, Any], **_: Any) -> None:
        raw, gone = event["object"], event["type"] == "DELETED"
        if resource is EXPERIMENTS and not gone:
            manifests.keep(raw)
        key = store.see(resource, raw, gone=gone)
        if key is not None:
            queue.add(key, _BURST_SECONDS)


class _Connection(kopf.ConnectionInfo):
    """As strict about certificates as the client of apiserver/cluster.py."""

    def as_ssl_context(self) -> ssl.SSLContext:
        context = super().as_ssl_context()
        context.verify_flags &= ~ssl.VERIFY_X509_STRICT
        return context


async def _connection(cluster: Cluster) -> kopf.ConnectionInfo:
    """Kopf's way to the API server: the client's own."""
    configuration = cluster.configuration
    bearer = await configuration.get_api_key_with_prefix("BearerToken", alias="authorization")
    scheme, _, token = (bearer or "").partition(" ")
    return _Connection(
        server=configuration.host,
        ca_path=configuration.ssl_ca_cert,
        insecure=not configuration.verify_ssl,
        scheme="Bearer" if bearer else None,
        token=(token or scheme).strip() or None,
        certificate_path=configuration.cert_file,
        private_key_path=configuration.key_file,
    )
