"""`.../tables/{table}/rows`: rows made on the spot, with those before and behind a reference.

They need not be stored anywhere: a run's manifest is all that they are made from.
"""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Path, Query

from rowmill.console import shapes
from rowmill.console.parameters import Limit, Name, Offset, TableName
from rowmill.console.services import Asked, Known

router = APIRouter(prefix="/experiments/{name}/tables/{table}", tags=["rows"])

Row = Annotated[int, Path(ge=0, lt=2**63, description="The row's number, from 0.")]
OfRun = Annotated[
    str | None,
    Query(max_length=100, description="The run's number or id; by default the newest manifest."),
]


@router.get("/rows", responses={200: {"model": shapes.MadeRows}})
def get_rows(
    name: Name,
    table: TableName,
    services: Known,
    engine: Asked,
    run: OfRun = None,
    offset: Offset = 0,
    limit: Limit = 100,
    columns: Annotated[
        list[str] | None,
        Query(max_length=1_600, description="These alone, in this order; may be repeated."),
    ] = None,
) -> dict[str, Any]:
    """Rows from any offset, whose size makes no difference to the time."""
    text = services.texts.of(engine, name, run)
    found: dict[str, Any] = services.sandbox.ask(
        "rows", text, table=table, offset=offset, limit=limit, columns=columns
    )
    return found


@router.get("/rows/{row}/parents", responses={200: {"model": list[shapes.RowParent]}})
def get_parents(
    name: Name, table: TableName, row: Row, services: Known, engine: Asked, run: OfRun = None
) -> list[dict[str, Any]]:
    """What each reference of the row leads to."""
    text = services.texts.of(engine, name, run)
    found: list[dict[str, Any]] = services.sandbox.ask("parents", text, table=table, row=row)
    return found


@router.get("/references", responses={200: {"model": list[shapes.TableReference]}})
def get_references(
    name: Name, table: TableName, services: Known, engine: Asked, run: OfRun = None
) -> list[dict[str, Any]]:
    """The references of other tables to this one, by which its rows have children."""
    text = services.texts.of(engine, name, run)
    found: list[dict[str, Any]] = services.sandbox.ask("references", text, table=table)
    return found


@router.get("/rows/{row}/children", responses={200: {"model": shapes.RowChildren}})
def get_children(
    name: Name,
    table: TableName,
    row: Row,
    services: Known,
    engine: Asked,
    child: Annotated[str, Query(max_length=253, description="The table that refers to it.")],
    column: Annotated[str, Query(max_length=253, description="Of the reference, any one.")],
    run: OfRun = None,
    after: Annotated[
        int | None, Query(ge=0, lt=2**63, description="The `cursor` of the page before.")
    ] = None,
    limit: Limit = 100,
) -> dict[str, Any]:
    """The rows of a table that refer to this one; a page that took 2 s says how far it looked."""
    text = services.texts.of(engine, name, run)
    found: dict[str, Any] = services.sandbox.ask(
        "children",
        text,
        table=table,
        row=row,
        child=child,
        column=column,
        after=after,
        limit=limit,
    )
    return found
