"""The generator: any rows of any table of a dataset, as Arrow record batches."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pyarrow as pa

from rowmill.counting import counted
from rowmill.generate.arrow_types import arrow_type, is_text
from rowmill.generate.cells.builders import build
from rowmill.generate.context import Context
from rowmill.generate.draws.keys import derive_key
from rowmill.generate.families import Families
from rowmill.generate.frame import ColumnSource, Family, Frame, LinkSource, Nulls, Rows
from rowmill.generate.picks.builders import build_pick
from rowmill.generate.pools.key import PoolKey
from rowmill.spec.dataset import Dataset
from rowmill.spec.kinds import Reference
from rowmill.spec.versions import rule_version

# Parents up to this size are made once and looked up: their cells may be dear, and their children
# many.
SMALL_TABLE = 65_536


class Generator:
    """Makes rows of a dataset: a pure function of the dataset and the row indexes.

    Tables of what is drawn from are made on first use and kept. Not thread-safe: one per thread.

    `pools` holds at least those that `required_pools` of the dataset names.

    Raises:
        ValueError: the dataset's data version is unknown to this release.
    """

    def __init__(self, dataset: Dataset, pools: Mapping[PoolKey, pa.Array] | None = None) -> None:
        rule_version(dataset.data_version, "nulls")
        self.dataset = dataset
        self._pools = pools or {}
        self._columns: dict[tuple[str, str], ColumnSource] = {}
        self._links: dict[tuple[str, str], LinkSource] = {}
        self._families: dict[str, Families] = {}
        self._whole: dict[tuple[str, str], pa.Array] = {}

    def batch(
        self, table: str, start: int, stop: int, columns: Sequence[str] | None = None
    ) -> pa.RecordBatch:
        """Rows `start` to `stop - 1` of a table, all columns or those named, in the table's order.

        Texts may come as dictionary arrays.

        Raises:
            KeyError: the table or a column does not exist.
            IndexError: the table has no such rows.
        """
        known = self.dataset.table(table)
        if not 0 <= start <= stop <= known.rows:
            raise IndexError(
                f"table {table!r} has {counted(known.rows, 'row')}, so not those from "
                f"{start} up to {stop}"
            )
        names = [c.name for c in known.columns]
        if columns is not None:
            wanted = {known.column(name).name for name in columns}
            names = [name for name in names if name in wanted]
        frame = self.frame(table, np.arange(start, stop, dtype=np.int64))
        return pa.RecordBatch.from_arrays([frame.cells(name) for name in names], names=names)

    def frame(self, table: str, rows: Rows) -> Frame:
        """A frame of any rows (int64 indexes, any order, repeats allowed) of a table."""
        return Frame(self, self.dataset.table(table).name, rows)

    def arrow_schema(self, table: str) -> pa.Schema:
        """The table's columns as plain (non-dictionary) Arrow fields."""
        return pa.schema(
            [
                pa.field(c.name, arrow_type(c.type), nullable=c.nullable)
                for c in self.dataset.table(table).columns
            ]
        )

    def column(self, table: str, column: str) -> ColumnSource:
        """How a column is made; for frames."""
        if (table, column) not in self._columns:
            self._columns[table, column] = self._build_column(table, column)
        return self._columns[table, column]

    def link(self, table: str, link: str) -> LinkSource:
        """How a link's parents are found; for frames."""
        if (table, link) not in self._links:
            self._links[table, link] = self._build_link(table, link)
        return self._links[table, link]

    def family(self, table: str, rows: Rows) -> Family:
        """Rows' parents and places by the table's `rowsPer` link; for frames."""
        return self._families_of(table).locate(rows)

    def children(self, table: str, parents: Rows) -> tuple[Rows, Rows]:
        """Parents' first rows in a `rowsPer` table, and how many each has from there."""
        return self._families_of(table).children(parents)

    def whole(self, table: str, column: str) -> pa.Array | None:
        """All of a small table's column, made once; for frames."""
        size = self.dataset.table(table).rows
        if size > SMALL_TABLE:
            return None
        if (table, column) not in self._whole:
            values = self.frame(table, np.arange(size, dtype=np.int64)).cells(column)
            if is_text(values.type):
                # Looking up short indexes and not texts; a dictionary's values must be distinct.
                values = values.dictionary_encode()
            self._whole[table, column] = values
        return self._whole[table, column]

    def _build_column(self, table: str, name: str) -> ColumnSource:
        known = self.dataset.table(table)
        column = known.column(name)
        cells = build(Context(self.dataset, known, column, self._pools, build=build))
        # A reference is null where its link is, which the parents' frame knows.
        share = 0.0 if isinstance(column.kind, Reference) else column.nulls
        return ColumnSource(arrow_type(column.type), cells, self._nulls(table, name, share))

    def _build_link(self, table: str, name: str) -> LinkSource:
        known = self.dataset.table(table)
        link = known.link(name)
        parents = self.dataset.table(link.parent).rows
        pick = build_pick(self.dataset, known, link) if parents else None
        return LinkSource(link.parent, pick, self._nulls(table, name, link.nulls))

    def _families_of(self, table: str) -> Families:
        if table not in self._families:
            self._families[table] = Families(self.dataset, self.dataset.table(table))
        return self._families[table]

    def _nulls(self, table: str, name: str, share: float) -> Nulls | None:
        if share == 0:
            return None
        version = rule_version(self.dataset.data_version, "nulls")
        return Nulls(derive_key(self.dataset.seed, table, name, "nulls", version), share)
