"""Verify finds each damage on the real servers, and says which row and cell it is."""

from __future__ import annotations

import io
from collections.abc import Callable
from operator import itemgetter
from typing import Any
from uuid import UUID

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from rowmill.engine.verification import CellDifference, Kind
from tests.integration.verify.published_data import PublishedData

_ID = 100 + 7 * 1234  # row 1234


def _edited(edit: Callable[[pa.Table], pa.Table]) -> Callable[[bytes], bytes]:
    """A damage that changes the rows of a Parquet object."""

    def damage(content: bytes) -> bytes:
        sink = io.BytesIO()
        pq.write_table(edit(pq.read_table(io.BytesIO(content))), sink)
        return sink.getvalue()

    return damage


def _with_cell(row: int, column: str, value: object) -> Callable[[pa.Table], pa.Table]:
    def edit(table: pa.Table) -> pa.Table:
        place = table.schema.get_field_index(column)
        cells: list[Any] = table.column(place).to_pylist()
        cells[row] = value
        return table.set_column(place, table.field(place), pa.array(cells, table.field(place).type))

    return edit


def test_undamaged_data_is_identical(data: PublishedData) -> None:
    report = data.verify()
    assert report.identical
    assert [table.rows for table in report.tables] == [3000, 2500, 4500]
    for table in report.tables:
        assert [c.destination for c in table.comparisons] == ["postgres", "parquet"]
        assert {c.checksum for c in table.comparisons} == {table.checksum}


def test_threads_do_not_change_the_checksums(data: PublishedData) -> None:
    assert data.verify(threads=1).checksums == data.verify(threads=3).checksums


def test_one_changed_cell_in_postgres(data: PublishedData) -> None:
    with data.damaged("customers", f"UPDATE {{}} SET balance = balance + 0.01 WHERE id = {_ID}"):
        found = data.compare("postgres", "customers")
    assert not found.identical
    assert found.counts == {Kind.CHANGED: 1}
    (difference,) = found.differences
    assert (difference.row, difference.batch, difference.part) == (1234, 1, 0)
    assert difference.key == {"id": _ID}
    (cell,) = difference.cells
    assert cell.column == "balance"
    assert f"{float(cell.expected) + 0.01:.2f}" == cell.found
    assert difference.place is not None
    assert difference.place.startswith(f'"{data.schema}"."customers" ctid (')


def test_a_lost_row_in_postgres(data: PublishedData) -> None:
    with data.damaged("customers", f"DELETE FROM {{}} WHERE id = {_ID}"):
        found = data.compare("postgres", "customers")
    assert found.rows == 2999
    assert found.counts == {Kind.LOST: 1}
    (difference,) = found.differences
    assert (difference.row, difference.key, difference.place) == (1234, {"id": _ID}, None)


def test_a_doubled_row_in_postgres(data: PublishedData) -> None:
    again = f"INSERT INTO {{}} SELECT * FROM {{}} WHERE id = {_ID}"
    with data.damaged("customers", again):
        found = data.compare("postgres", "customers")
    assert found.counts == {Kind.DOUBLED: 1}
    (difference,) = found.differences
    assert (difference.row, difference.key) == (1234, {"id": _ID})


def test_a_row_that_nobody_made_in_postgres(data: PublishedData) -> None:
    strange = "INSERT INTO {} SELECT -5, 'x', '', '{a}', 1, now() FROM {} LIMIT 1"
    with data.damaged("customers", strange.replace("'{a}'", "ARRAY['a']")):
        found = data.compare("postgres", "customers")
    assert found.counts == {Kind.UNEXPECTED: 1}
    (difference,) = found.differences
    assert (difference.row, difference.key) == (None, {"id": -5})


@pytest.mark.parametrize(
    ("wanted", "change"),
    [("note IS NULL", "note = ''"), ("note = ''", "note = NULL")],
)
def test_null_and_the_empty_text_differ(data: PublishedData, wanted: str, change: str) -> None:
    where = f"id = (SELECT min(id) FROM {{}} WHERE {wanted})"
    with data.damaged("customers", f"UPDATE {{}} SET {change} WHERE {where}"):
        found = data.compare("postgres", "customers")
    (difference,) = found.differences
    values = {None, ""} if wanted == "note IS NULL" else {"", None}
    assert {difference.cells[0].expected, difference.cells[0].found} == values
    assert difference.cells[0].column == "note"


def test_one_changed_element_of_an_array(data: PublishedData) -> None:
    where = "id = (SELECT min(id) FROM {} WHERE cardinality(tags) = 2)"
    with data.damaged("customers", f"UPDATE {{}} SET tags[2] = 'ZZ' WHERE {where}"):
        found = data.compare("postgres", "customers")
    (cell,) = found.differences[0].cells
    assert (cell.column, cell.found) == ("tags", [cell.expected[0], "ZZ"])


