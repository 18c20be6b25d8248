"""Trace leads from a stored row back to its run, batch, object and index."""

from __future__ import annotations

import pytest

from rowmill.destinations.postgres.reading_names import Reading
from rowmill.engine.tracing import Trace
from rowmill.verify.recomputed import Recomputed
from rowmill.verify.trace import Unkeyed, trace
from rowmill.warehouse.published import open_published
from tests.integration.verify.published_data import PublishedData


def _trace(data: PublishedData, table: str, *key: str) -> Trace:
    with open_published(data.spec, data.connections, reading=Reading.TRACE) as opened:
        known = opened.dataset.table(table)
        return trace(opened, known, key, Recomputed(opened.make_generator))


def test_a_row_leads_to_its_run_batch_and_object(data: PublishedData) -> None:
    found = _trace(data, "customers", str(100 + 7 * 1234))
    assert (found.run, found.run_id, found.seed) == (data.run.number, data.run.id, 11)
    assert (found.row, found.batch, found.batch_rows) == (1234, 1, (1000, 2000))
    assert (found.part, found.part_rows) == (0, (0, 3000))
    assert found.object == f"s3://rowmill/{data.key('customers', 0)}"
    assert [copy.destination for copy in found.copies] == ["postgres", "parquet"]
    assert found.identical
    assert found.values is not None
    assert found.values["id"] == 100 + 7 * 1234


def test_a_key_of_two_columns_is_found_through_its_parent(data: PublishedData) -> None:
    with data.sql() as connection:
        row = connection.execute(
            f'SELECT customer, line, ref FROM "{data.schema}".orders ORDER BY ref LIMIT 1'
        ).fetchone()
    assert row is not None
    found = _trace(data, "orders", str(row[0]), str(row[1]))
    assert found.identical
    assert found.values is not None
    assert found.values["ref"] == str(row[2])


def test_a_changed_row_shows_the_cells_that_differ(data: PublishedData) -> None:
    with data.damaged("customers", "UPDATE {} SET note = NULL, name = 'Nobody' WHERE id = 100"):
        found = _trace(data, "customers", "100")
    stored, parquet = found.copies
    assert not found.identical
    assert parquet.identical
    assert ("name", "Nobody") in [(cell.column, cell.found) for cell in stored.cells]


def test_a_lost_row_is_known_though_not_stored(data: PublishedData) -> None:
    with data.damaged("customers", "DELETE FROM {} WHERE id = 107"):
        found = _trace(data, "customers", "107")
    assert (found.row, found.found, found.identical) == (1, True, False)
    assert found.copies[0].place is None


def test_a_doubled_row_shows_every_copy(data: PublishedData) -> None:
    with data.damaged("customers", "INSERT INTO {} SELECT * FROM {} WHERE id = 107"):
        found = _trace(data, "customers", "107")
    assert [copy.destination for copy in found.copies] == ["postgres", "postgres", "parquet"]
    assert not found.identical


def test_a_stored_row_that_no_run_made(data: PublishedData) -> None:
    with data.damaged("customers", "UPDATE {} SET id = 101 WHERE id = 100"):
        found = _trace(data, "customers", "101")
    assert (found.row, found.found, found.identical) == (None, True, False)


def test_a_missing_object_is_said(data: PublishedData) -> None:
    with data.damaged_object("customers", 0, lambda content: None) as url:
        found = _trace(data, "customers", "100")
    assert found.copies[1].problem is not None
    assert url in found.copies[1].problem


def test_a_key_of_no_row_is_not_found(data: PublishedData) -> None:
    assert not _trace(data, "customers", "101").found
    assert not _trace(data, "customers", "-600").found
    assert not _trace(data, "orders", "101", "1").found


@pytest.mark.parametrize(
    ("table", "key", "message"),
    [
        ("orders", ["1"], "the key of 'orders' is (customer, line): 2 values, not 1"),
        ("keyless", ["1"], "table 'keyless' has no key to find a row by"),
        ("customers", ["x"], 'id: "x" is no number'),
    ],
)
def test_a_key_that_does_not_fit_is_refused(
    data: PublishedData, table: str, key: list[str], message: str
) -> None:
    with pytest.raises(Unkeyed) as refused:
        _trace(data, table, *key)
    assert message in str(refused.value)
