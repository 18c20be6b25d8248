"""A manifest as the body of a call: its text, YAML or JSON, at most 1 MiB of it."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Depends, Query, Request

from rowmill.console.sandbox.requests import Text
from rowmill.errors import Invalid
from rowmill.spec.load import decode_manifest

TYPES = ("application/yaml", "application/json", "application/x-yaml", "text/yaml")
# curl says this of every body, unless it is told another.
_UNSAID = "application/x-www-form-urlencoded"
# How the OpenAPI document tells of the body, which is read as it comes.
IN_OPENAPI: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "application/yaml": {"schema": {"type": "string"}},
            "application/json": {"schema": {"type": "object"}},
        },
    }
}


async def _manifest(request: Request) -> str:
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind not in (*TYPES, _UNSAID, ""):
        raise Invalid(
            "UnsupportedMediaType",
            f"a manifest is sent as {TYPES[0]} or {TYPES[1]}, not as {kind}",
        )
    return decode_manifest(await request.body(), "the body")


Manifest = Annotated[str, Depends(_manifest)]
Scale = Annotated[
    str | None, Query(max_length=100, description="Use this scale instead of the manifest's.")
]
Seed = Annotated[
    int | None,
    Query(ge=-(2**63), lt=2**63, description="Use this seed instead of the manifest's."),
]


def _text(manifest: Manifest, scale: Scale = None, seed: Seed = None) -> Text:
    return Text(manifest, scale, seed)


# The manifest of the body, with what the query sets over it.
Sent = Annotated[Text, Depends(_text)]
