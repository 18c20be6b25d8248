"""Reading Postgres: one snapshot for all threads, and failures in the reader's words."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import psycopg
import pytest

from rowmill.destinations.errors import DestinationRefused, DestinationUnavailable
from rowmill.destinations.postgres.connection import PostgresAddress
from rowmill.destinations.postgres.read import published_tables as postgres_reading
from rowmill.destinations.postgres.read.published_tables import PostgresReader
from tests.integration.verify.published_data import PublishedData


def _address(data: PublishedData, **changes: str) -> PostgresAddress:
    assert data.connections.postgres is not None
    known = {**data.connections.postgres(), **changes}
    return PostgresAddress(lambda: known)


@pytest.fixture
def reader(data: PublishedData) -> Iterator[PostgresReader]:
    with PostgresReader(
        _address(data), data.schema, ["customers", "keyless", "nowhere"], "tests"
    ) as opened:
        yield opened


def test_pieces_hold_every_row_once(
    data: PublishedData, reader: PostgresReader, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgres_reading, "_PIECE_PAGES", 7)
    table = data.spec.dataset.table("customers")
    assert reader.pieces(table) > 3
    ids: list[int] = []
    places: list[int] = []
    for piece in range(reader.pieces(table)):
        for rows in reader.rows(table, piece, places=True):
            assert rows.places is not None
            ids += rows.columns[0].to_pylist()
            places += rows.places.tolist()
    assert sorted(ids) == [100 + 7 * n for n in range(3000)]
    assert len(set(places)) == 3000
    some = np.array(places[::100])
    again = [row for rows in reader.rows_at(table, some) for row in rows.columns[0].to_pylist()]
    assert sorted(again) == sorted(ids[::100])


def test_changes_after_the_snapshot_are_not_seen(
    data: PublishedData, reader: PostgresReader
) -> None:
    table = data.spec.dataset.table("keyless")
    with data.sql() as connection:
        connection.execute(f"INSERT INTO \"{data.schema}\".keyless VALUES (-1, 'x', 0)")
        try:
            count = sum(
                rows.count for n in range(reader.pieces(table)) for rows in reader.rows(table, n)
            )
        finally:
            connection.execute(f'DELETE FROM "{data.schema}".keyless WHERE a = -1')
    assert count == 2500


def test_a_table_that_is_read_cannot_be_dropped(
    data: PublishedData, reader: PostgresReader
) -> None:
    with data.sql() as connection:
        connection.execute("SET lock_timeout = '100ms'")
        with pytest.raises(psycopg.errors.LockNotAvailable):
            connection.execute(f'ALTER TABLE "{data.schema}".keyless RENAME TO other')


def test_a_role_without_rights_is_refused_by_name(data: PublishedData) -> None:
    password = "of-the-reader"
    with data.sql() as connection:
        connection.execute(f"CREATE ROLE \"a reader\" LOGIN PASSWORD '{password}'")
        try:
            address = _address(data, PGUSER="a reader", PGPASSWORD=password)
            with pytest.raises(DestinationRefused) as refused:
                PostgresReader(address, data.schema, ["customers"], "tests")
        finally:
            connection.execute('DROP ROLE "a reader"')
    assert refused.value.reason == "PermissionDenied"
    assert password not in str(refused.value)


def test_a_lost_connection_is_told_without_the_password(
    data: PublishedData, reader: PostgresReader
) -> None:
    table = data.spec.dataset.table("customers")
    list(reader.rows(table, 0))
    assert data.spec.postgres is not None
    with data.sql() as connection:
        # By the schema: other tests of the session read tables of this name beside this one.
        ended = connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid() "
            "AND application_name = 'tests' AND query LIKE %s",
            (f"%{data.spec.postgres.schema}%customers%",),
        ).fetchall()
    assert ended
    with pytest.raises(DestinationUnavailable) as lost:
        list(reader.rows(table, 0))
    assert "run the same command again" in str(lost.value)
    assert data.connections.postgres is not None
    assert data.connections.postgres()["PGPASSWORD"] not in str(lost.value)


def test_a_refused_login_of_a_thread_is_told(
    data: PublishedData, reader: PostgresReader, monkeypatch: pytest.MonkeyPatch
) -> None:
    wrong = _address(data, PGPASSWORD="not-the-password").conninfo()
    monkeypatch.setattr(PostgresAddress, "conninfo", lambda self: wrong)
    with pytest.raises((DestinationRefused, DestinationUnavailable)) as refused:
        list(reader.rows(data.spec.dataset.table("customers"), 0))
    assert isinstance(refused.value, DestinationRefused)
    assert "not-the-password" not in str(refused.value)