def test_a_changed_row_of_a_table_without_a_key(data: PublishedData) -> None:
    where = "ctid = (SELECT min(ctid) FROM {})"
    with data.damaged("keyless", f"UPDATE {{}} SET a = -1 WHERE {where}"):
        found = data.compare("postgres", "keyless")
    assert found.counts == {Kind.CHANGED: 1}
    (difference,) = found.differences
    assert difference.row == 0
    assert set(difference.key) == {"a", "b", "c"}
    assert difference.cells == (CellDifference("a", difference.key["a"], -1),)


def test_a_changed_key_is_found_by_the_rest_of_its_row(data: PublishedData) -> None:
    with data.damaged("customers", f"UPDATE {{}} SET id = 1 WHERE id = {_ID}"):
        found = data.compare("postgres", "customers")
    (difference,) = found.differences
    assert difference.kind is Kind.CHANGED
    assert difference.cells == (CellDifference("id", _ID, 1),)


def test_swapped_cells_of_two_rows_are_two_changes(data: PublishedData) -> None:
    swap = (
        "UPDATE {} SET ref = o.ref FROM {} o WHERE {}.customer = 100 AND o.customer = 107 "
        "AND {}.line = 1 AND o.line = 1"
    )
    name = f'"{data.schema}"."orders"'
    with data.damaged("orders", swap.replace("{}.", "orders.").replace("{}", name)):
        found = data.compare("postgres", "orders")
    assert found.counts == {Kind.CHANGED: 1}
    assert [cell.column for cell in found.differences[0].cells] == ["ref"]


def test_a_missing_table_in_postgres(data: PublishedData) -> None:
    with data.sql() as connection:
        connection.execute(f'ALTER TABLE "{data.schema}".keyless RENAME TO hidden')
        try:
            found = data.compare("postgres", "keyless")
        finally:
            connection.execute(f'ALTER TABLE "{data.schema}".hidden RENAME TO keyless')
    assert [problem.reason for problem in found.problems] == ["TableMissing"]
    assert not found.identical


def test_a_column_of_another_type_in_postgres(data: PublishedData) -> None:
    with data.sql() as connection:
        connection.execute(f'ALTER TABLE "{data.schema}".keyless ALTER a TYPE bigint')
        try:
            found = data.compare("postgres", "keyless")
        finally:
            connection.execute(f'ALTER TABLE "{data.schema}".keyless ALTER a TYPE integer')
    (problem,) = found.problems
    assert problem.reason == "ColumnsDiffer"
    assert problem.text == "column 'a' is bigint, not integer"


def test_a_column_that_users_added_counts_unless_it_is_generated(data: PublishedData) -> None:
    for column, told in (
        ("extra integer GENERATED ALWAYS AS (a + 1) STORED", []),
        ("extra integer", ["column 'extra' is not the manifest's"]),
    ):
        with data.sql() as connection:
            connection.execute(f'ALTER TABLE "{data.schema}".keyless ADD COLUMN {column}')
            try:
                found = data.compare("postgres", "keyless")
            finally:
                connection.execute(f'ALTER TABLE "{data.schema}".keyless DROP COLUMN extra')
        assert [problem.text for problem in found.problems] == told


def test_an_emptied_table_lists_lost_rows(data: PublishedData) -> None:
    with data.damaged("customers", "TRUNCATE {}"):
        found = data.compare("postgres", "customers")
    assert (found.rows, found.counts) == (0, {Kind.LOST: 3000})
    assert len(found.differences) == 1000
    assert found.differences[0].row == 0


def test_one_changed_cell_in_parquet(data: PublishedData) -> None:
    with data.damaged_object("customers", 0, _edited(_with_cell(1234, "name", "Nobody"))) as url:
        found = data.compare("parquet", "customers")
    assert found.counts == {Kind.CHANGED: 1}
    (difference,) = found.differences
    assert (difference.row, difference.place) == (1234, f"{url} row 1234")
    assert [(cell.column, cell.found) for cell in difference.cells] == [("name", "Nobody")]
    assert [problem.reason for problem in found.problems] == ["BytesDiffer"]


def test_one_changed_uuid_in_parquet(data: PublishedData) -> None:
    nil = "00000000-0000-0000-0000-000000000000"
    with data.damaged_object("orders", 0, _edited(_with_cell(7, "ref", nil))):
        found = data.compare("parquet", "orders")
    assert found.counts == {Kind.CHANGED: 1}
    (difference,) = found.differences
    assert [(cell.column, cell.found) for cell in difference.cells] == [("ref", nil)]


def test_a_uuid_in_parquet_that_is_none(data: PublishedData) -> None:
    with data.damaged_object("orders", 0, _edited(_with_cell(7, "ref", "nobody"))):
        found = data.compare("parquet", "orders")
    (problem,) = found.problems
    assert problem.reason == "ColumnsDiffer"
    assert problem.text.endswith("'nobody' is no uuid as Postgres prints it")
    assert not found.identical


