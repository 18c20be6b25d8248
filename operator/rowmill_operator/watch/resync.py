"""Compares the store with lists of what there is: a watch that broke may have missed something."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from itertools import chain, product, repeat

from rowmill.spec.cluster_names import DIGEST
from rowmill_operator.apiserver.answers import ApiError, Blocked, Unreachable
from rowmill_operator.apiserver.cluster import Cluster
from rowmill_operator.decide.lost import jobless
from rowmill_operator.memory.queue import Key
from rowmill_operator.memory.resources import EXPERIMENTS, JOBS, RESOURCES, Resource
from rowmill_operator.memory.store import Store
from rowmill_operator.memory.views import Raw
from rowmill_operator.model.names import job_name, labels
from rowmill_operator.model.observed import Pod
from rowmill_operator.watch.manifests import Manifests

LOG = logging.getLogger("rowmill")
_SECONDS = 120.0
# Watches begin a moment after the first decisions: of what goes in between, none of them tells. The
# first list may still be older than that.
_AT_START = (3.0, 10.0)
# Kubernetes waits five seconds before it takes what is in a namespace: in any order, the operator's
# rights as well as an Experiment that it alone can set free.
_NAMESPACE_SECONDS = 2.0


class Resync:
    """Fills the store at the start, and again sets it right every two minutes.

    `changed` is told of each experiment of which something was found that the store did not have.
    """

    def __init__(
        self,
        cluster: Cluster,
        store: Store,
        manifests: Manifests,
        namespaces: Sequence[str],
        changed: Callable[[Key], None],
    ) -> None:
        self._cluster = cluster
        self._store = store
        self._manifests = manifests
        self._scopes: list[str | None] = [*namespaces] or [None]
        self._changed = changed

    async def fill(self) -> None:
        """Take in all there is, so that nothing is decided on a part of it.

        Raises:
            ApiError: a list is refused; 404 for Experiments: the CRD is not there.
            Unreachable: no answer.
        """
        for resource in RESOURCES:
            for scope in self._scopes:
                async for page, _ in self._cluster.pages(resource, scope):
                    for raw in page:
                        self._see(resource, raw)
        for scope in self._scopes:
            async for warnings in self._cluster.warnings(scope):
                for raw in warnings:
                    self._store.see_warning(raw)

    async def run(self) -> None:
        """Compare for ever, and soon at first."""
        for seconds in chain(_AT_START, repeat(_SECONDS)):
            await asyncio.sleep(seconds)
            try:
                await self.compare()
            except Unreachable as error:
                LOG.warning("cannot compare with what there is: %s", error)

    async def compare(self) -> None:
        """Drop what is gone, fetch what is newer; what is refused keeps nothing else from it.

        Raises:
            Unreachable: no answer.
        """
        for key in self._store.tidy(self._cluster.clock.now()):
            self._changed(key)
        for resource, scope in product(RESOURCES, self._scopes):
            try:
                await self._compare(resource, scope)
            except ApiError as error:
                where = "all namespaces" if scope is None else f"the namespace {scope}"
                LOG.warning("cannot compare with the %s in %s: %s", resource.plural, where, error)
        for key in list(self._store.ours()):
            await self._find_jobs(key)

    async def watch_namespaces(self) -> None:
        """See for ever whether the operator's namespaces terminate, where no watch may tell so."""
        while True:
            await self.look_at_namespaces()
            await asyncio.sleep(_NAMESPACE_SECONDS)

    async def look_at_namespaces(self) -> None:
        """See whether one of the operator's namespaces terminates."""
        for scope in self._scopes:
            if scope is None:
                continue
            try:
                raw = await self._cluster.namespace(scope)
            except (ApiError, Unreachable) as error:
                LOG.warning("cannot see whether the namespace %s terminates: %s", scope, error)
                continue
            for key in self._store.see_namespace(raw):
                self._changed(key)

    async def _compare(self, resource: Resource, scope: str | None) -> None:
        listed: set[str] = set()
        newest = 0
        behind: list[tuple[str, str]] = []
        async for page, version_of_list in self._cluster.pages(resource, scope, metadata_only=True):
            newest = version_of_list
            for raw in page:
                meta = raw["metadata"]
                version = int(meta["resourceVersion"])
                listed.add(meta["uid"])
                if self._store.is_behind(meta["uid"], version):
                    behind.append((meta["namespace"], meta["name"]))
        for uid in self._store.stale(resource, scope, listed, newest):
            self._report(self._store.forget(uid, newest))
        for namespace, name in behind:
            try:
                raw = await self._cluster.get(resource, namespace, name)
            except ApiError as error:
                if error.status != 404:
                    raise
            else:
                self._report(self._see(resource, raw))

    async def _find_jobs(self, key: Key) -> None:
        """Put its labels on each Job again of which pods alone are seen: none else ends them."""
        observed = self._store.gather(key)
        if observed is None:
            return
        for pod in jobless(observed):
            name = job_name(key[1], pod.number, pod.task)
            try:
                await self._find_job(key, name, pod)
            except Blocked as reason:
                LOG.info("%s/%s: %s", *key, reason)
            except (ApiError, Unreachable) as error:
                # Such as that of a webhook, which may answer so to this Job alone.
                LOG.warning("%s/%s: the Job %s gets no labels: %s", *key, name, error)

    async def _find_job(self, key: Key, name: str, pod: Pod) -> None:
        try:
            raw = await self._cluster.get(JOBS, key[0], name)
        except ApiError as error:
            if error.status != 404:
                raise
            return
        if raw["metadata"]["uid"] == pod.job_uid:
            wanted = labels(key[1], pod.number, pod.task, "")
            del wanted[DIGEST]
            self._report(self._see(JOBS, await self._cluster.relabelled(JOBS, raw, wanted)))

    def _see(self, resource: Resource, raw: Raw) -> Key | None:
        """Take in an object. One that cannot be read is passed over: it must not stop the rest."""
        try:
            if resource is EXPERIMENTS:
                self._manifests.keep(raw)
            return self._store.see(resource, raw)
        except Exception:
            meta = raw["metadata"]
            LOG.exception("cannot read %s %s/%s", resource.plural, meta["namespace"], meta["name"])
            return None

    def _report(self, key: Key | None) -> None:
        if key is not None:
            self._changed(key)
