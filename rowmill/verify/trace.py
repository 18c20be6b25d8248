"""Where a stored row comes from: index, batch, part, run; and whether it is as it was made."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Protocol

import numpy as np
import pyarrow as pa

from rowmill.counting import counted
from rowmill.destinations.lake.parquet_reading import LakeReader
from rowmill.destinations.postgres.read.published_tables import PostgresReader
from rowmill.destinations.stored_rows import StoredRows, Unreadable
from rowmill.engine.tracing import Copy, Trace
from rowmill.engine.verification import CellDifference, Value
from rowmill.errors import Invalid
from rowmill.generate.cells.literals import array_of_literals
from rowmill.plan.runs import Run
from rowmill.spec.dataset import Dataset, Table
from rowmill.spec.values.literals import read_literal
from rowmill.verify.pairing import key_columns
from rowmill.verify.recomputed import Recomputed
from rowmill.verify.row_finder import find_row
from rowmill.verify.row_hasher import RowHasher
from rowmill.verify.values import values


class Unkeyed(Invalid):
    """The key does not fit the table; the message says what would be right."""

    def __init__(self, message: str) -> None:
        super().__init__("Usage", message)


class Opened(Protocol):
    """What trace needs of a published run."""

    @property
    def run(self) -> Run: ...
    @property
    def dataset(self) -> Dataset: ...
    @property
    def warehouse(self) -> PostgresReader | None: ...
    @property
    def lake(self) -> LakeReader | None: ...


def trace(opened: Opened, table: Table, texts: Sequence[str], recomputed: Recomputed) -> Trace:
    """Trace the row whose key's values are `texts`, read by the columns' types.

    Raises:
        Unkeyed: the key does not fit the table.
        DestinationRefused, DestinationUnavailable: a destination cannot be read.
    """
    run, layout = opened.run, opened.run.plan.by_name[table.name]
    key = _key(table, texts)
    row = find_row(opened.dataset, table, key, recomputed)
    made = None if row is None else _Made(table, row, recomputed)
    batch = None if row is None else layout.batch(layout.batch_of_row(row))
    part = None if batch is None else layout.part(layout.part_of_batch(batch.number))
    lake = opened.lake
    shown = {name: values(cells, table.column(name).type)[0] for name, cells in key.items()}
    return Trace(
        owner=run.owner,
        run=run.number,
        run_id=run.id,
        digest=run.plan.digest,
        data_version=run.plan.data_version,
        seed=opened.dataset.seed,
        table=table.name,
        key=shown,
        row=row,
        batch=None if batch is None else batch.number,
        batch_rows=None if batch is None else (batch.start, batch.stop),
        part=None if part is None else part.number,
        part_rows=None if part is None else (part.start, part.stop),
        object=None if lake is None or part is None else lake.url(table, part.number),
        values=None if made is None else made.shown,
        copies=tuple(_copies(opened, table, shown, made)),
    )


def _key(table: Table, texts: Sequence[str]) -> dict[str, pa.Array]:
    names = key_columns(table)
    if not names:
        raise Unkeyed(f"table {table.name!r} has no key to find a row by")
    if len(names) != len(texts):
        raise Unkeyed(
            f"the key of {table.name!r} is ({', '.join(names)}): {counted(len(names), 'value')}, "
            f"not {len(texts)}"
        )
    key = {}
    for name, text in zip(names, texts, strict=True):
        kind = table.column(name).type
        if kind.array:
            raise Unkeyed(f"column {name!r} is an array, by which no row can be asked for")
        try:
            key[name] = array_of_literals((read_literal(text, kind),), kind)
        except ValueError as error:
            raise Unkeyed(f"{name}: {error}") from None
    return key


class _Made:
    """A row made again, to be compared with stored ones."""

    def __init__(self, table: Table, row: int, recomputed: Recomputed) -> None:
        self.row = row
        self._table = table
        columns = recomputed.rows(table, np.array([row], dtype=np.int64))
        self._hashes = self._hash(columns)
        self.shown = _shown(table, columns, 0)

    def differences(self, rows: StoredRows, position: int) -> Iterator[CellDifference]:
        found = _shown(self._table, rows.columns, position)
        stored = self._hash([column.slice(position, 1) for column in rows.columns])
        for name, one, other in zip(found, self._hashes, stored, strict=True):
            if one != other:
                yield CellDifference(name, self.shown[name], found[name])

    def _hash(self, columns: Sequence[pa.Array]) -> list[int]:
        hasher = RowHasher([column.type for column in self._table.columns])
        return [int(cells[0]) for cells in hasher.cells(columns)]


def _copies(
    opened: Opened, table: Table, key: Mapping[str, Value], made: _Made | None
) -> Iterator[Copy]:
    if opened.warehouse is not None:
        yield from _in_warehouse(opened.warehouse, table, key, made)
    if opened.lake is not None and made is not None:
        yield from _in_lake(opened.lake, opened.run, table, made)


def _in_warehouse(
    warehouse: PostgresReader, table: Table, key: Mapping[str, Value], made: _Made | None
) -> Iterator[Copy]:
    try:
        warehouse.inspect(table)
        found = [
            _copy(warehouse, table, rows, position, made)
            for rows in warehouse.rows_with(table, {name: str(v) for name, v in key.items()})
            for position in range(rows.count)
        ]
    except Unreadable as error:
        found = [Copy(warehouse.name, None, False, (), f"{error.problem.place}: {error}")]
    if not found and made is not None:
        found = [Copy(warehouse.name, None, False, (), "there is no row of this key")]
    yield from found


def _in_lake(lake: LakeReader, run: Run, table: Table, made: _Made) -> Iterator[Copy]:
    layout = run.plan.by_name[table.name]
    part = layout.part(layout.part_of_batch(layout.batch_of_row(made.row)))
    place = np.array([lake.place_of(part.number, made.row - part.start)], dtype=np.int64)
    try:
        found = [_copy(lake, table, rows, 0, made) for rows in lake.rows_at(table, place)]
    except Unreadable as error:
        found = [Copy(lake.name, None, False, (), f"{error.problem.place}: {error}")]
    yield from found or [Copy(lake.name, None, False, (), "its part holds fewer rows")]


def _copy(
    store: PostgresReader | LakeReader,
    table: Table,
    rows: StoredRows,
    position: int,
    made: _Made | None,
) -> Copy:
    cells = () if made is None else tuple(made.differences(rows, position))
    place = None if rows.places is None else store.describe(table, int(rows.places[position]))
    return Copy(store.name, place, made is not None and not cells, cells)


def _shown(table: Table, columns: Sequence[pa.Array], position: int) -> dict[str, Value]:
    return {
        known.name: values(column.slice(position, 1), known.type)[0]
        for column, known in zip(columns, table.columns, strict=True)
    }
