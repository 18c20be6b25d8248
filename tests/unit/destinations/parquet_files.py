"""Small Parquet files of one table, written as the engine does, and cells of every type."""

from __future__ import annotations

import datetime as dt
import io
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, ClassVar

import pyarrow as pa
import pyarrow.parquet as pq

from rowmill.destinations.lake.parquet_encoding import TableEncoding
from rowmill.generate.arrow_types import arrow_type
from rowmill.spec.dataset import Column, Dataset, ParquetTypes, Table
from rowmill.spec.kind.base import Kind, OwnKind
from rowmill.spec.kinds import Faker, Pattern
from rowmill.spec.values.types import parse_type

PLAIN = Pattern("x")
UUID = bytes(range(16))
NATIVE, PORTABLE = ParquetTypes.NATIVE, ParquetTypes.PORTABLE

# Per native type: values, what a reader of the file gets where that differs, and the file's types.
TYPES: list[tuple[str, list[Any], list[Any] | None, str, str]] = [
    ("boolean", [True, False], None, "BOOLEAN", "None"),
    ("smallint", [-(2**15), 2**15 - 1], None, "INT32", "Int(bitWidth=16, isSigned=true)"),
    ("integer", [-(2**31), 2**31 - 1], None, "INT32", "None"),
    ("bigint", [-(2**63), 2**63 - 1], None, "INT64", "None"),
    ("real", [1.5, float("inf")], None, "FLOAT", "None"),
    ("double precision", [1e308, -0.0], None, "DOUBLE", "None"),
    ("numeric(5,2)", [Decimal("-999.99"), Decimal("0.01")], None, "INT32", "Decimal"),
    ("numeric(18,0)", [Decimal(10**18 - 1)], None, "INT64", "Decimal"),
    (
        "numeric(38,10)",
        [Decimal("9" * 28 + "." + "9" * 10)],
        None,
        "FIXED_LEN_BYTE_ARRAY",
        "Decimal",
    ),
    ("text", ["", "zürich ✓", "x" * 100_000], None, "BYTE_ARRAY", "String"),
    ("varchar(5)", ["abcde"], None, "BYTE_ARRAY", "String"),
    ("char(3)", ["a"], None, "BYTE_ARRAY", "String"),
    ("date", [dt.date(1, 1, 1), dt.date(9999, 12, 31)], None, "INT32", "Date"),
    ("time", [dt.time(23, 59, 59, 999_999)], None, "INT64", "isAdjustedToUTC=false"),
    ("timestamp", [dt.datetime(1969, 1, 1, 0, 0, 0, 1)], None, "INT64", "isAdjustedToUTC=false"),
    (
        "timestamptz",
        [dt.datetime(2020, 1, 1, tzinfo=dt.UTC)],
        None,
        "INT64",
        "isAdjustedToUTC=true",
    ),
    ("interval", [(14, 3, 500_000_000)], ["P1Y2M3DT0.5S"], "BYTE_ARRAY", "String"),
    ("uuid", [UUID], None, "FIXED_LEN_BYTE_ARRAY", "UUID"),
    ("json", ['{"a": 1}'], None, "BYTE_ARRAY", "JSON"),
    ("jsonb", ["[]"], None, "BYTE_ARRAY", "JSON"),
    ("bytea", [b"", b"\0\xff"], None, "BYTE_ARRAY", "None"),
    ("inet", ["10.0.0.0/8", "::1"], None, "BYTE_ARRAY", "String"),
]
# What of it is otherwise in a portable file.
AS_TEXT: dict[str, list[Any] | None] = {
    "time": ["23:59:59.999999"],
    "uuid": ["00010203-0405-0607-0809-0a0b0c0d0e0f"],
    "json": None,
    "jsonb": None,
}
PORTABLE_TYPES = [
    (sql, values, AS_TEXT[sql] or read, "BYTE_ARRAY", "String")
    if sql in AS_TEXT
    else (sql, values, read, physical, logical)
    for sql, values, read, physical, logical in TYPES
]
BOTH = [(NATIVE, *row) for row in TYPES] + [(PORTABLE, *row) for row in PORTABLE_TYPES]


@dataclass(frozen=True)
class New(OwnKind):
    """A kind that nobody has heard of, and what it says of itself."""

    key: ClassVar[str] = "new"

    distance: Decimal | None = None
    steps: bool = False
    few: bool = False
    drawn: bool = False

    def spread(self, rows: int) -> Decimal | None:
        return self.distance

    @property
    def even_steps(self) -> bool:
        return self.steps

    @property
    def few_values(self) -> bool:
        return self.few

    @property
    def compressible(self) -> bool:
        return not self.drawn


def column(name: str, sql: str, kind: Kind = PLAIN, nullable: bool = True) -> Column:
    return Column(name, parse_type(sql), kind, 0.1 if nullable else 0.0, nullable, False)


def table_of(*columns: Column) -> Table:
    return Table("t", 1_000_000, columns, (), None, (), (), ())


def names() -> Table:
    return table_of(column("name", "text", Faker("name", (), "en_US", 3, "")))


def pool(indices: list[int | None]) -> pa.RecordBatch:
    names = pa.array(["ann", "bob", "cem"])
    array = pa.DictionaryArray.from_arrays(pa.array(indices, pa.int32()), names)
    return pa.record_batch({"name": array})


def batch_of(name: str, sql: str, values: list[Any]) -> pa.RecordBatch:
    return pa.record_batch({name: pa.array(values, arrow_type(parse_type(sql)))})


def written(
    table: Table,
    slices: Sequence[pa.RecordBatch],
    compression: str = "zstd",
    dataset: Dataset | None = None,
    types: ParquetTypes = PORTABLE,
) -> pq.ParquetFile:
    """A file of one row group, opened."""
    return written_groups(table, [slices], compression, dataset, types)


def written_groups(
    table: Table,
    groups: Sequence[Sequence[pa.RecordBatch]],
    compression: str = "zstd",
    dataset: Dataset | None = None,
    types: ParquetTypes = PORTABLE,
) -> pq.ParquetFile:
    """A file of several row groups, opened."""
    return pq.ParquetFile(io.BytesIO(content_of(table, groups, compression, dataset, types)))


def content_of(
    table: Table,
    groups: Sequence[Sequence[pa.RecordBatch]],
    compression: str = "zstd",
    dataset: Dataset | None = None,
    types: ParquetTypes = PORTABLE,
) -> bytes:
    """The bytes of a file."""
    whole = dataset or Dataset(0, "en_US", 1, (table,))
    encoding = TableEncoding(whole, table, compression, types)
    sink = io.BytesIO()
    tables = [encoding.rows(slices) for slices in groups]
    schema = tables[0].schema
    with encoding.writer(sink, schema, {"rowmill.run": "x"}) as writer:
        for rows in tables:
            writer.write_table(encoding.conform(rows, schema))
    return sink.getvalue()


def cells_of(file: pq.ParquetFile, column: str) -> list[Any]:
    """A column's values as plain Python, those of extension types as they are stored."""
    return [_plain(value) for value in file.read().column(column).to_pylist()]


def _plain(value: Any) -> Any:
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return value.bytes if hasattr(value, "bytes_le") else value
