"""Queries that end before their last row: by their bounds, and by their cancellation."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator

import pytest

from rowmill.destinations.credentials import ReadingLogin, reading_login
from rowmill.destinations.errors import QueryRefused
from rowmill.destinations.patience import Patience
from rowmill.destinations.postgres.read.csv_text import copying
from rowmill.destinations.postgres.read.query import querying
from rowmill.destinations.postgres.read.reader import Asked
from rowmill.engine.cancellation import Cancellation, Cancelled
from rowmill.engine.query_bounds import UNBOUNDED, Bound, QueryBounds
from rowmill.local.servers.embedded import EmbeddedServers, reader_exports
from tests.integration.cli.commands import wait_until
from tests.integration.destinations.postgres.env import Connection
from tests.postgres_login import connect

# A session that is amid this takes no cancel request: nobody takes its rows.
ENDLESS = "select generate_series(1, 1e12::bigint), repeat('x', 1000)"
# Rows of a hundred bytes.
WIDE = "select repeat('é', 50) from generate_series(1, {})"
Ask = Callable[[Cancellation], Asked]


@pytest.fixture
def login(servers: EmbeddedServers, database: dict[str, str]) -> ReadingLogin:
    return reading_login({**database, **reader_exports(servers)})


@pytest.fixture
def ask(login: ReadingLogin) -> Ask:
    patience = Patience(contact_seconds=0)
    return lambda cancellation: Asked(login, "public", patience, print, cancellation)


@pytest.fixture
def admin(database: dict[str, str]) -> Iterator[Connection]:
    with connect(database) as connection:
        yield connection


def sessions(admin: Connection) -> list[tuple[object, ...]]:
    """Those of the reader's: what each waits for."""
    return admin.execute(
        "SELECT wait_event FROM pg_stat_activity "
        "WHERE datname = current_database() AND usename = 'rowmill_reader'"
    ).fetchall()


@pytest.mark.parametrize(
    ("query", "bounds", "rows", "cut"),
    [
        ("select generate_series(1, 10)", UNBOUNDED, 10, None),
        ("select generate_series(1, 10)", QueryBounds(rows=10), 10, None),
        ("select generate_series(1, 11)", QueryBounds(rows=10), 10, Bound.ROWS),
        ("select 1", QueryBounds(rows=0), 0, Bound.ROWS),
        (WIDE.format(3), QueryBounds(bytes=300), 3, None),
        (WIDE.format(4), QueryBounds(bytes=300), 3, Bound.BYTES),
        (WIDE.format(9), QueryBounds(bytes=99), 0, Bound.BYTES),
        ("select array[repeat('x', 501)]", QueryBounds(bytes=500), 0, Bound.BYTES),
        ("select 1, null::text union all values (2, null)", QueryBounds(bytes=2), 2, None),
        ("show all", QueryBounds(rows=5, bytes=100_000), 5, Bound.ROWS),
        ("explain select 1", QueryBounds(rows=5, bytes=100_000), 1, None),
        ("values (2), (1) order by 1 -- )", QueryBounds(bytes=100), 2, None),
        ("with a as (select 1) table a;", QueryBounds(bytes=100), 1, None),
    ],
)  # fmt: skip
def test_a_result_ends_at_a_bound_and_says_at_which(
    ask: Ask, query: str, bounds: QueryBounds, rows: int, cut: Bound | None
) -> None:
    with querying(ask(Cancellation()), query, bounds) as result:
        assert len(list(result.rows)) == rows
        assert result.cut is cut


def test_rows_that_came_before_the_time_was_over_are_kept(ask: Ask, admin: Connection) -> None:
    # The server sends by 8 KiB.
    query = (
        "select g, repeat('x', 20000), pg_sleep(case g when 3 then 3600 else 0 end) "
        "from generate_series(1, 9) g"
    )
    with querying(ask(Cancellation()), query, QueryBounds(bytes=100_000, seconds=1)) as result:
        assert [row[0] for row in result.rows] == ["1", "2"]
        assert result.cut is Bound.SECONDS
    wait_until(lambda: sessions(admin) == [])


