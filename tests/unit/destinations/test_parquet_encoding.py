from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest

from rowmill.destinations.lake.parquet_encoding import TableEncoding
from rowmill.generate.arrow_types import arrow_type
from rowmill.spec.dataset import (
    ChildrenPer,
    Dataset,
    Link,
    ParquetTypes,
    PickChildren,
    PickUniform,
    Table,
)
from rowmill.spec.kind.base import Kind
from rowmill.spec.kinds import Choice, Constant, Parent, Reference, Uuid
from rowmill.spec.kinds import Sequence as SequenceKind
from rowmill.spec.values.types import parse_type
from tests.unit.destinations.parquet_files import (
    BOTH,
    NATIVE,
    PORTABLE,
    UUID,
    New,
    batch_of,
    cells_of,
    column,
    content_of,
    names,
    pool,
    table_of,
    written,
    written_groups,
)


@pytest.mark.parametrize(("types", "sql", "values", "read", "physical", "logical"), BOTH)
def test_every_type_reads_back_equal_with_its_logical_type(
    types: ParquetTypes,
    sql: str,
    values: list[Any],
    read: list[Any] | None,
    physical: str,
    logical: str,
) -> None:
    batch = batch_of("c", sql, [*values, None])
    file = written(table_of(column("c", sql)), [batch], types=types)

    assert cells_of(file, "c") == [*(read or values), None]
    leaf = file.schema.column(0)
    assert leaf.physical_type == physical
    assert logical in str(leaf.logical_type)


@pytest.mark.parametrize(("types", "sql", "values", "read", "physical", "logical"), BOTH)
def test_arrays_of_every_type_read_back_equal_from_slices_too(
    types: ParquetTypes,
    sql: str,
    values: list[Any],
    read: list[Any] | None,
    physical: str,
    logical: str,
) -> None:
    lists = [values, None, [], [None, *values], [values[0]]]
    batch = batch_of("c", f"{sql}[]", lists)
    table = table_of(column("c", f"{sql}[]"))
    slices = [batch.slice(0, 1), batch.slice(1, 2), batch.slice(3)]

    file = written(table, slices, types=types)

    shown = read or values
    assert cells_of(file, "c") == [shown, None, [], [None, *shown], [shown[0]]]
    assert file.schema.column(0).path == "c.list.element"
    assert file.schema.column(0).physical_type == physical


def test_a_column_without_nulls_is_required() -> None:
    file = written(
        table_of(column("a", "bigint", nullable=False), column("b", "bigint")),
        [pa.record_batch({"a": pa.array([1]), "b": pa.array([2])})],
    )

    assert [file.schema.column(n).max_definition_level for n in range(2)] == [0, 1]


@pytest.mark.parametrize("name", ['a"b; drop table x; --', "a.b", "späce ✓", "select", "x" * 63])
def test_hostile_column_names_keep_their_name(name: str) -> None:
    table = table_of(column(name, "bigint"), column("other", "text[]"))
    batch = pa.record_batch(
        {name: pa.array([1, 2]), "other": pa.array([["x"], None], pa.list_(pa.string()))}
    )

    file = written(table, [batch])

    assert file.read().column_names == [name, "other"]
    assert cells_of(file, name) == [1, 2]


@pytest.mark.parametrize(
    ("word", "codec"),
    [("zstd", "ZSTD"), ("snappy", "SNAPPY"), ("gzip", "GZIP"), ("lz4", "LZ4"), ("none", None)],
)
def test_the_manifests_compression_is_the_files(word: str, codec: str | None) -> None:
    file = written(table_of(column("c", "text")), [batch_of("c", "text", ["x" * 100])], word)

    assert file.metadata.row_group(0).column(0).compression == (codec or "UNCOMPRESSED")


