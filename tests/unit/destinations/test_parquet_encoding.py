from __future__ import annotations

import datetime as dt
import io
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from rowmill.destinations.parquet_encoding import TableEncoding
from rowmill.generate.arrow_types import arrow_type
from rowmill.spec.dataset import (
    ChildrenPer,
    Column,
    Dataset,
    Link,
    PickChildren,
    PickUniform,
    Table,
)
from rowmill.spec.kinds import Choice, Constant, Faker, Kind, Parent, Pattern, Reference, Uuid
from rowmill.spec.kinds import Sequence as SequenceKind
from rowmill.spec.types import parse_type

PLAIN = Pattern("x")
UUID = bytes(range(16))

# Per type: values, what a reader of the file gets where that differs, and the file's types.
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


@pytest.mark.parametrize(("sql", "values", "read", "physical", "logical"), TYPES)
def test_every_type_reads_back_equal_with_its_logical_type(
    sql: str, values: list[Any], read: list[Any] | None, physical: str, logical: str
) -> None:
    file = _written(_table(_column("c", sql)), [_batch("c", sql, [*values, None])])

    assert _cells(file, "c") == [*(read or values), None]
    leaf = file.schema.column(0)
    assert leaf.physical_type == physical
    assert logical in str(leaf.logical_type)


@pytest.mark.parametrize(("sql", "values", "read", "physical", "logical"), TYPES)
def test_arrays_of_every_type_read_back_equal_from_slices_too(
    sql: str, values: list[Any], read: list[Any] | None, physical: str, logical: str
) -> None:
    lists = [values, None, [], [None, *values], [values[0]]]
    batch = _batch("c", f"{sql}[]", lists)
    table = _table(_column("c", f"{sql}[]"))
    slices = [batch.slice(0, 1), batch.slice(1, 2), batch.slice(3)]

    file = _written(table, slices)

    shown = read or values
    assert _cells(file, "c") == [shown, None, [], [None, *shown], [shown[0]]]
    assert file.schema.column(0).path == "c.list.element"
    assert file.schema.column(0).physical_type == physical


def test_a_column_without_nulls_is_required() -> None:
    file = _written(
        _table(_column("a", "bigint", nullable=False), _column("b", "bigint")),
        [pa.record_batch({"a": pa.array([1]), "b": pa.array([2])})],
    )

    assert [file.schema.column(n).max_definition_level for n in range(2)] == [0, 1]


@pytest.mark.parametrize("name", ['a"b; drop table x; --', "a.b", "späce ✓", "select", "x" * 63])
def test_hostile_column_names_keep_their_name(name: str) -> None:
    table = _table(_column(name, "bigint"), _column("other", "text[]"))
    batch = pa.record_batch(
        {name: pa.array([1, 2]), "other": pa.array([["x"], None], pa.list_(pa.string()))}
    )

    file = _written(table, [batch])

    assert file.read().column_names == [name, "other"]
    assert _cells(file, name) == [1, 2]


@pytest.mark.parametrize(
    ("word", "codec"),
    [("zstd", "ZSTD"), ("snappy", "SNAPPY"), ("gzip", "GZIP"), ("lz4", "LZ4"), ("none", None)],
)
def test_the_manifests_compression_is_the_files(word: str, codec: str | None) -> None:
    file = _written(_table(_column("c", "text")), [_batch("c", "text", ["x" * 100])], word)

    assert file.metadata.row_group(0).column(0).compression == (codec or "UNCOMPRESSED")


def test_random_uuids_are_not_compressed() -> None:
    file = _written(_table(_column("c", "uuid", Uuid(4))), [_batch("c", "uuid", [UUID])])

    assert file.metadata.row_group(0).column(0).compression == "UNCOMPRESSED"


