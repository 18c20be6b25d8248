"""What the API server takes as a status, by the CRD itself."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from typing import Any

import jsonschema

from rowmill.spec.crd import crd


@cache
def _status_schema() -> Any:
    schema: dict[str, Any] = crd()["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    return jsonschema.Draft202012Validator(_closed(schema["properties"]["status"]))


def _closed(schema: dict[str, Any]) -> dict[str, Any]:
    """The schema, refusing what the API server would silently drop."""
    found = {k: v for k, v in schema.items() if not k.startswith("x-") and k != "format"}
    if "properties" in found:
        found["properties"] = {k: _closed(v) for k, v in found["properties"].items()}
        found["additionalProperties"] = False
    if "items" in found:
        found["items"] = _closed(found["items"])
    return found


def check_status(status: Mapping[str, Any]) -> None:
    """Raise ValidationError for a status that the API server would refuse, or not keep whole."""
    _status_schema().validate(json.loads(json.dumps(status)))
