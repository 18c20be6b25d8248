"""The one module that talks to the API server to read, list and write; watching is Kopf's."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from typing import Any

import aiohttp
from kubernetes.aio.client import ApiClient, Configuration
from kubernetes.aio.config import load_incluster_config, load_kube_config

from rowmill.spec.cluster_names import API_VERSION, KIND, SELECTOR
from rowmill.spec.manifest.status import ExperimentStatus
from rowmill.version import VERSION
from rowmill_operator.apiserver.answers import (
    ApiError,
    Blocked,
    Unreachable,
    read_answer,
    same_child,
)
from rowmill_operator.apiserver.clock import Clock
from rowmill_operator.children.ownership import lost_labels
from rowmill_operator.memory.resources import EVENTS, EXPERIMENTS, JOBS, NAMESPACES, Resource
from rowmill_operator.memory.stored_status import status_json
from rowmill_operator.memory.views import Raw
from rowmill_operator.model.observed import Experiment

LOG = logging.getLogger("rowmill")
FIELD_MANAGER = "rowmill-operator"
# Most warnings of a busy cluster are of these two reasons, which say nothing that pods don't.
WARNINGS = "type=Warning,reason!=BackOff,reason!=Unhealthy,involvedObject.kind!=Node"
_SECONDS = 20.0
_PAGE = 100
_EVENT_CHARACTERS = 1_024
_APPLY = "application/apply-patch+yaml"
_MERGE = "application/merge-patch+json"
_WHOLE = "application/json"
_METADATA = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1,application/json"


class Cluster:
    """A connection to the API server, and its `clock`. `count` is told the verb of each call."""

    def __init__(self, configuration: Configuration, count: Callable[[str], None]) -> None:
        self.configuration = configuration
        # Proxies are the kubeconfig's to name; to look them up elsewhere costs a thread a call.
        configuration.client_session_kwargs = {"trust_env": False}
        self._client = ApiClient(configuration)
        self._client.user_agent = f"rowmill-operator/{VERSION}"
        self._count = count
        self.clock = Clock()
        self._timeout = aiohttp.ClientTimeout(total=_SECONDS)

    async def close(self) -> None:
        """Close all connections."""
        await self._client.close()

    async def get(self, resource: Resource, namespace: str, name: str) -> Raw:
        """The whole object.

        Raises:
            ApiError: among others 404, it is not there.
            Unreachable: no answer.
        """
        return await self._call("get", "GET", f"{resource.folder(namespace)}/{name}")

    async def namespace(self, name: str) -> Raw:
        """A Namespace; raises as `get` does."""
        return await self._call("get", "GET", f"{NAMESPACES.folder(None)}/{name}")

    async def pages(
        self, resource: Resource, namespace: str | None, *, metadata_only: bool = False
    ) -> AsyncIterator[tuple[Sequence[Raw], int]]:
        """All objects of ours, some at a time, and the version of the list.

        Of metadata alone they come as the server's cache has them, which costs it little.
        """
        query = {"limit": str(_PAGE)}
        if metadata_only:
            query = {"resourceVersion": "0"}
        if resource.children is not None:
            query["labelSelector"] = SELECTOR
        accept = _METADATA if metadata_only else _WHOLE
        async for page in self._pages(resource.folder(namespace), query, accept):
            yield page

    async def warnings(self, namespace: str | None) -> AsyncIterator[Sequence[Raw]]:
        """The Events of WARNINGS, some at a time."""
        query = {"limit": str(_PAGE), "fieldSelector": WARNINGS}
        async for page, _ in self._pages(EVENTS.folder(namespace), query, _WHOLE):
            yield page

    async def _pages(
        self, path: str, query: dict[str, str], accept: str
    ) -> AsyncIterator[tuple[Sequence[Raw], int]]:
        while True:
            page = await self._call("list", "GET", path, query, accept=accept)
            yield page.get("items") or (), int(page["metadata"]["resourceVersion"] or 0)
            following = page["metadata"].get("continue")
            if not following:
                return
            query["continue"] = following

    async def create_child(self, resource: Resource, manifest: Mapping[str, Any]) -> Raw:
        """POST a child, or find that it is there already, made for the same spec.

        Labels that it has lost are put on it again: without them nobody sees what becomes of it.

        Raises:
            Blocked: its name is still taken; try again later.
            ApiError: it is refused, or something that is not ours has its name.
            Unreachable: no answer.
        """
        meta = manifest["metadata"]
        try:
            return await self._call(
                "create", "POST", resource.folder(meta["namespace"]), body=manifest
            )
        except ApiError as error:
            if error.reason != "AlreadyExists":
                raise
        try:
            found = await self.get(resource, meta["namespace"], meta["name"])
        except ApiError as error:
            if error.status == 404:
                raise Blocked(f"{meta['name']} has just gone") from None
            raise
        found = same_child(resource, manifest, found)
        return await self.relabelled(resource, found, meta["labels"])

    async def relabelled(self, resource: Resource, found: Raw, wanted: Mapping[str, str]) -> Raw:
        """A child of ours with the labels again that somebody took off it; raises as above."""
        meta = found["metadata"]
        lost = lost_labels(wanted, meta.get("labels") or {})
        if not lost:
            return found
        LOG.warning(
            "%s/%s: the labels %s were taken off it, and are put on again",
            *(meta["namespace"], meta["name"], ", ".join(sorted(lost))),
        )
        seen = {"resourceVersion": meta["resourceVersion"], "uid": meta["uid"]}
        body = {"metadata": {**seen, "labels": lost}}
        path = f"{resource.folder(meta['namespace'])}/{meta['name']}"
        try:
            return await self._call("patch", "PATCH", path, body=body, content=_MERGE)
        except ApiError as error:
            if error.status in (404, 409):
                raise Blocked(f"{meta['name']} has changed meanwhile") from None
            raise

    async def delete(
        self, resource: Resource, namespace: str, name: str, uid: str, *, at_once: bool = False
    ) -> Raw | None:
        """Delete this very object, what depends on it first; it as it is then, if it still is.

        Args:
            resource: what it is.
            namespace: where it is.
            name: what it is called.
            uid: another object by that name is left alone.
            at_once: without grace: for a pod whose node does not answer.
        """
        options: dict[str, Any] = {
            "apiVersion": "v1",
            "kind": "DeleteOptions",
            "propagationPolicy": "Background" if at_once else "Foreground",
            "preconditions": {"uid": uid},
        }
        if at_once:
            options["gracePeriodSeconds"] = 0
        path = f"{resource.folder(namespace)}/{name}"
        try:
            answer = await self._call("delete", "DELETE", path, body=options)
        except ApiError as error:
            # 409: the UID is not this one's, so the object that was meant is gone.
            if error.status in (404, 409):
                return None
            raise
        return answer if (answer.get("metadata") or {}).get("uid") == uid else None

    async def set_parallelism(
        self, namespace: str, job: str, version: str, parallelism: int
    ) -> Raw:
        """Change how many pods of a Job work at once; raises as `get` does, 409 if it changed."""
        body = {"metadata": {"resourceVersion": version}, "spec": {"parallelism": parallelism}}
        path = f"{JOBS.folder(namespace)}/{job}"
        return await self._call("patch", "PATCH", path, body=body, content=_MERGE)

    async def set_finalizers(self, experiment: Experiment, finalizers: Sequence[str]) -> Raw:
        """Replace an Experiment's finalizers; raises as `get` does, 409 if it changed."""
        meta = {
            "resourceVersion": experiment.resource_version,
            "uid": experiment.uid,
            "finalizers": list(finalizers),
        }
        path = f"{EXPERIMENTS.folder(experiment.namespace)}/{experiment.name}"
        return await self._call("patch", "PATCH", path, body={"metadata": meta}, content=_MERGE)

    async def apply_status(
        self, experiment: Experiment, status: ExperimentStatus, *, unchanged: bool
    ) -> Raw:
        """Make this the whole status of this very Experiment; raises as `get` does.

        With `unchanged` only if nothing of it has changed since it was seen, else 409.
        """
        seen = {"resourceVersion": experiment.resource_version} if unchanged else {}
        body = {
            "apiVersion": API_VERSION,
            "kind": KIND,
            "metadata": {
                "name": experiment.name,
                "namespace": experiment.namespace,
                "uid": experiment.uid,
                **seen,
            },
            "status": status_json(status),
        }
        path = f"{EXPERIMENTS.folder(experiment.namespace)}/{experiment.name}/status"
        query = {"fieldManager": FIELD_MANAGER, "force": "true"}
        return await self._call("patch", "PATCH", path, query, body=body, content=_APPLY)

    async def report(
        self,
        experiment: Experiment,
        reason: str,
        message: str,
        *,
        warning: bool,
        at: str,
        once: str = "",
    ) -> None:
        """Write an Event about an Experiment; raises as `get` does.

        One with `once` is written a single time for as long as the cluster keeps it.
        """
        body = _event_about(experiment, f"{experiment.name}.{once}" if once else "") | {
            "type": "Warning" if warning else "Normal",
            "reason": reason[:128],
            "message": message[:_EVENT_CHARACTERS],
            "firstTimestamp": at,
            "lastTimestamp": at,
            "count": 1,
        }
        path = EVENTS.folder(experiment.namespace)
        try:
            await self._call("create", "POST", path, body=body)
        except ApiError as error:
            if not once or error.reason != "AlreadyExists":
                raise

    async def _call(
        self,
        verb: str,
        method: str,
        path: str,
        query: Mapping[str, str] | None = None,
        *,
        body: Mapping[str, Any] | None = None,
        content: str = _WHOLE,
        accept: str = _WHOLE,
    ) -> Raw:
        self._count(verb)
        asked = time.monotonic()
        try:
            _, url, headers, sent, _ = await self._client.param_serialize(
                method,
                path,
                query_params=list((query or {}).items()),
                header_params={"Accept": accept, "Content-Type": content},
                body=body,
                auth_settings=["BearerToken"],
            )
            response = await self._client.call_api(
                method, url, headers, sent, _request_timeout=self._timeout
            )
            data = await response.read()
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise Unreachable(f"{verb}: {type(error).__name__}: {error}") from None
        answer = read_answer(verb, response.status, data)
        self.clock.heard(response.headers.get("Date"), asked, time.monotonic())
        return answer