@pytest.mark.parametrize(
    ("sql", "value", "encoding"),
    [
        ("bigint", 1, "DELTA_BINARY_PACKED"),
        ("numeric(10,2)", Decimal("1.50"), "DELTA_BINARY_PACKED"),
        ("timestamptz", dt.datetime(2020, 1, 1, tzinfo=dt.UTC), "DELTA_BINARY_PACKED"),
        ("double precision", 1.5, "BYTE_STREAM_SPLIT"),
        ("text", "x", "PLAIN"),
    ],
)
def test_an_encoding_follows_the_type(sql: str, value: Any, encoding: str) -> None:
    file = _written(_table(_column("c", sql)), [_batch("c", sql, [value])])

    chunk = file.metadata.row_group(0).column(0)
    assert encoding in chunk.encodings
    assert not chunk.has_dictionary_page
    assert chunk.is_stats_set == (encoding == "DELTA_BINARY_PACKED")


@pytest.mark.parametrize("kind", [Choice(("a", "b"), None), Constant("a")])
def test_few_values_are_dictionary_encoded(kind: Kind) -> None:
    file = _written(_table(_column("c", "text", kind)), [_batch("c", "text", ["a"] * 9)])

    assert file.metadata.row_group(0).column(0).has_dictionary_page


@pytest.mark.parametrize(
    ("parents", "children", "via", "dictionary"),
    [
        (100, 1000, "uniform", True),
        (100, 150, "uniform", False),
        (1_000_000, 9_000_000, "uniform", False),
        (1_000_000, 9_000_000, "children", True),
    ],
)
def test_a_reference_is_dictionary_encoded_where_its_parents_repeat(
    parents: int, children: int, via: str, dictionary: bool
) -> None:
    parent = Table("p", parents, (_column("k", "text"),), (), None, ("k",), (), ())
    pick = PickChildren() if via == "children" else PickUniform()
    link = Link("r", ("r",), "p", ("k",), pick, 0.0)
    columns = (
        _column("r", "text", Reference("r", "k")),
        _column("again", "text", Parent("r", "k")),
    )
    # Of it, the encoding asks only whether it is there.
    per = ChildrenPer("r", 9, 1, 20) if via == "children" else None  # type: ignore[arg-type]
    table = Table("c", children, columns, (link,), per, (), (), ())
    batch = pa.record_batch({"r": pa.array(["x"] * 9), "again": pa.array(["x"] * 9)})

    file = _written(table, [batch], dataset=Dataset(0, "en_US", 1, (parent, table)))

    chunks = [file.metadata.row_group(0).column(n) for n in range(2)]
    assert [chunk.has_dictionary_page for chunk in chunks] == [dictionary] * 2


def test_a_pool_keeps_its_dictionary_where_it_repeats() -> None:
    file = _written(_names(), [_pool([0, 1, None, 2] * 100), _pool([2] * 10)])

    chunk = file.metadata.row_group(0).column(0)
    assert chunk.has_dictionary_page
    assert chunk.dictionary_page_offset is not None
    assert file.read().schema.field("name").type == pa.string()
    assert _cells(file, "name") == ["ann", "bob", None, "cem"] * 100 + ["cem"] * 10


def test_a_pool_larger_than_its_use_is_written_plain() -> None:
    file = _written(_names(), [_pool([0, 1, 2])])

    assert not file.metadata.row_group(0).column(0).has_dictionary_page
    assert _cells(file, "name") == ["ann", "bob", "cem"]


def test_slices_with_different_dictionaries_are_written_right() -> None:
    other = pa.DictionaryArray.from_arrays(pa.array([0, 1], pa.int32()), pa.array(["x", "ann"]))

    file = _written(_names(), [_pool([0, 1] * 20), pa.record_batch({"name": other})])

    assert _cells(file, "name") == ["ann", "bob"] * 20 + ["x", "ann"]


def test_a_last_row_group_that_is_short_conforms_to_the_first() -> None:
    groups = [[_pool([0, 1] * 100)], [_pool([2])], [pa.record_batch({"name": pa.array(["zed"])})]]

    file = _written_groups(_names(), groups)

    assert file.metadata.num_row_groups == 3
    assert _cells(file, "name") == ["ann", "bob"] * 100 + ["cem", "zed"]