def test_a_column_of_another_type_in_parquet(data: PublishedData) -> None:
    def edit(table: pa.Table) -> pa.Table:
        place = table.schema.get_field_index("ref")
        raw = [UUID(text).bytes for text in table.column(place).to_pylist()]
        return table.set_column(place, "ref", pa.array(raw, pa.binary(16)))

    with data.damaged_object("orders", 0, _edited(edit)):
        found = data.compare("parquet", "orders")
    (problem,) = found.problems
    assert problem.reason == "ColumnsDiffer"
    assert problem.text == "column 'ref' is fixed_size_binary[16], not string"
    assert not found.identical


def test_lost_and_doubled_rows_in_parquet(data: PublishedData) -> None:
    def edit(table: pa.Table) -> pa.Table:
        rows = [*range(1234), *range(1235, len(table)), 7]
        return table.take(pa.array(rows))

    with data.damaged_object("customers", 0, _edited(edit)):
        found = data.compare("parquet", "customers")
    assert found.counts == {Kind.LOST: 1, Kind.DOUBLED: 1}
    assert [(d.kind, d.row) for d in found.differences] == [(Kind.DOUBLED, 7), (Kind.LOST, 1234)]


def test_rows_in_another_order_are_the_same_data(data: PublishedData) -> None:
    def edit(table: pa.Table) -> pa.Table:
        return table.take(pa.array(range(len(table) - 1, -1, -1)))

    with data.damaged_object("keyless", 0, _edited(edit)):
        found = data.compare("parquet", "keyless")
    assert found.counts == {}
    assert [problem.reason for problem in found.problems] == ["BytesDiffer"]


def test_a_missing_part(data: PublishedData) -> None:
    with data.damaged_object("customers", 0, lambda content: None) as url:
        found = data.compare("parquet", "customers")
    (problem,) = found.problems
    assert (problem.reason, problem.place) == ("ObjectMissing", url)
    assert found.rows == 0
    assert found.counts == {}


@pytest.mark.parametrize("place", [0, 3000, -6])
def test_corrupted_bytes(data: PublishedData, place: int) -> None:
    def damage(content: bytes) -> bytes:
        changed = bytearray(content)
        changed[place] ^= 0xFF
        return bytes(changed)

    with data.damaged_object("orders", 0, damage):
        found = data.compare("parquet", "orders")
    assert not found.identical
    assert {problem.reason for problem in found.problems} <= {"BytesDiffer", "ObjectUnreadable"}
    assert found.problems


def test_a_truncated_and_an_empty_object(data: PublishedData) -> None:
    for length in (0, 3, 1000):
        with data.damaged_object("orders", 0, itemgetter(slice(length))):
            found = data.compare("parquet", "orders")
        assert [problem.reason for problem in found.problems] == ["ObjectUnreadable"]


def test_an_object_with_other_columns(data: PublishedData) -> None:
    with data.damaged_object("orders", 0, _edited(lambda table: table.drop_columns(["city"]))):
        found = data.compare("parquet", "orders")
    assert [problem.reason for problem in found.problems] == ["ColumnsDiffer"]


def test_an_object_whose_columns_have_other_types(data: PublishedData) -> None:
    def edit(table: pa.Table) -> pa.Table:
        return table.set_column(0, "customer", pa.array([f"x{n}" for n in range(len(table))]))

    with data.damaged_object("orders", 0, _edited(edit)):
        found = data.compare("parquet", "orders")
    assert [problem.reason for problem in found.problems] == ["ColumnsDiffer"]


def test_an_extra_object_that_a_glob_would_read(data: PublishedData) -> None:
    key = f"{data.prefix}customers/copy.parquet"
    beside = f"{data.prefix}customers/notes.txt"
    with data.bucket() as bucket:
        content = bucket.read(data.key("customers", 0))
        assert content is not None
        bucket.put(key, content.body)
        bucket.put(beside, b"not read by anybody")
        try:
            found = data.compare("parquet", "customers")
        finally:
            bucket.delete(key)
            bucket.delete(beside)
    (problem,) = found.problems
    assert (problem.reason, problem.place) == ("ObjectExtra", f"s3://rowmill/{key}")
    assert not found.identical


def test_a_missing_record_and_a_missing_current(data: PublishedData) -> None:
    keys = [f"{data.prefix}_rowmill/current.json", f"{data.prefix}_rowmill/run-{data.run.id}.json"]
    with data.bucket() as bucket:
        kept = {key: bucket.read(key) for key in keys}
        for key in keys:
            bucket.delete(key)
        try:
            report = data.verify()
        finally:
            for key, stored in kept.items():
                assert stored is not None
                bucket.put(key, stored.body)
    assert [problem.reason for problem in report.problems] == ["CurrentDiffers", "RecordMissing"]
    assert all(c.identical for table in report.tables for c in table.comparisons)
    assert not report.identical
