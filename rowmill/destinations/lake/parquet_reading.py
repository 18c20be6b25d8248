"""Published Parquet objects as Arrow, piece by piece through ranged reads, their bytes checked."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from hashlib import sha256
from typing import Protocol

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from rowmill.destinations.lake.object_names import part_key, table_folder
from rowmill.destinations.lake.parquet_encoding import parquet_schema
from rowmill.destinations.lake.records import StoredPart
from rowmill.destinations.s3.bucket import Bucket
from rowmill.destinations.stored_rows import Places, StoredRows, Unreadable
from rowmill.engine.verification import Problem
from rowmill.plan.runs import Run
from rowmill.spec.dataset import Table

# Enough for the footer of a part of our own.
_TAIL_BYTES = 64 * 2**10
_BATCH_ROWS = 16_384
# A place is the part's number and the row's in it.
_PART = 2**32
_DAMAGE = (pa.ArrowException, OSError, ValueError, KeyError)


class LakeReader:
    """The objects of one published run, read by as many threads as wanted.

    Args:
        bucket: where they are.
        prefix: the target's.
        run: whose they are.
        parts: as its record has them; without the record the plan alone says what should be there.
    """

    name = "parquet"
    by_part = True

    def __init__(
        self, bucket: Bucket, prefix: str, run: Run, parts: tuple[StoredPart, ...]
    ) -> None:
        self._bucket = bucket
        self._prefix = prefix
        self._run = run
        self._parts = {(part.table, part.number): part for part in parts}
        self._sizes: dict[str, dict[str, int]] = {}
        self._problems: dict[tuple[str, int], Problem] = {}

    def inspect(self, table: Table) -> list[Problem]:
        """Foreign objects that a reader of `PREFIX/TABLE/*.parquet` would take for rows."""
        folder = table_folder(self._prefix, table.name)
        self._sizes[table.name] = {found.key: found.size for found in self._bucket.list(folder)}
        ours = {self._key(table, piece) for piece in range(self.pieces(table))}
        return [
            Problem(
                "ObjectExtra",
                self._bucket.url(key),
                "this object is not the run's, yet readers of the folder read its rows too; "
                "remove it",
            )
            for key in self._sizes[table.name]
            if key not in ours and _is_globbed(key.removeprefix(folder))
        ]

    def pieces(self, table: Table) -> int:
        return self._run.plan.by_name[table.name].parts

    def rows(self, table: Table, piece: int, *, places: bool = False) -> Iterator[StoredRows]:
        opened = self._open(table, piece)
        position = piece * _PART
        try:
            for group in range(opened.parquet.num_row_groups):
                opened.load(group)
                for batch in _batches(opened.parquet, group):
                    count = batch.num_rows
                    numbers = np.arange(position, position + count) if places else None
                    position += count
                    yield StoredRows(batch.columns, count, numbers)
            found = opened.digest()
        except _DAMAGE as error:
            raise self._damaged(table, piece, error) from None
        known = self._parts.get((table.name, piece))
        if known is not None and found != known.sha256:
            self._problems[table.name, piece] = Problem(
                "BytesDiffer",
                self.url(table, piece),
                "the object's bytes are not those that were uploaded (SHA-256 differs)",
            )

    def piece_problems(self, table: Table, piece: int) -> list[Problem]:
        found = self._problems.get((table.name, piece))
        return [] if found is None else [found]

    def rows_at(self, table: Table, places: Places) -> Iterator[StoredRows]:
        for piece in np.unique(places // _PART).tolist():
            wanted = np.unique(places[places // _PART == piece] % _PART)
            opened = self._open(table, piece)
            try:
                yield from _picked(opened, wanted, piece * _PART)
            except _DAMAGE as error:
                raise self._damaged(table, piece, error) from None

    def place_of(self, part: int, position: int) -> int:
        """The place of a part's row, counted from 0."""
        return part * _PART + position

    def describe(self, table: Table, place: int) -> str:
        part, row = divmod(place, _PART)
        return f"{self.url(table, part)} row {row}"

    def _key(self, table: Table, piece: int) -> str:
        known = self._parts.get((table.name, piece))
        if known is not None:
            return known.key
        return part_key(self._prefix, table.name, piece, self._run.id)

    def url(self, table: Table, piece: int) -> str:
        """The address of a part's object."""
        return self._bucket.url(self._key(table, piece))

    def _open(self, table: Table, piece: int) -> _OpenPart:
        key = self._key(table, piece)
        size = self._sizes.get(table.name, {}).get(key)
        if size is None:
            head = self._bucket.head(key)
            if head is None:
                raise Unreadable(Problem("ObjectMissing", self.url(table, piece), "it is gone"))
            size = head.size

        def fetch(start: int, stop: int) -> bytes:
            content = self._bucket.read_range(key, start, stop)
            if content is None or len(content) != stop - start:
                text = "it was removed or replaced while it was read"
                raise Unreadable(Problem("ObjectMissing", self.url(table, piece), text))
            return content

        try:
            opened = _OpenPart(fetch, size)
        except _DAMAGE as error:
            raise self._damaged(table, piece, error) from None
        found = opened.parquet.metadata.schema.to_arrow_schema()
        if text := _differences(found, parquet_schema(table, self._run.plan.parquet_types)):
            raise Unreadable(Problem("ColumnsDiffer", self.url(table, piece), text))
        return opened

    def _damaged(self, table: Table, piece: int, error: BaseException) -> Unreadable:
        lines = str(error).strip().splitlines()
        text = f"it cannot be read as Parquet: {lines[0] if lines else type(error).__name__}"
        return Unreadable(Problem("ObjectUnreadable", self.url(table, piece), text))


