"""What a query prints is what COPY reads: every type, the users' own too, and hostile text."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator

import pytest
from psycopg import Connection

from rowmill.destinations.credentials import ReadingLogin, reading_login
from rowmill.destinations.patience import Patience
from rowmill.destinations.postgres.read.query import querying
from rowmill.destinations.postgres.read.reader import Asked
from rowmill.local.servers.embedded import EmbeddedServers, reader_exports
from rowmill.views.rows import RowSet, row_writer
from tests.postgres_login import connect

Ask = Callable[[str, str], str]

TYPES = """
CREATE TYPE mood AS ENUM ('sad', 'so, "so"', '');
CREATE TYPE pair AS (a int, b text);
CREATE DOMAIN positive AS int CHECK (VALUE > 0);
CREATE DOMAIN tags AS text[];
CREATE TYPE span AS RANGE (subtype = date);
"""
# Each a type and values of it, as SQL.
VALUES = {
    "boolean": ["true", "false", "null"],
    "smallint": ["-32768", "32767", "null"],
    "bigint": ["9223372036854775807", "-9223372036854775808", "null"],
    "real": ["'NaN'", "'-Infinity'", "0.1", "'-0'", "16777216", "null"],
    "double precision": ["'NaN'", "'Infinity'", "0.1 + 0.2", "1e300", "'-0'", "null"],
    "numeric": ["'NaN'", "12345678901234567890.12345678901234567890", "0.00", "null"],
    "money": ["1234.5", "null"],
    "text": [
        "''", "'NULL'", "'null'", "' a '", "'a,b'", "'\"'", r"'\.'", r"'\N'", r"'a\nb'", "'a''b'",
        "E'a\\nb'", "E'a\\r\\nb'", "E'\\t\\x01\\x7f'", "'顧客 é 🙂'", "null",
    ],
    "char(5)": ["'ab'", "''", "null"],
    '"char"': ["'a'", "''", "null"],
    "name": ["'n'", "null"],
    "bytea": [r"'\x00ff2c22'", "''", "null"],
    "date": ["'2020-01-02'", "'infinity'", "'0044-03-15 BC'", "'12020-01-02'", "null"],
    "time": ["'23:59:59.00005'", "null"],
    "timetz": ["'23:59:59+05:30'", "null"],
    "timestamp": ["'2020-01-02 03:04:05.6'", "'-infinity'", "null"],
    "timestamptz": ["'2020-07-02 03:04:05.6+02'", "'infinity'", "'0044-03-15 BC'", "null"],
    "interval": ["'1 year -2 days 03:04:05.6'", "'0'", "'-1 mon +1 day'", "null"],
    "uuid": ["'12345678-1234-5678-1234-567812345678'", "null"],
    "json": ["'{\"a\":  1}'", "'null'", "null"],
    "jsonb": ["'{\"b\": 1, \"a\": [\"x,y\"]}'", "null"],
    "xml": ["null"],
    "inet": ["'10.0.0.1/8'", "'::1'", "null"],
    "cidr": ["'10.0.0.0/8'", "null"],
    "macaddr": ["'08:00:2b:01:02:03'", "null"],
    "bit varying": ["b'101'", "b''", "null"],
    "tsvector": ["'a:1 b:2A'", "null"],
    "tsquery": ["'a & !b'", "null"],
    "point": ["'(1,2)'", "null"],
    "box": ["'(1,2),(3,4)'", "null"],
    "box[]": ["'{(1,2),(3,4);(5,6),(7,8)}'", "null"],
    "int4range": ["'[1,5)'", "'empty'", "'(,)'", "null"],
    "tstzrange": ["'[2020-01-01,2020-01-02)'", "null"],
    "int2vector": ["'1 2'", "null"],
    "oid": ["4294967295", "null"],
    "text[]": [r"array['sale', 'a,b', '\"', '', 'NULL', null, E'\\', '{}']", "'{}'", "null"],
    "int[]": ["'{{1,2},{3,null}}'", "'[0:1]={5,6}'", "null"],
    "timestamptz[]": ["array['2020-07-02 03:04:05+02'::timestamptz]", "null"],
    "mood": ["'so, \"so\"'", "''", "null"],
    "mood[]": ["array['sad', '']::mood[]", "null"],
    "pair": ["row(1, 'x,\"y')", "row(null, '')", "null"],
    "pair[]": ["array[row(1, 'x')::pair]", "null"],
    "positive": ["7", "null"],
    "tags": ["array['a', null]", "null"],
    "span": ["'[2020-01-01,2020-02-01)'", "null"],
}  # fmt: skip


@pytest.fixture
def reader(servers: EmbeddedServers, database: dict[str, str]) -> ReadingLogin:
    return reading_login({**database, **reader_exports(servers)})


@pytest.fixture
def ask(reader: ReadingLogin, capsys: pytest.CaptureFixture[str]) -> Ask:
    """Prints the result of a query in an output."""

    def answer(query: str, output: str) -> str:
        patience = Patience(contact_seconds=0)
        with (
            row_writer(output) as write,
            querying(Asked(reader, "public", patience, print), query) as result,
        ):
            write(RowSet("rows", result.columns, result.rows))
        return capsys.readouterr().out

    return answer


@pytest.fixture
def admin(database: dict[str, str]) -> Iterator[Connection]:
    with connect(database) as connection:
        connection.execute("SET timezone = 'UTC'")
        yield connection


def test_copy_reads_back_every_type_as_it_was(admin: Connection, ask: Ask) -> None:
    """Row by row as text; a table of all types at once, and one of each column alone."""
    admin.execute(TYPES)
    longest = max(map(len, VALUES.values()))
    columns = ", ".join(f'"c {i}" {kind}' for i, kind in enumerate(VALUES))
    rows = ", ".join(
        "(" + ", ".join(values[i % len(values)] for values in VALUES.values()) + ")"
        for i in range(longest)
    )
    admin.execute(f"CREATE TABLE stored ({columns}); INSERT INTO stored VALUES {rows}".encode())
    wholes = ["*", *(f'"c {i}"' for i in range(len(VALUES)))]
    for number, chosen in enumerate(wholes):
        made = f"SELECT {chosen} FROM stored"
        text = ask(made, "csv")
        back = f"back{number}"
        admin.execute(f"CREATE TABLE {back} AS {made} LIMIT 0".encode())
        with admin.cursor().copy(f"COPY {back} FROM STDIN (FORMAT csv, HEADER)".encode()) as copy:
            copy.write(text)
        for one, other in (("stored", back), (back, "stored")):
            rows_of = "SELECT s::text FROM (SELECT {} FROM {}) s".format
            lost = f"{rows_of(chosen, one)} EXCEPT ALL {rows_of(chosen, other)}"
            assert admin.execute(lost.encode()).fetchall() == [], (chosen, one)


def test_csv_is_byte_for_byte_what_copy_writes(admin: Connection, ask: Ask) -> None:
    query = (
        "SELECT g = 2 AS b, CASE g WHEN 1 THEN '' WHEN 2 THEN 'a,\"b' || chr(10) END AS \"t,t\", "
        "array['sale'] AS a, now() - now() + interval '1 day' AS i, 'NaN'::float8 AS f "
        "FROM generate_series(1, 3) g"
    )
    with admin.cursor().copy(f"COPY ({query}) TO STDOUT (FORMAT csv, HEADER)".encode()) as copy:
        written = b"".join(bytes(piece) for piece in copy)
    assert ask(query, "csv") == written.decode()


def test_json_has_the_values_of_the_servers_own(admin: Connection, ask: Ask) -> None:
    admin.execute(TYPES)
    query = (
        "SELECT true AS b, 9223372036854775807 AS i, 0.1::float8 + 0.2 AS f, 'NaN'::float4 AS n, "
        "array['NaN', 1]::float8[] AS fs, array['a', null, 'b,\"c\\'] AS t, "
        "array['sad', '']::mood[] AS m, array[[1, 2], [3, 4]] AS d, array[7]::positive[] AS p, "
        "null AS z, now()::text AS w"
    )
    theirs = admin.execute(f"SELECT to_json(q)::text FROM ({query}) q".encode()).fetchone()
    ours = json.loads(ask(query, "json"))["rows"]
    assert theirs is not None
    expected = json.loads(theirs[0])
    assert [{**ours[0], "w": ""}] == [{**expected, "w": ""}]
    numbers = ask("SELECT 12345678901234567890.10 AS a, 'NaN'::numeric AS b", "json")
    assert json.loads(numbers) == {"rows": [{"a": "12345678901234567890.10", "b": "NaN"}]}
    assert json.loads(ask("SELECT 1 AS a, 2 AS a", "json")) == {"rows": [{"a": 1, "a_2": 2}]}


@pytest.mark.parametrize("output", ["table", "csv", "json"])
def test_a_moment_has_one_form_whatever_the_login_prefers(
    admin: Connection, servers: EmbeddedServers, ask: Ask, output: str
) -> None:
    """Settings of the role in this database alone; other tests use the role meanwhile."""
    name = admin.info.dbname
    for setting in ("timezone = 'Asia/Tokyo'", "datestyle = 'SQL, DMY'", "bytea_output = escape",
                    "intervalstyle = iso_8601", "extra_float_digits = -10"):  # fmt: skip
        admin.execute(f'ALTER ROLE rowmill_reader IN DATABASE "{name}" SET {setting}'.encode())
    query = (
        r"SELECT '2020-07-02 03:04:05.60+02'::timestamptz AS a, '\x00ff'::bytea AS b, "
        "interval '1 year 2 days' AS c, 0.1::float8 + 0.2 AS d"
    )
    out = ask(query, output)
    for text in ("2020-07-02 01:04:05.6+00", "x00ff", "1 year 2 days", "0.30000000000000004"):
        assert text in out
