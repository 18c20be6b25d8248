"""What the operator asked of the API server, as the server's own audit log tells it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from tests.e2e.cluster.node import Node

_WRITES = {"create", "update", "patch", "delete", "deletecollection"}
# Of its own calls, and of the watches that Kopf keeps for it.
_AGENTS = ("rowmill-operator/", "kopf/")


@dataclass(frozen=True)
class Request:
    """A call to the API server: its verb, what kind it is about and what that is called."""

    verb: str
    kind: str
    name: str

    @property
    def writes(self) -> bool:
        return self.verb in _WRITES

    @property
    def experiment(self) -> str:
        """Which Experiment it is about, or a child of which; "" if it is about many."""
        return re.split(r"[-.]", self.name)[0]


def requests_since(node: Node, began: datetime) -> Iterator[Request]:
    """The operator's calls that were received at `began` (UTC) or later."""
    for entry in node.requests():
        agent = str(entry.get("userAgent", ""))
        if agent.startswith(_AGENTS) and _received(entry) >= began:
            about = entry.get("objectRef") or {}
            kind = "/".join(filter(None, (about.get("resource"), about.get("subresource"))))
            yield Request(entry["verb"], kind, about.get("name", ""))


def now() -> datetime:
    """The time, as the audit log writes it."""
    return datetime.now(UTC)


def _received(entry: Mapping[str, Any]) -> datetime:
    return datetime.fromisoformat(entry["requestReceivedTimestamp"].replace("Z", "+00:00"))
