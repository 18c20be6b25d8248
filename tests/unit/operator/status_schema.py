"""What the API server takes as a status, by the CRD itself, and gives back."""

from __future__ import annotations

import json
from functools import cache
from typing import Any

import jsonschema

from rowmill.spec.crd.definition import crd
from rowmill.spec.manifest.status import ExperimentStatus
from rowmill_operator.memory.stored_status import read_status, status_json


@cache
def _status_schema(words: tuple[str, ...]) -> Any:
    schema: dict[str, Any] = crd()["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    return jsonschema.Draft202012Validator(_closed(schema["properties"]["status"], words))


def _closed(schema: dict[str, Any], words: tuple[str, ...]) -> dict[str, Any]:
    """The schema, refusing what the API server would silently drop."""
    found = {k: v for k, v in schema.items() if not k.startswith("x-") and k != "format"}
    if "properties" in found:
        found["properties"] = {k: _closed(v, words) for k, v in found["properties"].items()}
        found["additionalProperties"] = False
    if "items" in found:
        found["items"] = _closed(found["items"], words)
    if "enum" in found:
        found["enum"] = [*found["enum"], *words]
    return found


def kept(status: ExperimentStatus, words: tuple[str, ...] = ()) -> ExperimentStatus:
    """The status as it is read once it was written.

    Args:
        status: what the operator writes.
        words: what the CRD of a later release takes besides wherever this one takes but a few.

    Raises:
        ValidationError: the API server would refuse it, or not keep it whole.
    """
    written = json.loads(json.dumps(status_json(status)))
    _status_schema(words).validate(written)
    again = read_status(written)
    assert again == status, "what is written is what is read"
    return again
