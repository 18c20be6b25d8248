"""Makes, changes and deletes objects; what was refused is not asked for again at once."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine, Mapping
from typing import Any

from rowmill_operator.apiserver.answers import ApiError, Blocked
from rowmill_operator.apiserver.cluster import Cluster
from rowmill_operator.memory.intake import Intake
from rowmill_operator.memory.queue import Key
from rowmill_operator.memory.resources import Resource
from rowmill_operator.memory.views import Raw
from rowmill_operator.model.run_condition import timestamp

LOG = logging.getLogger("rowmill")
# How long a child that was refused is not asked for again: a quota is mended by people.
_REFUSED_AGAIN = 20.0
_TERMINATING = "NamespaceTerminating"


class Children:
    """The children of all experiments, and the experiments themselves but for their statuses."""

    def __init__(self, cluster: Cluster, intake: Intake) -> None:
        self._cluster = cluster
        self._intake = intake
        # By experiment and child: until when a refused one is not asked for again.
        self._refused: dict[tuple[Key, str], float] = {}

    async def create(self, key: Key, resource: Resource, manifest: Mapping[str, Any]) -> None:
        """Make a child, unless it was refused just now; a new refusal is taken in, too."""
        name = manifest["metadata"]["name"]
        if self.is_refused(key, name):
            return
        try:
            raw = await self._cluster.create_child(resource, manifest)
        except ApiError as error:
            if error.status == 401:
                raise
            self._note_refusal(key, name, error)
            return
        self._refused.pop((key, name), None)
        self._intake.store.accepted(key, name)
        self._intake.saw(resource, raw)

    def is_refused(self, key: Key, name: str) -> bool:
        """Whether a child was refused so lately that it is not asked for again yet."""
        left = self._refused.get((key, name), 0.0) - asyncio.get_running_loop().time()
        if left > 0:
            self._intake.queue.add(key, left)
        return left > 0

    async def delete(self, resource: Resource, namespace: str, name: str, uid: str) -> None:
        """Delete an object; one that is gone is none to take in."""
        raw = await self._cluster.delete(resource, namespace, name, uid)
        if raw is not None:
            self._intake.saw(resource, raw)

    async def change(
        self, resource: Resource, namespace: str, name: str, change: Coroutine[Any, Any, Raw]
    ) -> None:
        """Make a change to what was seen.

        Raises:
            Blocked: it is another by now, or gone, which is looked at next.
        """
        try:
            raw = await change
        except ApiError as error:
            if error.status == 404:
                raise Blocked(f"{name} has just gone") from None
            if error.status != 409:
                raise
            self._intake.saw(resource, await self._cluster.get(resource, namespace, name))
            raise Blocked(f"{name} has changed meanwhile") from None
        self._intake.saw(resource, raw)

    def forget(self, key: Key) -> None:
        """The experiment is gone."""
        for refused in [known for known in self._refused if known[0] == key]:
            del self._refused[refused]

    def _note_refusal(self, key: Key, name: str, error: ApiError) -> None:
        """Have the refusal observed, and the child asked for again after a while."""
        if _TERMINATING in error.causes:
            self._namespace_terminates(key[0])
            return
        LOG.warning("%s/%s: %s is refused: %s", *key, name, error.message)
        until = asyncio.get_running_loop().time() + _REFUSED_AGAIN
        self._refused[key, name] = until
        self._intake.store.refused(key, name, error.message, self._cluster.clock.now())
        self._intake.queue.add(key)

    def _namespace_terminates(self, namespace: str) -> None:
        meta = {"name": namespace, "deletionTimestamp": timestamp(self._cluster.clock.now())}
        for key in self._intake.store.see_namespace({"metadata": meta}):
            self._intake.queue.add(key)
