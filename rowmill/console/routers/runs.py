"""`.../runs`: past runs and the one under way, what happens in it, and what it said."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from http import HTTPStatus
from itertools import chain
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query
from fastapi.responses import PlainTextResponse, StreamingResponse
from starlette.concurrency import run_in_threadpool

from rowmill.console import shapes
from rowmill.console.event_stream import EVENTS, EventStream
from rowmill.console.experiment_source import run_of
from rowmill.console.logs import as_text
from rowmill.console.parameters import Limit, Name, Restart, agreed_by
from rowmill.console.services import Asked, Known
from rowmill.console.watching import progress_document
from rowmill.console.words import in_calls
from rowmill.engine.cancellation import Cancellation
from rowmill.engine.interface import Engine
from rowmill.engine.records import RunRecord
from rowmill.errors import Invalid, NotFound

router = APIRouter(prefix="/experiments/{name}", tags=["runs"])

RunKey = Annotated[
    str,
    Path(max_length=100, description="A run's number or id, or `newest`.", examples=["newest"]),
]


def _content(*kinds: str) -> dict[int | str, dict[str, Any]]:
    return {200: {"content": {kind: {"schema": {"type": "string"}} for kind in kinds}}}


@router.get("/runs", responses={200: {"model": shapes.RunPage}})
def list_runs(
    name: Name,
    engine: Asked,
    after: Annotated[int | None, Query(description="The page before's.", ge=0)] = None,
    limit: Limit = 100,
) -> dict[str, Any]:
    """The runs that are remembered, oldest first."""
    runs = [
        run
        for run in _runs(engine, name)
        if run.number is not None and (after is None or run.number > after)
    ]
    page = runs[:limit]
    following = str(page[-1].number) if len(runs) > limit else None
    return {"items": [in_calls(run.to_json()) for run in page], "after": following}


def _runs(engine: Engine, name: str) -> Sequence[RunRecord]:
    try:
        return engine.runs(name)
    except NotFound as error:
        if error.reason != "NoRuns":
            raise
        # The experiment is there: one that is suspended before its first run has none.
        return ()


@router.post("/runs", status_code=HTTPStatus.CREATED, responses={201: {"model": shapes.Run}})
def begin_run(
    name: Name,
    engine: Asked,
    resume: Annotated[bool, Query(description="Go on with the unfinished run.")] = False,
    restart: Restart = False,
    adopt: Annotated[
        str | None, Query(max_length=500, description="Take over what this owner has there.")
    ] = None,
) -> dict[str, Any]:
    """Begin the next run of the same manifest; readers keep the old data until it is published."""
    if resume and (restart or adopt):
        raise Invalid("Usage", "resume goes with neither restart nor adopt")
    if resume:
        return in_calls(engine.resume(name).to_json())
    run = engine.rerun(name, restart=restart, agreed=agreed_by(restart), adopt=adopt)
    return in_calls(run.to_json())


@router.get("/runs/{run}", responses={200: {"model": shapes.RunDetails}})
def get_run(name: Name, run: RunKey, engine: Asked) -> dict[str, object]:
    """How far a run is, table by table."""
    number = None if run == "newest" else run_of(engine, name, run).number
    return progress_document(engine.status(name, number))


@router.get("/runs/{run}/events", response_class=StreamingResponse, responses=_content(EVENTS))
async def watch_run(name: Name, run: RunKey, services: Known, engine: Asked) -> StreamingResponse:
    """Follow a run: `progress` as it comes, `problem` while it cannot be read, `end` at its end."""
    number = None
    if run == "newest":
        await run_in_threadpool(engine.get, name)
    else:
        number = (await run_in_threadpool(run_of, engine, name, run)).number
    watched = services.watching.join(name, number)
    return EventStream(watched.events(), watched.leave)


@router.get(
    "/runs/{run}/logs",
    response_class=StreamingResponse,
    responses=_content("text/plain", EVENTS),
)
def get_logs(
    name: Name,
    run: RunKey,
    services: Known,
    engine: Asked,
    shard: Annotated[int | None, Query(ge=0, description="Of this shard alone.")] = None,
    follow: Annotated[bool, Query(description="Also what comes, as events `line`.")] = False,
) -> StreamingResponse:
    """What the processes of a run said: as text, with `follow` as server-sent events."""
    number = None if run == "newest" else run_of(engine, name, run).number
    if follow:
        asked = Cancellation()
        lines = engine.logs(name, run=number, shard=shard, follow=True, cancellation=asked)
        follower = services.followers.join(lines, asked)
        return EventStream(follower.events(), partial(services.followers.leave, follower))
    text = as_text(engine.logs(name, run=number, shard=shard))
    # What is wrong is told before the first line, where it can still be told.
    first = next(text, b"")
    return StreamingResponse(chain((first,), text), media_type="text/plain; charset=utf-8")


@router.get(
    "/runs/{run}/manifest", response_class=PlainTextResponse, responses=_content("text/plain")
)
def get_manifest(name: Name, run: RunKey, engine: Asked) -> PlainTextResponse:
    """The text of the manifest that the run was of."""
    number = run_of(engine, name, run).number
    assert number is not None, "a run that is listed has one"
    return PlainTextResponse(engine.warehouse(name).manifest(number))