def test_groups_after_a_plain_one_conform_too() -> None:
    file = _written_groups(_names(), [[_pool([2])], [_pool([0, 1] * 100)]])

    assert _cells(file, "name") == ["cem"] + ["ann", "bob"] * 100


@pytest.mark.parametrize(
    ("sql", "values"),
    [
        ("integer", [7, 8]),
        ("numeric(10,2)", [Decimal("1.50"), Decimal("2.50")]),
        ("json", ["1", "2"]),
        ("uuid", [UUID, UUID[::-1]]),
        ("inet", ["::1", "::2"]),
        ("interval", [(1, 0, 0), (2, 0, 0)]),
    ],
)
def test_dictionaries_of_other_types_are_written_right(sql: str, values: list[Any]) -> None:
    known = pa.array(values, arrow_type(parse_type(sql)))
    array = pa.DictionaryArray.from_arrays(pa.array([0, 1, None, 0] * 9, pa.int8()), known)
    plain = _written(_table(_column("c", sql)), [_batch("c", sql, [*values, None, values[0]] * 9)])

    file = _written(_table(_column("c", sql)), [pa.record_batch({"c": array})])

    assert _cells(file, "c") == _cells(plain, "c")
    assert file.schema.column(0).physical_type == plain.schema.column(0).physical_type


def _column(name: str, sql: str, kind: Kind = PLAIN, nullable: bool = True) -> Column:
    return Column(name, parse_type(sql), kind, 0.1 if nullable else 0.0, nullable, False)


def _table(*columns: Column) -> Table:
    return Table("t", 1_000_000, columns, (), None, (), (), ())


def _names() -> Table:
    return _table(_column("name", "text", Faker("name", (), "en_US", 3, "")))


def _pool(indices: list[int | None]) -> pa.RecordBatch:
    names = pa.array(["ann", "bob", "cem"])
    array = pa.DictionaryArray.from_arrays(pa.array(indices, pa.int32()), names)
    return pa.record_batch({"name": array})


def _batch(name: str, sql: str, values: list[Any]) -> pa.RecordBatch:
    return pa.record_batch({name: pa.array(values, arrow_type(parse_type(sql)))})


def _written(
    table: Table,
    slices: Sequence[pa.RecordBatch],
    compression: str = "zstd",
    dataset: Dataset | None = None,
) -> pq.ParquetFile:
    """A file of one row group, opened."""
    return _written_groups(table, [slices], compression, dataset)


def _written_groups(
    table: Table,
    groups: Sequence[Sequence[pa.RecordBatch]],
    compression: str = "zstd",
    dataset: Dataset | None = None,
) -> pq.ParquetFile:
    encoding = TableEncoding(dataset or Dataset(0, "en_US", 1, (table,)), table, compression)
    sink = io.BytesIO()
    tables = [encoding.rows(slices) for slices in groups]
    schema = tables[0].schema
    with encoding.writer(sink, schema, {"rowmill.run": "x"}) as writer:
        for rows in tables:
            writer.write_table(encoding.conform(rows, schema))
    return pq.ParquetFile(io.BytesIO(sink.getvalue()))


def _cells(file: pq.ParquetFile, column: str) -> list[Any]:
    """A column's values as plain Python, those of extension types as they are stored."""
    return [_plain(value) for value in file.read().column(column).to_pylist()]


def _plain(value: Any) -> Any:
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return value.bytes if hasattr(value, "bytes_le") else value


def test_a_sequence_takes_next_to_no_room() -> None:
    table = _table(_column("c", "bigint", SequenceKind(1, 1), nullable=False))

    file = _written(table, [pa.record_batch({"c": pa.array(range(100_000), pa.int64())})])

    assert file.metadata.row_group(0).column(0).total_compressed_size < 5_000