def test_a_bounded_query_has_the_columns_rows_and_order_of_the_bare_one(ask: Ask) -> None:
    query = (
        "select g as \"a \"\"b\", 'x' as x, 'y' as x, null, g % 2 = 0, row(g, 'r'), "
        "'{1,2}'::int[], 1.50::numeric(5,2), 'c'::char(3), now() - now() "
        "from generate_series(1, 9) g order by 1 desc"
    )
    found = []
    for bounds in (UNBOUNDED, QueryBounds(bytes=100_000)):
        with querying(ask(Cancellation()), query, bounds) as result:
            found.append((result.columns, list(result.rows)))
    assert found[0] == found[1]
    columns, rows = found[0]
    assert [column.type for column in columns] == [
        "integer", "text", "text", "text", "boolean", "record", "integer[]", "numeric(5,2)",
        "character(3)", "interval",
    ]  # fmt: skip
    assert [row[0] for row in rows] == [str(number) for number in range(9, 0, -1)]
    assert rows[0][3:] == (None, "f", "(9,r)", "{1,2}", "1.50", "c  ", "00:00:00")


def test_a_query_that_waits_before_its_first_row_is_refused_when_its_time_is_over(
    ask: Ask, database: dict[str, str], admin: Connection
) -> None:
    admin.execute("CREATE TABLE kept (a int)")
    with connect(database) as other, other.transaction():
        other.execute("LOCK TABLE kept")
        asked, bounds = ask(Cancellation()), QueryBounds(seconds=0.5)
        with (
            pytest.raises(QueryRefused, match=r"ended after 0\.5 s"),
            querying(asked, "table kept", bounds),
        ):
            pass
        wait_until(lambda: sessions(admin) == [])


def test_a_logins_own_limit_is_told_as_such(
    ask: Ask, admin: Connection, database: dict[str, str]
) -> None:
    name = database["PGDATABASE"]
    admin.execute(f'ALTER ROLE rowmill_reader IN DATABASE "{name}" SET statement_timeout = 300')
    bounds = QueryBounds(bytes=1_000, seconds=600)
    with (
        pytest.raises(QueryRefused, match="statement timeout"),
        querying(ask(Cancellation()), "select pg_sleep(3600)", bounds) as result,
    ):
        list(result.rows)


def test_a_cancelled_query_is_gone_though_nobody_takes_its_rows(
    ask: Ask, admin: Connection
) -> None:
    cancellation = Cancellation()
    with (
        pytest.raises(Cancelled),
        querying(ask(cancellation), ENDLESS, QueryBounds(rows=10**9)) as result,
    ):
        next(result.rows)
        wait_until(lambda: sessions(admin) == [("ClientWrite",)])
        cancellation.cancel()
        wait_until(lambda: sessions(admin) == [])
        list(result.rows)


def test_cancelled_csv_is_gone_though_nobody_takes_its_pieces(ask: Ask, admin: Connection) -> None:
    cancellation = Cancellation()
    pieces = copying(ask(cancellation), ENDLESS)
    next(pieces)
    wait_until(lambda: sessions(admin) == [("ClientWrite",)])
    cancellation.cancel()
    wait_until(lambda: sessions(admin) == [])
    with pytest.raises(Cancelled):
        list(pieces)


def test_closed_csv_is_gone(ask: Ask, admin: Connection) -> None:
    pieces = copying(ask(Cancellation()), ENDLESS)
    next(pieces)
    pieces.close()
    wait_until(lambda: sessions(admin) == [])


def test_what_was_cancelled_before_asks_nothing(ask: Ask, admin: Connection) -> None:
    cancellation = Cancellation()
    cancellation.cancel()
    with pytest.raises(Cancelled), querying(ask(cancellation), "select 1"):
        pass
    with pytest.raises(Cancelled):
        list(copying(ask(cancellation), "select 1"))
    assert sessions(admin) == []


