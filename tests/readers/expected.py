"""A table's rows as a reader of its Parquet files should hand them over, made without any file."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import UUID

import pyarrow as pa

import rowmill
from rowmill.destinations.interval_text import iso_8601
from rowmill.spec.values.types import ColumnType, TypeName


def expected(experiment: rowmill.Experiment, name: str) -> pa.Table:
    """All rows of a table, in the types that `parquet.types: portable` promises."""
    rows = experiment.table(name).combine_chunks()
    columns = experiment.spec.dataset.table(name).columns
    return pa.table(
        [_portable(rows[column.name], column.type) for column in columns],
        names=[column.name for column in columns],
    )


def _portable(cells: pa.ChunkedArray, kind: ColumnType) -> pa.ChunkedArray:
    """Text of what many readers have no type for, as Postgres prints it."""
    if kind.element.name is TypeName.INTERVAL:
        return _texts(cells, kind, lambda value: iso_8601(pa.array([value], _INTERVAL))[0].as_py())
    if kind.element.name is TypeName.UUID:
        return _texts(cells, kind, lambda value: str(UUID(bytes=value)))
    if kind.element.name is TypeName.TIME:
        return _texts(cells, kind, lambda value: _without_zeros(value.isoformat()))
    return cells


_INTERVAL = pa.month_day_nano_interval()


def _texts(cells: pa.ChunkedArray, kind: ColumnType, text: Callable[[Any], str]) -> pa.ChunkedArray:
    def told(value: Any) -> Any:
        if isinstance(value, list):
            return [told(each) for each in value]
        return None if value is None else text(value)

    target = pa.list_(pa.string()) if kind.array else pa.string()
    return pa.chunked_array([pa.array([told(value) for value in cells.to_pylist()], target)])


def _without_zeros(time: str) -> str:
    return time.rstrip("0") if "." in time else time