@pytest.mark.parametrize(
    ("kind", "types", "codec"),
    [
        (Uuid(4), NATIVE, "UNCOMPRESSED"),
        (Uuid(4), PORTABLE, "ZSTD"),
        (New(drawn=True), NATIVE, "UNCOMPRESSED"),
        (New(), NATIVE, "ZSTD"),
    ],
)
def test_what_is_drawn_whole_is_compressed_as_text_alone(
    kind: Kind, types: ParquetTypes, codec: str
) -> None:
    table, batch = table_of(column("c", "uuid", kind)), batch_of("c", "uuid", [UUID])

    file = written(table, [batch], types=types)

    assert file.metadata.row_group(0).column(0).compression == codec


@pytest.mark.parametrize(
    ("types", "sql", "value", "encoding"),
    [
        (NATIVE, "bigint", 1, "DELTA_BINARY_PACKED"),
        (PORTABLE, "bigint", 1, "PLAIN"),
        (PORTABLE, "smallint", 1, "DELTA_BINARY_PACKED"),
        (PORTABLE, "date", dt.date(2020, 1, 1), "DELTA_BINARY_PACKED"),
        (NATIVE, "numeric(10,2)", Decimal("1.50"), "DELTA_BINARY_PACKED"),
        (PORTABLE, "numeric(10,2)", Decimal("1.50"), "PLAIN"),
        (PORTABLE, "numeric(7,2)", Decimal("1.50"), "DELTA_BINARY_PACKED"),
        (NATIVE, "timestamptz", dt.datetime(2020, 1, 1, tzinfo=dt.UTC), "DELTA_BINARY_PACKED"),
        (PORTABLE, "timestamptz", dt.datetime(2020, 1, 1, tzinfo=dt.UTC), "PLAIN"),
        (NATIVE, "time", dt.time(1), "DELTA_BINARY_PACKED"),
        (PORTABLE, "time", dt.time(1), "PLAIN"),
        (NATIVE, "double precision", 1.5, "BYTE_STREAM_SPLIT"),
        (PORTABLE, "double precision", 1.5, "PLAIN"),
        (PORTABLE, "real", 1.5, "PLAIN"),
        (PORTABLE, "text", "x", "PLAIN"),
    ],
)
def test_an_encoding_follows_the_type(
    types: ParquetTypes, sql: str, value: Any, encoding: str
) -> None:
    file = written(table_of(column("c", sql)), [batch_of("c", sql, [value])], types=types)

    chunk = file.metadata.row_group(0).column(0)
    assert encoding in chunk.encodings
    assert set(chunk.encodings) <= {encoding, "RLE"}
    assert not chunk.has_dictionary_page


@pytest.mark.parametrize(
    ("types", "sql", "encodings"),
    [
        (PORTABLE, "text[]", {"RLE_DICTIONARY"}),
        (PORTABLE, "bigint[]", {"RLE_DICTIONARY"}),
        (PORTABLE, "boolean[]", set()),
        (NATIVE, "text[]", set()),
        (NATIVE, "bigint[]", {"DELTA_BINARY_PACKED"}),
    ],
)
def test_elements_of_arrays_are_portable_as_a_dictionary_alone(
    types: ParquetTypes, sql: str, encodings: set[str]
) -> None:
    value = {"text[]": "x" * 100, "bigint[]": 1, "boolean[]": True}[sql]
    file = written(table_of(column("c", sql)), [batch_of("c", sql, [[value]])], types=types)

    chunk = file.metadata.row_group(0).column(0)
    assert set(chunk.encodings) - {"RLE", "PLAIN"} == encodings


def test_no_page_of_an_arrays_elements_is_plain_however_many_differ() -> None:
    texts = [[f"{row:0500}", f"-{row:0500}"] for row in range(10_000)]
    batch = batch_of("c", "text[]", texts)
    file = written(table_of(column("c", "text[]")), [batch], compression="none")

    chunk = file.metadata.row_group(0).column(0)
    dictionary = chunk.data_page_offset - chunk.dictionary_page_offset
    assert dictionary > 10_000_000
    # What follows are indices and levels alone.
    assert chunk.total_compressed_size - dictionary < 100_000
    assert cells_of(file, "c") == texts