def _event_about(experiment: Experiment, name: str) -> dict[str, Any]:
    """An Event of ours that says nothing yet; without a name the API server gives it one."""
    return {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {
            "generateName": f"{experiment.name}.",
            "namespace": experiment.namespace,
            **({"name": name} if name else {}),
        },
        "involvedObject": {
            "apiVersion": API_VERSION,
            "kind": KIND,
            "namespace": experiment.namespace,
            "name": experiment.name,
            "uid": experiment.uid,
            "resourceVersion": experiment.resource_version,
        },
        "source": {"component": FIELD_MANAGER},
        "reportingComponent": FIELD_MANAGER,
        "reportingInstance": os.environ.get("HOSTNAME", FIELD_MANAGER)[:128],
    }


async def connect(environ: Mapping[str, str], count: Callable[[str], None]) -> Cluster:
    """Connect as KUBECONFIG says, else as the pod's service account.

    Raises:
        kubernetes.aio.config.ConfigException: neither is there, or it cannot be read.
    """
    configuration = Configuration()
    kubeconfig = environ.get("KUBECONFIG")
    if kubeconfig:
        await load_kube_config(
            config_file=kubeconfig, client_configuration=configuration, persist_config=False
        )
    else:
        load_incluster_config(client_configuration=configuration)
    # Some clusters' certificates lack extensions that Python asks for since 3.13; whom they are of
    # and who signed them is checked all the same.
    configuration.disable_strict_ssl_verification = True
    return Cluster(configuration, count)
