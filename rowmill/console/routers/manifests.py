"""`/api/validate`, `plan`, `preview`, `schema`: what can be said of a manifest that is sent."""

from __future__ import annotations

from functools import cache
from typing import Annotated, Any

from fastapi import APIRouter, Query
from pydantic import BaseModel

from rowmill.console import shapes
from rowmill.console.manifest_body import IN_OPENAPI, Sent
from rowmill.console.parameters import BatchRows, Limit, Offset, Workers
from rowmill.console.problem_details import PlacedProblem
from rowmill.console.services import Known
from rowmill.console.shapes import CamelModel

router = APIRouter(tags=["manifests"])


class Valid(BaseModel):
    """What a manifest holds; `warnings` are what is probably not meant."""

    valid: bool
    name: str
    digest: str
    tables: int
    rows: int
    warnings: list[PlacedProblem]


class PlannedTable(CamelModel):
    """A table's part of a plan; bytes are estimates of the rows before compression."""

    name: str
    rows: int
    row_bytes: int
    bytes: int
    batch_rows: int
    batches: int
    parts: int


class Planned(CamelModel):
    """The plan that a new run would freeze."""

    name: str
    digest: str
    data_version: int
    tables: list[PlannedTable]
    rows: int
    bytes: int
    shards: int
    workers: int
    memory_per_worker: int
    disks: list[dict[str, Any]]


@router.post("/validate", responses={200: {"model": Valid}}, openapi_extra=IN_OPENAPI)
def validate(sent: Sent, services: Known) -> dict[str, Any]:
    """Check a manifest; 422 with all that is wrong with it, by path and line."""
    found: dict[str, Any] = services.sandbox.ask("validate", sent)
    return found


@router.post("/plan", responses={200: {"model": Planned}}, openapi_extra=IN_OPENAPI)
def plan(
    sent: Sent,
    services: Known,
    workers: Workers = None,
    batch_rows: BatchRows = None,
) -> dict[str, Any]:
    """Tables, batches, parts, shards, bytes and memory of a run of the manifest."""
    found: dict[str, Any] = services.sandbox.ask(
        "plan", sent, planner=services.planner, workers=workers, batch_rows=batch_rows
    )
    return found


@router.post(
    "/preview", responses={200: {"model": list[shapes.MadeRows]}}, openapi_extra=IN_OPENAPI
)
def preview(
    sent: Sent,
    services: Known,
    table: Annotated[str | None, Query(max_length=63, description="This one alone.")] = None,
    offset: Offset = 0,
    limit: Limit = 10,
) -> list[dict[str, Any]]:
    """Rows of the manifest's tables, made on the spot."""
    found: list[dict[str, Any]] = services.sandbox.ask(
        "preview", sent, table=table, offset=offset, limit=limit
    )
    return found


@router.get("/schema")
def schema() -> dict[str, Any]:
    """The manifest's JSON Schema, for editors."""
    return _schema()


@cache
def _schema() -> dict[str, Any]:
    from rowmill.spec.crd.json_schema import json_schema

    return json_schema()
