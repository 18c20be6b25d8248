"""One part as a Parquet file, whose bytes depend on data, data version and encoding alone."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from rowmill.counting import counted
from rowmill.destinations.lake.parquet_encoding import TableEncoding
from rowmill.plan.layout import Part, TableLayout


class PartWriter:
    """Writes a part into `sink`. Its memory is one row group, whatever the part's size.

    Give it the rows of the part in order, then `close` or `abort` it. Neither batches nor slices
    leave a trace in the bytes: row groups end where the layout says, wherever batches do.

    Args:
        sink: a file to write to.
        encoding: how the part's table is written.
        layout: the table's, for the row groups.
        part: which part it is.
        data_version: the one that made the rows.
    """

    def __init__(
        self,
        sink: Any,
        encoding: TableEncoding,
        layout: TableLayout,
        part: Part,
        data_version: int,
    ) -> None:
        self.rows = 0
        self._sink = sink
        self._encoding = encoding
        self._group_rows = layout.group_rows
        self._part = part
        self._footer = {
            "rowmill.table": part.table,
            "rowmill.part": str(part.number),
            "rowmill.rows": f"{part.start}-{part.stop}",
            "rowmill.dataVersion": str(data_version),
        }
        self._writer: pq.ParquetWriter | None = None
        self._schema: pa.Schema | None = None
        self._group: list[pa.RecordBatch] = []

    def write(self, slices: Sequence[pa.RecordBatch]) -> None:
        """Take the next rows, in slices of any sizes."""
        for rows in slices:
            start = 0
            while start < rows.num_rows:
                room = self._group_rows - self.rows % self._group_rows
                taken = rows.slice(start, room)
                self._group.append(taken)
                self.rows += taken.num_rows
                start += taken.num_rows
                if taken.num_rows == room:
                    self._end_group()

    def close(self) -> None:
        """Write what is left, and the footer.

        Raises:
            ValueError: it was given other than the part's number of rows.
        """
        if self.rows != self._part.rows:
            raise ValueError(
                f"part {self._part.number} of {self._part.table!r} got "
                f"{counted(self.rows, 'row')}, not {self._part.rows}"
            )
        self._end_group()
        if self._writer is not None:
            self._writer.close()

    def abort(self) -> None:
        """Let go of the sink, which by now drops what it is given."""
        if self._writer is not None:
            # Otherwise its footer would be written when it is collected, at any later moment.
            with contextlib.suppress(pa.ArrowException, OSError):
                self._writer.close()

    def _end_group(self) -> None:
        if not self._group and self._writer is not None:
            return
        rows = self._encoding.rows(self._group)
        self._group = []
        if self._writer is None or self._schema is None:
            self._schema = rows.schema
            self._writer = self._encoding.writer(self._sink, self._schema, self._footer)
        if rows.num_rows:
            rows = self._encoding.conform(rows, self._schema)
            self._writer.write_table(rows, row_group_size=rows.num_rows)
