"""From findings, a row's index and place, to differences that a person can read."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from rowmill.destinations.stored_rows import StoredTables, Unreadable
from rowmill.engine.verification import CellDifference, Difference, Kind, Value
from rowmill.plan.layout import TableLayout
from rowmill.spec.dataset import Table
from rowmill.verify.pairing import key_columns
from rowmill.verify.recomputed import Recomputed
from rowmill.verify.values import values

_CHUNK = 200
_BEHIND_ALL = 2**63 - 1
_Row = dict[str, Value]


@dataclass(frozen=True)
class Finding:
    """A row that differs: its index unless it is unexpected, its place unless it is lost."""

    kind: Kind
    row: int | None
    place: int | None

    @property
    def order(self) -> int:
        """By index, the unexpected last."""
        return _BEHIND_ALL if self.row is None else self.row


class Describer:
    """Describes findings in one table of one destination."""

    def __init__(
        self, table: Table, layout: TableLayout, recomputed: Recomputed, store: StoredTables
    ) -> None:
        self._table = table
        self._layout = layout
        self._recomputed = recomputed
        self._store = store

    def describe(self, findings: Sequence[Finding]) -> Iterator[Difference]:
        """One difference for each finding, in their order."""
        for start in range(0, len(findings), _CHUNK):
            chunk = findings[start : start + _CHUNK]
            expected = self._expected([f.row for f in chunk if f.row is not None])
            stored = self._stored([f.place for f in chunk if f.place is not None])
            for finding in chunk:
                yield self._difference(finding, expected, stored)

    def _difference(
        self, finding: Finding, expected: dict[int, _Row], stored: dict[int, _Row]
    ) -> Difference:
        wanted = expected.get(finding.row) if finding.row is not None else None
        found = stored.get(finding.place) if finding.place is not None else None
        batch = None if finding.row is None else self._layout.batch_of_row(finding.row)
        return Difference(
            kind=finding.kind,
            row=finding.row,
            batch=batch,
            part=None if batch is None else self._layout.part_of_batch(batch),
            key=self._key(wanted or found or {}),
            cells=_cells(wanted, found) if finding.kind is Kind.CHANGED else (),
            place=(
                None if finding.place is None else self._store.describe(self._table, finding.place)
            ),
        )

    def _key(self, row: _Row) -> _Row:
        """The key's values; of a table without a key all values."""
        names = key_columns(self._table) or list(row)
        return {name: row[name] for name in names if name in row}

    def _expected(self, rows: list[int]) -> dict[int, _Row]:
        indexes = np.array(rows, dtype=np.int64)
        columns = self._recomputed.rows(self._table, indexes)
        return dict(zip(rows, self._plain(columns, len(rows)), strict=True))

    def _stored(self, places: list[int]) -> dict[int, _Row]:
        found: dict[int, _Row] = {}
        try:
            for rows in self._store.rows_at(self._table, np.array(places, dtype=np.int64)):
                if rows.places is not None:
                    plain = self._plain(rows.columns, rows.count)
                    found.update(zip(rows.places.tolist(), plain, strict=True))
        except Unreadable:
            # What was told of the row stays true; only its values cannot be shown any more.
            return found
        return found

    def _plain(self, columns: Sequence[pa.Array], count: int) -> list[_Row]:
        names = [column.name for column in self._table.columns]
        plain = [
            values(column, known.type)
            for column, known in zip(columns, self._table.columns, strict=True)
        ]
        return [
            {name: cells[position] for name, cells in zip(names, plain, strict=True)}
            for position in range(count)
        ]


def _cells(wanted: _Row | None, found: _Row | None) -> tuple[CellDifference, ...]:
    if wanted is None or found is None:
        return ()
    return tuple(
        CellDifference(name, wanted[name], found[name])
        for name in wanted
        if not _same(wanted[name], found[name])
    )


def _same(one: Value, other: Value) -> bool:
    # As text: 0.0 and -0.0 differ, a NaN is itself.
    return type(one) is type(other) and repr(one) == repr(other)