def _differences(found: pa.Schema, wanted: pa.Schema) -> str:
    """What is wrong with the columns of an object, if anything."""
    if found.names != wanted.names:
        return f"its columns are {', '.join(map(repr, found.names))}"
    return "; ".join(
        f"column {field.name!r} is {here.type}, not {field.type}"
        for here, field in zip(found, wanted, strict=True)
        if not _storage(here.type).equals(_storage(field.type))
    )


def _storage(kind: pa.DataType) -> pa.DataType:
    """The type without its logical name, of which versions of Arrow know more or fewer."""
    if pa.types.is_list(kind):
        return pa.list_(_storage(kind.value_type))
    return kind.storage_type if isinstance(kind, pa.BaseExtensionType) else kind


def _is_globbed(name: str) -> bool:
    return name.endswith(".parquet") and "/" not in name


class _OpenPart:
    """One object while it is read: a row group's bytes at a time, each byte hashed once."""

    def __init__(self, fetch: Callable[[int, int], bytes], size: int) -> None:
        self._window = _Window(fetch, size)
        self._digest = sha256()
        self._hashed = 0
        source = pa.PythonFile(self._window, mode="r")
        metadata = pq.read_metadata(source)
        self._ends = _row_group_ends(metadata, size)
        self.parquet = pq.ParquetFile(
            source, metadata=metadata, read_dictionary=_dictionaries(metadata)
        )

    def load(self, group: int) -> None:
        """Fetch a row group, which follows the one that was loaded before."""
        stop = max(self._hashed, self._ends[group])
        self._digest.update(self._window.load(self._hashed, stop))
        self._hashed = stop

    def skip_to(self, group: int) -> None:
        """Leave out what comes before a row group; the digest is then none."""
        self._hashed = self._ends[group - 1] if group else 0

    def digest(self) -> str:
        """Of all bytes, once every row group was loaded."""
        self._digest.update(self._window.load(self._hashed, self._window.size))
        return self._digest.hexdigest()


class _Window(io.RawIOBase):
    """A remote file of which one stretch and the tail are in memory."""

    def __init__(self, fetch: Callable[[int, int], bytes], size: int) -> None:
        self.size = size
        self._fetch = fetch
        self._position = 0
        self._tail_start = max(0, size - _TAIL_BYTES)
        self._tail = self._get(self._tail_start, size)
        self._start, self._loaded = 0, b""

    def load(self, start: int, stop: int) -> bytes:
        """Hold and return the bytes [start, stop) instead of those held before."""
        self._loaded = b""
        self._start, self._loaded = start, self._get(start, stop)
        return self._loaded

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def report(self) -> int:
        return self._position

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self.size}[whence]
        self._position = base + offset
        return self._position

    def read(self, size: int = -1) -> bytes:
        start = self._position
        stop = self.size if size < 0 else min(self.size, start + size)
        self._position = max(start, stop)
        for held, content in ((self._start, self._loaded), (self._tail_start, self._tail)):
            if held <= start and stop <= held + len(content):
                return content[start - held : stop - held]
        return self._get(start, stop)

    def _get(self, start: int, stop: int) -> bytes:
        return self._fetch(start, stop) if start < stop else b""


def _row_group_ends(metadata: pq.FileMetaData, size: int) -> list[int]:
    """Where each row group's bytes end."""
    ends = []
    for number in range(metadata.num_row_groups):
        group = metadata.row_group(number)
        columns = [group.column(c) for c in range(group.num_columns)]
        ends.append(min(size, max(map(_column_end, columns), default=0)))
    return ends


class _ColumnChunk(Protocol):
    dictionary_page_offset: int | None
    data_page_offset: int
    total_compressed_size: int


def _column_end(column: _ColumnChunk) -> int:
    starts = [column.data_page_offset, column.dictionary_page_offset or column.data_page_offset]
    return min(starts) + column.total_compressed_size


def _dictionaries(metadata: pq.FileMetaData) -> list[str]:
    """The columns that are stored as dictionaries, and are cheap to read as such."""
    if metadata.num_row_groups == 0:
        return []
    first = metadata.row_group(0)
    columns = [first.column(number) for number in range(first.num_columns)]
    return [
        column.path_in_schema
        for column in columns
        if column.has_dictionary_page and column.physical_type == "BYTE_ARRAY"
    ]


def _batches(parquet: pq.ParquetFile, group: int) -> Iterator[pa.RecordBatch]:
    batches: Iterator[pa.RecordBatch] = parquet.iter_batches(
        _BATCH_ROWS, row_groups=[group], use_threads=False
    )
    return batches


@dataclass(frozen=True)
class _Span:
    group: int
    start: int
    stop: int


def _picked(opened: _OpenPart, wanted: Places, base: int) -> Iterator[StoredRows]:
    """The rows of these positions, from the row groups that hold any."""
    metadata = opened.parquet.metadata
    counts = [metadata.row_group(g).num_rows for g in range(metadata.num_row_groups)]
    stops = np.cumsum(counts, dtype=np.int64).tolist()
    for span in (_Span(g, stops[g] - counts[g], stops[g]) for g in range(len(counts))):
        if not ((wanted >= span.start) & (wanted < span.stop)).any():
            continue
        opened.skip_to(span.group)
        opened.load(span.group)
        start = span.start
        for batch in _batches(opened.parquet, span.group):
            stop = start + batch.num_rows
            here = wanted[(wanted >= start) & (wanted < stop)]
            if here.size:
                rows = batch.take(pa.array(here - start))
                yield StoredRows(rows.columns, rows.num_rows, here + base)
            start = stop