def test_spark_is_told_that_old_dates_are_no_dates_of_its_old_calendar() -> None:
    table, batch = table_of(column("c", "date")), batch_of("c", "date", [dt.date(1, 1, 1)])

    portable = written(table, [batch]).metadata.metadata
    native = written(table, [batch], types=NATIVE).metadata.metadata

    assert portable == {b"org.apache.spark.version": b"3.5.0", b"rowmill.run": b"x"}
    assert native == {b"rowmill.run": b"x"}


@pytest.mark.parametrize(
    ("kind", "dictionary"),
    [
        (Choice(("a", "b"), None), True),
        (Constant("a"), True),
        (New(few=True), True),
        (New(), False),
    ],
)
def test_few_values_are_dictionary_encoded(kind: Kind, dictionary: bool) -> None:
    file = written(table_of(column("c", "text", kind)), [batch_of("c", "text", ["a"] * 9)])

    assert file.metadata.row_group(0).column(0).has_dictionary_page is dictionary


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
    parent = Table("p", parents, (column("k", "text"),), (), None, ("k",), (), ())
    pick = PickChildren() if via == "children" else PickUniform()
    link = Link("r", ("r",), "p", ("k",), pick, 0.0)
    columns = (
        column("r", "text", Reference("r", "k")),
        column("again", "text", Parent("r", "k")),
    )
    # Of it, the encoding asks only whether it is there.
    per = ChildrenPer("r", 9, 1, 20) if via == "children" else None  # type: ignore[arg-type]
    table = Table("c", children, columns, (link,), per, (), (), ())
    batch = pa.record_batch({"r": pa.array(["x"] * 9), "again": pa.array(["x"] * 9)})

    file = written(table, [batch], dataset=Dataset(0, "en_US", 1, (parent, table)))

    chunks = [file.metadata.row_group(0).column(n) for n in range(2)]
    assert [chunk.has_dictionary_page for chunk in chunks] == [dictionary] * 2


def test_a_pool_keeps_its_dictionary_where_it_repeats() -> None:
    file = written(names(), [pool([0, 1, None, 2] * 100), pool([2] * 10)])

    chunk = file.metadata.row_group(0).column(0)
    assert chunk.has_dictionary_page
    assert chunk.dictionary_page_offset is not None
    assert file.read().schema.field("name").type == pa.string()
    assert cells_of(file, "name") == ["ann", "bob", None, "cem"] * 100 + ["cem"] * 10


def test_a_row_groups_picks_of_a_pool_go_to_the_writer_in_one_piece() -> None:
    encoding = TableEncoding(Dataset(0, "en_US", 1, (names(),)), names(), "zstd", PORTABLE)
    slices = [pool([0, None, 2] * 10).slice(4), pool([None] * 3), pool([1] * 4)]

    cells = encoding.rows(slices).column("name")

    assert cells.num_chunks == 1
    assert cells.to_pylist() == (["ann", None, "cem"] * 10)[4:] + [None] * 3 + ["bob"] * 4


def test_a_pool_larger_than_its_use_is_written_plain() -> None:
    file = written(names(), [pool([0, 1, 2])])

    assert not file.metadata.row_group(0).column(0).has_dictionary_page
    assert cells_of(file, "name") == ["ann", "bob", "cem"]


def test_slices_with_different_dictionaries_are_written_right() -> None:
    other = pa.DictionaryArray.from_arrays(pa.array([0, 1], pa.int32()), pa.array(["x", "ann"]))

    file = written(names(), [pool([0, 1] * 20), pa.record_batch({"name": other})])

    assert cells_of(file, "name") == ["ann", "bob"] * 20 + ["x", "ann"]


def test_a_last_row_group_that_is_short_conforms_to_the_first() -> None:
    groups = [[pool([0, 1] * 100)], [pool([2])], [pa.record_batch({"name": pa.array(["zed"])})]]

    file = written_groups(names(), groups)

    assert file.metadata.num_row_groups == 3
    assert cells_of(file, "name") == ["ann", "bob"] * 100 + ["cem", "zed"]


