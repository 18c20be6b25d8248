"""What the operator asked of the API server, as the node's audit log tells."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from tests.e2e.cluster.node import Node
from tests.e2e.installation import RELEASE, RELEASE_NAMESPACE

_ACCOUNT = f"system:serviceaccount:{RELEASE_NAMESPACE}:{RELEASE}"
_POD = "authentication.kubernetes.io/pod-name"
_READS = {"get", "list", "watch"}


@dataclass(frozen=True)
class Call:
    """A request that was answered. `resource` is as `jobs` or `experiments/status`."""

    at: datetime
    pod: str
    verb: str
    resource: str
    name: str
    code: int

    @property
    def writes(self) -> bool:
        return self.verb not in _READS


def operator_calls(node: Node, namespace: str) -> Iterator[Call]:
    """The calls of all operators about one namespace, oldest first."""
    for request in node.requests():
        about = request.get("objectRef") or {}
        if request["user"]["username"] != _ACCOUNT or about.get("namespace") != namespace:
            continue
        sub = about.get("subresource")
        yield Call(
            at=datetime.fromisoformat(request["requestReceivedTimestamp"]),
            pod=request["user"]["extra"][_POD][0],
            verb=request["verb"],
            resource=f"{about['resource']}/{sub}" if sub else about["resource"],
            name=about.get("name", ""),
            code=request["responseStatus"]["code"],
        )
