"""`.../trace/{table}`: where a stored row comes from, by its key."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query

from rowmill.console import shapes
from rowmill.console.parameters import Name, TableName
from rowmill.console.services import Asked

router = APIRouter(prefix="/experiments/{name}", tags=["trace"])


@router.get("/trace/{table}", responses={200: {"model": shapes.Traced}})
def trace(
    name: Name,
    table: TableName,
    engine: Asked,
    key: Annotated[
        list[str], Query(max_length=32, description="The key's values, one each, in its order.")
    ],
) -> dict[str, Any]:
    """Where the row with this key comes from, and whether it is as it was made."""
    return engine.warehouse(name).trace(table, key).to_json()