def test_groups_after_a_plain_one_conform_too() -> None:
    file = written_groups(names(), [[pool([2])], [pool([0, 1] * 100)]])

    assert cells_of(file, "name") == ["cem"] + ["ann", "bob"] * 100


@pytest.mark.parametrize(
    ("sql", "values"),
    [
        ("integer", [7, 8]),
        ("numeric(10,2)", [Decimal("1.50"), Decimal("2.50")]),
        ("json", ["1", "2"]),
        ("uuid", [UUID, UUID[::-1]]),
        ("time", [dt.time(1), dt.time(2)]),
        ("inet", ["::1", "::2"]),
        ("interval", [(1, 0, 0), (2, 0, 0)]),
    ],
)
def test_dictionaries_of_other_types_are_written_right(sql: str, values: list[Any]) -> None:
    known = pa.array(values, arrow_type(parse_type(sql)))
    array = pa.DictionaryArray.from_arrays(pa.array([0, 1, None, 0] * 9, pa.int8()), known)
    every = batch_of("c", sql, [*values, None, values[0]] * 9)
    plain = written(table_of(column("c", sql)), [every])

    file = written(table_of(column("c", sql)), [pa.record_batch({"c": array})])

    assert cells_of(file, "c") == cells_of(plain, "c")
    assert file.schema.column(0).physical_type == plain.schema.column(0).physical_type


def test_the_slices_in_which_rows_arrive_leave_no_trace_in_the_bytes() -> None:
    rows = 120_000
    table = table_of(
        column("id", "bigint"),
        column("note", "text"),
        column("key", "uuid"),
        column("few", "text", Choice(("a", "b"), None)),
        *names().columns,
    )
    whole = pa.record_batch(
        {
            "id": pa.array(range(rows)),
            "note": pa.array([f"note {n * 7919 % rows} of some" * 5 for n in range(rows)]),
            "key": pa.array([n.to_bytes(16) for n in range(rows)], pa.binary(16)),
            # A dictionary of 9 MB.
            "few": pa.array([f"note {n * 7919 % 9_000:04d}" * 100 for n in range(rows)]),
            "name": pool([0, 1, None, 2] * (rows // 4)).column(0),
        }
    )

    def sliced(size: int) -> bytes:
        return content_of(table, [[whole.slice(n, size) for n in range(0, rows, size)]])

    assert len({sliced(size) for size in (1_000, 7_777, 50_000, rows)}) == 1


NULLS = pa.record_batch({"name": pa.nulls(3, pa.string())})


@pytest.mark.parametrize("nulls", [NULLS, pool([None] * 3)], ids=["plain", "dictionary"])
@pytest.mark.parametrize("first", [True, False])
def test_a_slice_of_nulls_alone_follows_the_dictionary_of_the_others(
    nulls: pa.RecordBatch, first: bool
) -> None:
    cells: list[int | None] = [0, 1, None, 2] * 100
    three: list[int | None] = [None] * 3
    slices = [nulls, pool(cells)] if first else [pool(cells), nulls]
    whole = pool(three + cells if first else cells + three)
    assert content_of(names(), [slices]) == content_of(names(), [[whole]])


def test_a_short_group_behind_one_with_a_dictionary_leaves_no_trace_of_slices() -> None:
    cells = ["zed", "ann", None, "zed", "bob"]
    short = pa.record_batch({"name": pa.array(cells)})
    groups = [[pool([0, 1, 2] * 100)], [short]]
    sliced = [groups[0], [short.slice(0, 2), short.slice(2, 1), short.slice(3)]]
    assert content_of(names(), sliced) == content_of(names(), groups)


def test_a_sequence_takes_next_to_no_room() -> None:
    table = table_of(column("c", "bigint", SequenceKind(1, 1), nullable=False))

    file = written(table, [pa.record_batch({"c": pa.array(range(100_000), pa.int64())})])

    assert file.metadata.row_group(0).column(0).total_compressed_size < 5_000
