"""`.../query`: SQL over an experiment's published tables, and the queries that are kept."""

from __future__ import annotations

from functools import partial
from http import HTTPStatus
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Body, Path, Request, Response
from pydantic import BaseModel, Field
from starlette.concurrency import run_in_threadpool

from rowmill.console import shapes
from rowmill.console.parameters import LIMIT, Name
from rowmill.console.queries import Download, answered
from rowmill.console.services import Asked, Known
from rowmill.console.tickets import TICKETS_PATH
from rowmill.engine.cancellation import Cancellation
from rowmill.engine.interface import Engine
from rowmill.engine.query_bounds import QueryBounds
from rowmill.engine.saved_queries import MAX_SQL

router = APIRouter(prefix="/experiments/{name}", tags=["query"])

_PAGE_BYTES = 4 * 2**20
_PAGE_SECONDS = 60.0
_CSV_SECONDS = 600.0
Identity = Annotated[
    str, Path(min_length=1, max_length=100, description="The query's id, as it was given.")
]
Title = Annotated[str, Path(min_length=1, max_length=100, description="The saved query's name.")]


class Question(BaseModel):
    """One statement that only reads.

    `format` csv answers with a ticket for a download of all rows. `id` is by what it is cancelled.
    After `seconds` it ends, by default 60 of a page and 600 of a download: as long as a query is
    under way no run of these tables is published.
    """

    sql: str = Field(min_length=1, max_length=MAX_SQL)
    format: Literal["page", "csv"] = "page"
    rows: int = Field(LIMIT, ge=1, le=LIMIT)
    seconds: float | None = Field(None, gt=0, le=3600)
    id: str | None = Field(None, min_length=1, max_length=100)


class QueryColumn(BaseModel):
    """A column of a result, and Postgres's name of its type."""

    name: str
    type: str


class QueryPage(BaseModel):
    """The first rows of a result; `cut` is the bound at which they ended, null if they are all."""

    id: str
    columns: list[QueryColumn]
    rows: list[list[str | None]]
    cut: str | None


class QueryTicket(BaseModel):
    """Where the result is downloaded, once and within a minute."""

    id: str
    href: str


class Text(BaseModel):
    """The text of a query to keep."""

    sql: str = Field(min_length=1, max_length=MAX_SQL)


@router.post("/query", responses={200: {"model": QueryPage}, 201: {"model": QueryTicket}})
async def query(
    name: Name,
    question: Annotated[Question, Body()],
    services: Known,
    engine: Asked,
    request: Request,
    response: Response,
) -> dict[str, Any]:
    """Run a query by the reader's login; it ends at the server when the client leaves."""
    if question.format == "csv":
        await run_in_threadpool(engine.get, name)
        with services.queries.running(name, question.id) as (identity, _):
            wanted = Download(name, question.sql, identity, question.seconds or _CSV_SECONDS)
            ticket = services.tickets.issue(wanted)
        response.status_code = HTTPStatus.CREATED
        return {"id": identity, "href": f"{TICKETS_PATH}{ticket}"}
    with services.queries.running(name, question.id) as (identity, cancellation):
        ask = partial(_page, engine, name, question, cancellation)
        return {"id": identity, **await answered(request, cancellation, ask)}


@router.delete("/query/{identity}", status_code=HTTPStatus.NO_CONTENT)
def cancel_query(name: Name, identity: Identity, services: Known) -> None:
    """Cancel a query that is being answered."""
    services.queries.cancel(name, identity)


@router.get("/queries", responses={200: {"model": list[shapes.Saved]}})
def list_queries(name: Name, engine: Asked) -> list[dict[str, Any]]:
    """The queries that are kept with the experiment's records, by name."""
    return [each.to_json() for each in engine.warehouse(name).saved_queries()]


@router.put("/queries/{title}", responses={200: {"model": shapes.Saved}})
def save_query(
    name: Name, title: Title, text: Annotated[Text, Body()], engine: Asked
) -> dict[str, Any]:
    """Keep a query by this name, in place of what has it."""
    return engine.warehouse(name).save_query(title, text.sql).to_json()


@router.delete("/queries/{title}", status_code=HTTPStatus.NO_CONTENT)
def forget_query(name: Name, title: Title, engine: Asked) -> None:
    """Forget a saved query."""
    engine.warehouse(name).forget_query(title)


def _page(
    engine: Engine, name: str, question: Question, cancellation: Cancellation
) -> dict[str, Any]:
    bounds = QueryBounds(
        rows=question.rows, bytes=_PAGE_BYTES, seconds=question.seconds or _PAGE_SECONDS
    )
    warehouse = engine.warehouse(name)
    with warehouse.query(question.sql, bounds=bounds, cancellation=cancellation) as result:
        rows = [list(row) for row in result.rows]
        return {
            "columns": [{"name": each.name, "type": each.type} for each in result.columns],
            "rows": rows,
            "cut": None if result.cut is None else result.cut.value,
        }
