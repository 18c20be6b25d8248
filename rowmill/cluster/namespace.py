"""The API server as an engine sees it: Experiments to read and patch, pods and their logs."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import quote

import urllib3

from rowmill.cluster.apiserver.access import access_of
from rowmill.cluster.apiserver.connection import APPLY_PATCH, JSON, MERGE_PATCH, Connection
from rowmill.cluster.apiserver.kubeconfig import Wanted, choose
from rowmill.cluster.failures import ApiRefused, ApiUnreachable
from rowmill.engine.cancellation import Cancellation
from rowmill.engine.unknown_names import unknown_experiment
from rowmill.errors import Conflict, NotFound, RowmillError
from rowmill.spec.cluster_names import API_VERSION, INDEX, PLURAL, TASK, run_selector

Raw = Mapping[str, Any]

_SECONDS = 20.0
# Each Experiment of a list comes with its whole spec.
_CHUNK = 100
# What an API server answers that is starting, or a proxy before it: in a moment it may be well.
_PASSING = frozenset({429, 500, 502, 503, 504})
# What the name of an object may be; no other is asked for, "" least, whose path is the list's.
_OBJECT_NAME = re.compile(r"[a-z0-9](?:[-.a-z0-9]{0,251}[a-z0-9])?")
# By whom fields are set, whichever face asks for it.
_MANAGER = "rowmill"


@dataclass(frozen=True)
class Pod:
    """A pod of a run; `shard` is None of finalize, `phase` and `created` as Kubernetes has them."""

    name: str
    task: str
    shard: int | None
    phase: str
    created: str


@dataclass(frozen=True)
class StampedLine:
    """A line of a pod's log, and when its node took it down, as that stamps it."""

    stamp: str
    text: str


class Cluster(Protocol):
    """What the commands ask of one namespace of a cluster.

    Every method raises ApiRefused or ApiUnreachable; those that take a NAME raise NotFound if
    there is no such Experiment.
    """

    namespace: str

    def now(self) -> datetime:
        """The API server's time, by which its stamps have their age."""

    def experiment(self, name: str) -> Raw:
        """The Experiment NAME."""

    def experiments(self) -> Iterable[Raw]:
        """All Experiments of the namespace, by name, asked for as they are read."""

    def patch(self, name: str, body: Raw) -> None:
        """Change the Experiment by a JSON merge patch."""

    def apply(self, document: Raw, *, dry_run: bool) -> Raw:
        """Have an Experiment as the document says, by server-side apply; with `dry_run` only look.

        Raises:
            Conflict: it is no longer of the document's resourceVersion.
        """

    def delete(self, name: str, uid: str) -> None:
        """Delete the Experiment NAME of this UID.

        Raises:
            Conflict: it has another UID by now.
        """

    def pods(self, name: str, number: int) -> Sequence[Pod]:
        """The pods of run `number`."""

    def log(self, pod: str) -> Iterator[str]:
        """A pod's lines until now."""

    def follow_log(
        self, pod: str, since: str | None, cancellation: Cancellation
    ) -> Iterator[StampedLine]:
        """A pod's lines until it ends; with `since`, a stamp of a whole second, from there on.

        Raises:
            Cancelled: by its cancellation, though the pod is silent.
        """


def connect(wanted: Wanted) -> Cluster:
    """The cluster that the kubeconfig names; nothing is asked of it yet.

    Raises:
        NoAccess: the kubeconfig, or what is wanted of it, is no good.
    """
    access = access_of(choose(wanted, os.environ, Path.home()), os.environ)
    return _ApiServer(Connection(access), access.namespace)


