"""What is done to an experiment's run or data: abort, suspend, resume, rerun, reset, verify."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated, Any

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel
from starlette.concurrency import run_in_threadpool

from rowmill.console import shapes
from rowmill.console.parameters import Name, Restart, agreed_by
from rowmill.console.services import Asked, Known
from rowmill.console.words import in_calls

router = APIRouter(prefix="/experiments/{name}", tags=["changes"])
_RUN: dict[int | str, dict[str, Any]] = {200: {"model": shapes.Run}}


class GoesOn(BaseModel):
    """It goes on: to ask meanwhile waits for it too; its end is the run's `verification`."""

    state: str


@router.post("/abort", responses=_RUN)
def abort(name: Name, engine: Asked) -> dict[str, Any]:
    """End the run under way; what is durable stays, and resume goes on with it."""
    return in_calls(engine.abort(name).to_json())


@router.post("/suspend", responses=_RUN)
def suspend(name: Name, engine: Asked) -> dict[str, Any]:
    """Stop the run under way until it is resumed."""
    return in_calls(engine.suspend(name).to_json())


@router.post("/resume", responses=_RUN)
def resume(name: Name, engine: Asked) -> dict[str, Any]:
    """Go on with a run that was stopped."""
    return in_calls(engine.resume(name).to_json())


@router.post("/rerun", responses=_RUN)
def rerun(name: Name, engine: Asked, restart: Restart = False) -> dict[str, Any]:
    """Begin the next run; readers keep the old data until it is published."""
    return in_calls(engine.rerun(name, restart=restart, agreed=agreed_by(restart)).to_json())


@router.post("/reset", responses=_RUN)
def reset(name: Name, engine: Asked) -> dict[str, Any]:
    """Remove the experiment's data; its records stay. 409 while a run is live."""
    return in_calls(engine.reset(name).to_json())


@router.post("/verify", responses={200: {"model": shapes.Verified}, 202: {"model": GoesOn}})
async def verify(
    name: Name,
    services: Known,
    engine: Asked,
    response: Response,
    wait: Annotated[
        float, Query(ge=0, le=3600, description="Seconds to wait; 202 if it takes longer.")
    ] = 30.0,
) -> dict[str, Any]:
    """Make all rows of the published run again, and compare every destination with them."""
    await run_in_threadpool(engine.get, name)
    found = await services.verifying.verify(engine, name, wait)
    if found is None:
        response.status_code = HTTPStatus.ACCEPTED
        return {"state": "verifying"}
    return found.to_json()
