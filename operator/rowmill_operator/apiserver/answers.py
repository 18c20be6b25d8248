"""What the API server's answers mean: objects, refusals, no answer at all, a name that is taken."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from rowmill.spec.cluster_names import DIGEST
from rowmill_operator.memory.resources import Resource
from rowmill_operator.memory.views import Raw


class ApiError(Exception):
    """The API server answered with a refusal; `causes` are the reasons in its details."""

    def __init__(self, status: int, reason: str, message: str, causes: Sequence[str] = ()) -> None:
        super().__init__(f"the API server answered {status} {reason}: {message}")
        self.status = status
        self.reason = reason
        self.message = message
        self.causes = tuple(causes)


class Unreachable(Exception):
    """No answer, or one that says nothing of the request: whether it was done is not known."""


class Blocked(Exception):
    """A name is taken for now: by an object that is being deleted, or by another decision."""


def read_answer(verb: str, status: int, data: bytes) -> Raw:
    """The object in an answer.

    Raises:
        ApiError: the API server refused.
        Unreachable: the answer says nothing of the request.
    """
    try:
        answer = json.loads(data)
    except ValueError:
        answer = None
    if status == 404 and not isinstance(answer, dict):
        # So it answers for a kind that it does not know.
        raise ApiError(404, "NotFound", data[:100].decode(errors="replace").strip())
    if not isinstance(answer, dict):
        raise Unreachable(f"{verb}: an answer {status} that is no JSON object")
    if 200 <= status < 300:
        return answer
    if status >= 500 or status == 429:
        raise Unreachable(f"{verb}: {status} {answer.get('reason')}: {answer.get('message')}")
    causes = (answer.get("details") or {}).get("causes") or ()
    raise ApiError(
        status,
        str(answer.get("reason", "")),
        str(answer.get("message", "")),
        [str(cause.get("reason", "")) for cause in causes],
    )


def same_child(resource: Resource, wanted: Mapping[str, Any], found: Raw) -> Raw:
    """What has the name already, if it is the child that is wanted.

    Raises:
        ApiError: it is somebody else's.
        Blocked: it is on its way out, or of another spec.
    """
    meta, name = found["metadata"], wanted["metadata"]["name"]
    if meta.get("deletionTimestamp"):
        raise Blocked(f"the {resource.plural} {name} is still being deleted")
    if _controller(meta) != _controller(wanted["metadata"]):
        raise ApiError(
            409,
            "AlreadyExists",
            f"{resource.plural} {name} exists and is not this Experiment's; delete or rename it",
        )
    digest = (meta.get("labels") or {}).get(DIGEST)
    if digest not in (None, wanted["metadata"]["labels"][DIGEST]):
        raise Blocked(f"the {resource.plural} {name} was made for another spec")
    return found


def _controller(meta: Mapping[str, Any]) -> str | None:
    owners = meta.get("ownerReferences") or ()
    return next((owner["uid"] for owner in owners if owner.get("controller")), None)