class _ApiServer:
    """A namespace of a real cluster."""

    def __init__(self, connection: Connection, namespace: str) -> None:
        self.namespace = namespace
        self._connection = connection

    def now(self) -> datetime:
        return self._connection.now or datetime.now(UTC)

    def experiment(self, name: str) -> Raw:
        try:
            if _OBJECT_NAME.fullmatch(name):
                return self._document("GET", _experiments(self.namespace, name))
        except _NoObject:
            # Told with those that there are.
            pass
        known = [str(each["metadata"]["name"]) for each in self.experiments()]
        said = f"there is no Experiment {name!r} in namespace {self.namespace!r}"
        raise unknown_experiment(said, name, known, "take another namespace with -n")

    def experiments(self) -> Iterator[Raw]:
        """As of `Cluster`; the API server cuts its list by names."""
        query = {"limit": str(_CHUNK)}
        while True:
            found = self._document("GET", _experiments(self.namespace), query)
            yield from sorted(found["items"], key=lambda each: str(each["metadata"]["name"]))
            following = (found.get("metadata") or {}).get("continue")
            if not following:
                return
            query["continue"] = str(following)

    def patch(self, name: str, body: Raw) -> None:
        query = {"fieldManager": _MANAGER}
        self._document("PATCH", _experiments(self.namespace, name), query, body)

    def apply(self, document: Raw, *, dry_run: bool) -> Raw:
        name = str(document["metadata"]["name"])
        # Whoever applies a manifest means all of it, also what another tool set before.
        query = {"fieldManager": _MANAGER, "force": "true"}
        query |= {"dryRun": "All"} if dry_run else {}
        path = _experiments(self.namespace, name)
        return self._document("PATCH", path, query, document, APPLY_PATCH)

    def delete(self, name: str, uid: str) -> None:
        body = {"preconditions": {"uid": uid}}
        self._document("DELETE", _experiments(self.namespace, name), {}, body, JSON)

    def pods(self, name: str, number: int) -> Sequence[Pod]:
        query = {"labelSelector": run_selector(name, number)}
        found = self._document("GET", f"/api/v1/namespaces/{self.namespace}/pods", query)
        return [_pod(each) for each in found["items"]]

    def log(self, pod: str) -> Iterator[str]:
        return self._lines(pod, {"follow": "false"}, Cancellation())

    def follow_log(
        self, pod: str, since: str | None, cancellation: Cancellation
    ) -> Iterator[StampedLine]:
        query = {"follow": "true", "timestamps": "true"}
        asked = {**query, **({"sinceTime": since} if since else {})}
        for line in self._lines(pod, asked, cancellation):
            stamp, _, text = line.partition(" ")
            yield StampedLine(stamp, text)

    def _lines(
        self, pod: str, query: Mapping[str, str], cancellation: Cancellation
    ) -> Iterator[str]:
        path = f"/api/v1/namespaces/{self.namespace}/pods/{quote(pod, safe='')}/log"
        # A pod may be silent for as long as it likes.
        response = self._answer("GET", path, query, seconds=None)
        try:
            with self._hearing(), cancellation.telling(partial(_hear_no_more, response)):
                for line in response:
                    yield line.decode("utf-8", "replace").rstrip("\n")
        except ApiUnreachable:
            cancellation.check()
            raise
        # What was cut may also end as if the log did.
        cancellation.check()

    def _document(
        self,
        method: str,
        path: str,
        query: Mapping[str, str] | None = None,
        body: Raw | None = None,
        content: str = MERGE_PATCH,
    ) -> Raw:
        response = self._answer(method, path, query or {}, body, _SECONDS, content)
        with self._hearing():
            data = response.data
        try:
            document = json.loads(data)
        except ValueError:
            document = None
        if not isinstance(document, dict):
            raise ApiRefused("ApiRefused", "the API server answers something that is no object")
        return document

    def _answer(
        self,
        method: str,
        path: str,
        query: Mapping[str, str],
        body: Raw | None = None,
        seconds: float | None = None,
        content: str = MERGE_PATCH,
    ) -> urllib3.BaseHTTPResponse:
        # A manifest's fractions are exact until here; JSON's are what the API server reads.
        sent = None if body is None else json.dumps(body, default=float).encode()
        with self._hearing():
            response = self._connection.request(method, path, query, sent, seconds, content)
            if response.status >= 300:
                raise _refusal(response.status, response.data, self.namespace)
        return response

    @contextmanager
    def _hearing(self) -> Iterator[None]:
        try:
            yield
        except urllib3.exceptions.HTTPError as error:
            host = self._connection.server
            raise ApiUnreachable(f"the API server {host} does not answer: {error}") from None


def _hear_no_more(response: urllib3.BaseHTTPResponse) -> None:
    # It may have ended by itself meanwhile.
    with suppress(ValueError, RuntimeError, OSError):
        response.shutdown()


class _NoObject(NotFound):
    """There is no object of that name: an Experiment, or the namespace of one."""


def _experiments(namespace: str, name: str | None = None) -> str:
    path = f"/apis/{API_VERSION}/namespaces/{quote(namespace, safe='')}/{PLURAL}"
    return path if name is None else f"{path}/{quote(name, safe='')}"


def _refusal(status: int, data: bytes, namespace: str) -> RowmillError:
    document = _status(data)
    message = str(document.get("message") or f"HTTP {status}")
    if status == 401:
        return ApiRefused(
            "Unauthorized", "the API server does not know you; sign in again, as for kubectl"
        )
    if status == 403:
        return ApiRefused(
            "Forbidden",
            f"{message}; ask for that right in namespace {namespace!r}: the ClusterRole edit (to "
            "look: view) has it, but on Experiments not with the chart's watchNamespaces, nor "
            "without its rbac.userRoles",
        )
    if status == 404 and not (document.get("details") or {}).get("name"):
        return ApiRefused(
            "CrdMissing",
            "this cluster knows no Experiments; install the chart, or its CRD: "
            "rowmill crd | kubectl apply --server-side -f -",
        )
    if status == 404:
        return _NoObject("NoObject", message)
    if status in _PASSING:
        return ApiUnreachable(f"the API server answers {status}: {message}")
    if status == 409:
        return Conflict("Changed", f"{message}; look at it as it is now, and try again")
    return ApiRefused("ApiRefused", f"the API server answers {status}: {message}")


def _status(data: bytes) -> Mapping[str, Any]:
    """The Status that the API server answers with, {} if a proxy or the like said something."""
    try:
        document = json.loads(data)
    except ValueError:
        return {}
    return document if isinstance(document, dict) else {}


def _pod(found: Raw) -> Pod:
    metadata = found["metadata"]
    labels = metadata.get("labels") or {}
    index = labels.get(INDEX)
    return Pod(
        name=metadata["name"],
        task=labels.get(TASK, ""),
        shard=int(index) if index is not None else None,
        phase=(found.get("status") or {}).get("phase") or "Pending",
        created=metadata["creationTimestamp"],
    )
