"""`/api/experiments`: list, create, look at, change and delete experiments."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated, Any

from fastapi import APIRouter, Header, Query, Response
from pydantic import BaseModel

from rowmill.console import shapes
from rowmill.console.applying import heading_of, request_for
from rowmill.console.experiment_source import etag_header, etags_of
from rowmill.console.manifest_body import IN_OPENAPI, Sent
from rowmill.console.parameters import BatchRows, Limit, Name, Restart, Workers, agreed_by
from rowmill.console.services import Asked, Known
from rowmill.console.words import in_calls, in_rest
from rowmill.engine.records import ExperimentRecord, RunRecord, State
from rowmill.engine.request import ABSENT, Mode
from rowmill.errors import Conflict, Invalid

router = APIRouter(tags=["experiments"])

DryRun = Annotated[
    bool, Query(alias="dryRun", description="Look at the manifest alone, and begin nothing.")
]
Adopt = Annotated[
    str | None,
    Query(max_length=500, description="Take over the tables and the prefix of this owner."),
]
IfMatch = Annotated[
    str | None, Header(description="The experiment's ETag, which it must still have.")
]


_ETAG = {"ETag": {"required": True, "schema": {"type": "string"}, "description": "For If-Match."}}
_CREATED = {
    "Location": {"required": True, "schema": {"type": "string"}, "description": "Its path."}
}


class Applied(BaseModel):
    """What came of a manifest: the run that has begun, null if none has."""

    name: str
    run: shapes.Run | None


class Deleted(BaseModel):
    """What became of it, a sentence."""

    message: str


@router.get("/experiments", responses={200: {"model": shapes.ExperimentPage}})
def list_experiments(
    engine: Asked,
    search: Annotated[str, Query(max_length=253, description="A part of the name.")] = "",
    state: Annotated[State | None, Query(description="Of the newest run.")] = None,
    after: Annotated[str | None, Query(max_length=253, description="The page before's.")] = None,
    limit: Limit = 100,
) -> dict[str, Any]:
    """The experiments by name, a page at a time."""
    page = engine.list(search=search, state=state, after=after, limit=limit)
    return {"items": [in_calls(each.to_json()) for each in page.items], "after": page.after}


@router.post(
    "/experiments",
    status_code=HTTPStatus.CREATED,
    responses={
        200: {"model": Applied, "description": "A dry run: nothing has begun."},
        201: {"headers": {**_ETAG, **_CREATED}},
    },
    openapi_extra=IN_OPENAPI,
)
def create_experiment(
    sent: Sent,
    services: Known,
    engine: Asked,
    response: Response,
    dry_run: DryRun = False,
    restart: Restart = False,
    adopt: Adopt = None,
    workers: Workers = None,
    batch_rows: BatchRows = None,
) -> Applied:
    """Create an experiment and begin its run, unless the manifest says `suspend: true`."""
    heading = heading_of(services, sent)
    name = heading.name
    asked = request_for(
        services,
        sent,
        heading.secrets,
        adopt=adopt,
        workers=workers,
        batch_rows=batch_rows,
        agreed=agreed_by(restart),
    )
    run = engine.apply(asked, dry_run=dry_run, if_match=ABSENT)
    if dry_run:
        response.status_code = HTTPStatus.OK
    else:
        response.headers["Location"] = f"/api/experiments/{name}"
        response.headers["ETag"] = etag_header(engine.get(name))
    return _applied(name, run)


@router.get(
    "/experiments/{name}", responses={200: {"model": shapes.ExperimentDetails, "headers": _ETAG}}
)
def get_experiment(name: Name, engine: Asked, response: Response) -> dict[str, Any]:
    """The experiment, its manifest, and how far its newest run is."""
    found = engine.get(name)
    response.headers["ETag"] = etag_header(found)
    return {**in_calls(found.to_json()), "manifest": found.manifest}


@router.put("/experiments/{name}", responses={200: {"headers": _ETAG}}, openapi_extra=IN_OPENAPI)
def change_experiment(
    name: Name,
    sent: Sent,
    services: Known,
    engine: Asked,
    response: Response,
    if_match: IfMatch = None,
    dry_run: DryRun = False,
    restart: Restart = False,
    adopt: Adopt = None,
    workers: Workers = None,
    batch_rows: BatchRows = None,
) -> Applied:
    """Have an experiment as this manifest says; its next run begins if that makes other data."""
    heading = heading_of(services, sent)
    if heading.name != name:
        raise Invalid("OtherName", f"the manifest is of {heading.name!r}, and the path of {name!r}")
    expected = _expected(if_match, engine.get(name))
    asked = request_for(
        services,
        sent,
        heading.secrets,
        mode=Mode.RESTART if restart else Mode.AUTO,
        adopt=adopt,
        workers=workers,
        batch_rows=batch_rows,
        agreed=agreed_by(restart),
    )
    run = engine.apply(asked, dry_run=dry_run, if_match=expected)
    services.texts.forget(name)
    response.headers["ETag"] = etag_header(engine.get(name))
    return _applied(name, run)


@router.delete("/experiments/{name}")
def delete_experiment(
    name: Name,
    services: Known,
    engine: Asked,
    if_match: IfMatch = None,
    purge: Annotated[
        bool, Query(description="Its data too; without, the data and its records stay.")
    ] = True,
) -> Deleted:
    """Delete the experiment, with its data and records; 409 while a run is live."""
    if if_match is not None:
        _expected(if_match, engine.get(name))
    said = engine.delete(name, purge=purge)
    services.texts.forget(name)
    return Deleted(message=in_rest(said))


def _applied(name: str, run: RunRecord | None) -> Applied:
    return Applied(name=name, run=None if run is None else in_calls(run.to_json()))


def _expected(header: str | None, found: ExperimentRecord) -> str | None:
    """The `etag` that it must keep, which is the one it has; None of `*`, which takes any.

    Raises:
        Invalid: there is no If-Match.
        Conflict: EtagMismatch, the experiment has another.
    """
    if header is None:
        raise Invalid(
            "IfMatchMissing",
            "send the ETag of the experiment that you have read as If-Match, so that nobody's "
            "change is lost; `If-Match: *` takes any",
        )
    etags = etags_of(header)
    if etags is None:
        return None
    if found.etag not in etags:
        raise Conflict("EtagMismatch", f"{found.name} has the ETag {etag_header(found)} by now")
    return found.etag