def test_one_cancellation_ends_all_that_it_was_given_to(ask: Ask, admin: Connection) -> None:
    cancellation, ended = Cancellation(), list[str]()

    def query() -> None:
        try:
            list(copying(ask(cancellation), "select pg_sleep(3600)"))
        except Cancelled as error:
            ended.append(error.reason)

    threads = [threading.Thread(target=query) for _ in range(3)]
    for thread in threads:
        thread.start()
    wait_until(lambda: sessions(admin) == [("PgSleep",)] * 3)
    cancellation.cancel()
    for thread in threads:
        thread.join()
    assert ended == ["Cancelled"] * 3
    wait_until(lambda: sessions(admin) == [])


@pytest.mark.parametrize(
    "value", [r"\.", "a\n\\.\nb", "", "=1+1", "@SUM(1)", 'a"b', "a,b", "\\N", " ", "\r\n", "é顧🙂"]
)
@pytest.mark.parametrize("columns", [1, 2])
def test_csv_is_read_again_as_it_was(ask: Ask, admin: Connection, value: str, columns: int) -> None:
    admin.execute("CREATE TABLE said (a text, b text)")
    admin.execute("INSERT INTO said VALUES (%s, %s), (NULL, NULL), (%s, 'z')", (value,) * 3)
    chosen = "a, b" if columns == 2 else "a"
    text = b"".join(copying(ask(Cancellation()), f"select {chosen} from said"))
    with admin.cursor().copy(f"COPY said ({chosen}) TO STDOUT (FORMAT csv, HEADER)".encode()) as it:
        assert text == b"".join(bytes(piece) for piece in it)
    admin.execute("CREATE TABLE again (LIKE said)")
    with admin.cursor().copy(
        f"COPY again ({chosen}) FROM STDIN (FORMAT csv, HEADER)".encode()
    ) as to:
        to.write(text)
    rows = f"SELECT {chosen} FROM {{}} ORDER BY 1".format
    assert admin.execute(rows("again").encode()).fetchall() == (
        admin.execute(rows("said").encode()).fetchall()
    )


def test_csv_of_no_rows_is_its_header(ask: Ask) -> None:
    assert [*copying(ask(Cancellation()), "select 1 as a where false")] == [b"a\n"]


@pytest.fixture
def deaf(admin: Connection) -> str:
    """A query whose second row never comes, and which catches what would end it."""
    admin.execute(
        """
        CREATE FUNCTION deaf() RETURNS text LANGUAGE plpgsql AS $$BEGIN
          PERFORM set_config('client_connection_check_interval', '0', false);
          LOOP
            BEGIN PERFORM pg_sleep(3600); EXCEPTION WHEN query_canceled THEN NULL; END;
          END LOOP;
        END$$
        """
    )
    # The server sends by 8 KiB, CSV comes by 64.
    return (
        "select case when g < 10 then repeat('x', 20000) else deaf() end "
        "from generate_series(1, 10) g"
    )


def test_a_query_that_is_left_is_gone_though_it_catches_a_cancel(
    ask: Ask, admin: Connection, deaf: str
) -> None:
    with querying(ask(Cancellation()), deaf, QueryBounds(bytes=10**6)) as result:
        next(result.rows)
        wait_until(lambda: sessions(admin) == [("PgSleep",)])
    wait_until(lambda: sessions(admin) == [])


def test_csv_that_is_left_is_gone_though_it_catches_a_cancel(
    ask: Ask, admin: Connection, deaf: str
) -> None:
    pieces = copying(ask(Cancellation()), deaf)
    next(pieces)
    wait_until(lambda: sessions(admin) == [("PgSleep",)])
    pieces.close()
    wait_until(lambda: sessions(admin) == [])
