"""Every type goes through a real binary COPY and comes back as Postgres's own text says."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any
from uuid import UUID

import psycopg
import pyarrow as pa
import pytest
from psycopg import sql

from rowmill.destinations.postgres.copy.encoding import CopyEncoder
from rowmill.generate.arrow_types import arrow_type
from rowmill.spec.dataset import Column, Table
from rowmill.spec.kinds import Constant
from rowmill.spec.values.types import parse_type
from tests.postgres_login import connect

_LONG = "x" * 100_000

# Per type: cells as pyarrow takes them, and the text in which Postgres reads the same value.
CASES: dict[str, Sequence[tuple[Any, str]]] = {
    "boolean": [(True, "true"), (False, "false")],
    "smallint": [(-(2**15), "-32768"), (2**15 - 1, "32767"), (0, "0")],
    "integer": [(-(2**31), "-2147483648"), (2**31 - 1, "2147483647")],
    "bigint": [(-(2**63), "-9223372036854775808"), (2**63 - 1, "9223372036854775807")],
    "real": [(1.5, "1.5"), (-0.0, "-0"), (float("inf"), "Infinity"), (float("nan"), "NaN")],
    "double precision": [(0.1, "0.1"), (1e308, "1e308"), (float("-inf"), "-Infinity")],
    "numeric(10,2)": [
        (Decimal("0.00"), "0.00"),
        (Decimal("-0.01"), "-0.01"),
        (Decimal("10000.00"), "10000.00"),
        (Decimal("99999999.99"), "99999999.99"),
    ],
    "numeric(38,0)": [(Decimal(10**38 - 1), "9" * 38), (Decimal(-(10**37)), f"-1{'0' * 37}")],
    "numeric(38,38)": [(Decimal(f"0.{'1' * 38}"), f"0.{'1' * 38}")],
    "numeric(5,4)": [(Decimal("1.0002"), "1.0002"), (Decimal("-9.9990"), "-9.9990")],
    "text": [("", ""), ("é ☃ 𝔘 \" \\ ' \n\t", "é ☃ 𝔘 \" \\ ' \n\t"), (_LONG, _LONG)],
    "varchar(5)": [("häßli", "häßli"), ("", "")],
    "char(3)": [("a", "a"), ("abc", "abc"), ("", "")],
    "date": [
        (date(1, 1, 1), "0001-01-01"),
        (date(9999, 12, 31), "9999-12-31"),
        (date(2000, 2, 29), "2000-02-29"),
    ],
    "time": [(time(0), "00:00"), (time(23, 59, 59, 999999), "23:59:59.999999")],
    "timestamp": [
        (datetime(1969, 12, 31, 23, 59, 59, 999999), "1969-12-31 23:59:59.999999"),
        (datetime(9999, 12, 31), "9999-12-31"),
    ],
    "timestamptz": [
        (datetime(1, 1, 1, tzinfo=UTC), "0001-01-01 00:00Z"),
        (datetime(2024, 2, 29, 12, 30, 0, 1, tzinfo=UTC), "2024-02-29 12:30:00.000001Z"),
    ],
    "interval": [
        (
            pa.scalar((14, -3, -3_600_000_001_000), pa.month_day_nano_interval()).as_py(),
            "14 months -3 days -01:00:00.000001",
        ),
        (pa.scalar((0, 90, 0), pa.month_day_nano_interval()).as_py(), "90 days"),
    ],
    "uuid": [
        (UUID(int=0).bytes, "00000000-0000-0000-0000-000000000000"),
        (bytes(range(16)), "00010203-0405-0607-0809-0a0b0c0d0e0f"),
    ],
    "json": [('{"a" :  1, "a": 2}', '{"a" :  1, "a": 2}'), ("null", "null")],
    "jsonb": [('{"a": [1, "é", null]}', '{"a":[1,"é",null]}'), ("null", "null"), ('""', '""')],
    "bytea": [(b"", "\\x"), (b"\0\xff\\", "\\x00ff5c")],
    "inet": [
        ("0.0.0.0", "0.0.0.0"),
        ("10.1.2.3/8", "10.1.2.3/8"),
        ("255.255.255.255", "255.255.255.255/32"),
        ("::", "::"),
        ("2001:db8::1/64", "2001:db8::1/64"),
        ("::ffff:1.2.3.4", "::ffff:1.2.3.4"),
        ("10.0.0.0/0", "10.0.0.0/0"),
    ],
}


def a_table(type_text: str) -> Table:
    column = Column("c", parse_type(type_text), Constant(""), 0.0, True, False)
    return Table("t", 0, (column,), (), None, (), (), ())


def load(
    connection: psycopg.Connection[tuple[object, ...]],
    table: Table,
    batches: Sequence[pa.RecordBatch],
) -> None:
    kind = table.columns[0].type.sql
    connection.execute(f"CREATE TEMP TABLE t (n integer GENERATED ALWAYS AS IDENTITY, c {kind})")
    with (
        connection.cursor() as cursor,
        cursor.copy("COPY t (c) FROM STDIN (FORMAT binary)") as copy,
    ):
        for piece in CopyEncoder(table).encode(batches):
            copy.write(piece)


def differing(
    connection: psycopg.Connection[tuple[object, ...]],
    type_text: str,
    expected: Sequence[Any],
) -> list[tuple[object, ...]]:
    """Rows whose text is not that of the expected value, which Postgres reads itself."""
    rows = connection.execute("SELECT c::text FROM t ORDER BY n").fetchall()
    assert len(rows) == len(expected)
    wanted = [
        connection.execute(
            sql.SQL("SELECT {}::{}::text").format(sql.Literal(value), sql.SQL(type_text))
        ).fetchone()
        for value in expected
    ]
    return [
        (n, row, want)
        for n, (row, want) in enumerate(zip(rows, wanted, strict=True))
        if row != want
    ]


@pytest.mark.parametrize("type_text", CASES)
def test_a_column_of_each_type_arrives_exactly(
    postgres_environment: dict[str, str], type_text: str
) -> None:
    cells = [None, *(cell for cell, _ in CASES[type_text]), None]
    texts = [None, *(text for _, text in CASES[type_text]), None]
    column = pa.array(cells, arrow_type(parse_type(type_text)))
    with connect(postgres_environment) as connection:
        load(connection, a_table(type_text), [pa.record_batch([column], ["c"])])
        assert differing(connection, type_text, texts) == []


@pytest.mark.parametrize("type_text", CASES)
def test_slices_and_dictionaries_of_each_type_arrive_exactly(
    postgres_environment: dict[str, str], type_text: str
) -> None:
    cells = [None, *(cell for cell, _ in CASES[type_text]), None]
    texts = [None, *(text for _, text in CASES[type_text]), None]
    values = pa.array(cells, arrow_type(parse_type(type_text)))
    picks = [2, 1, None, 1, 0, 2]
    column = pa.DictionaryArray.from_arrays(pa.array(picks, pa.int32()), values)
    batches = [
        pa.record_batch([column.slice(1, 4)], ["c"]),
        pa.record_batch([values.slice(1, 2)], ["c"]),
        pa.record_batch([values.slice(0, 0)], ["c"]),
    ]
    expected = [None if pick is None else texts[pick] for pick in picks[1:5]]
    with connect(postgres_environment) as connection:
        load(connection, a_table(type_text), batches)
        assert differing(connection, type_text, [*expected, texts[1], texts[2]]) == []


@pytest.mark.parametrize("type_text", CASES)
def test_an_array_of_each_type_arrives_exactly(
    postgres_environment: dict[str, str], type_text: str
) -> None:
    cells = [cell for cell, _ in CASES[type_text]]
    texts = [text for _, text in CASES[type_text]]
    lists = [None, [], cells, [None], [None, cells[0], None], [cells[-1]], [], None]
    expected = [None, [], texts, [None], [None, texts[0], None], [texts[-1]], [], None]
    array_type = f"{type_text}[]"
    column = pa.array(lists, arrow_type(parse_type(array_type)))
    with connect(postgres_environment) as connection:
        load(
            connection,
            a_table(array_type),
            [
                pa.record_batch([column.slice(0, 4)], ["c"]),
                pa.record_batch([column.slice(4)], ["c"]),
            ],
        )
        assert differing(connection, array_type, expected) == []


@pytest.mark.parametrize("type_text", [*CASES, *(f"{name}[]" for name in CASES)])
def test_no_rows_and_only_nulls_are_streams_too(
    postgres_environment: dict[str, str], type_text: str
) -> None:
    column = pa.nulls(3, arrow_type(parse_type(type_text)))
    with connect(postgres_environment) as connection:
        load(connection, a_table(type_text), [pa.record_batch([column], ["c"])])
        assert differing(connection, type_text, [None, None, None]) == []
        connection.execute("DROP TABLE t")
        load(connection, a_table(type_text), [pa.record_batch([column.slice(0, 0)], ["c"])])
        assert differing(connection, type_text, []) == []
        connection.execute("DROP TABLE t")
        load(connection, a_table(type_text), [])
        assert differing(connection, type_text, []) == []


def test_rows_of_many_columns_keep_their_order(postgres_environment: dict[str, str]) -> None:
    types = ["bigint", "text", "numeric(10,2)", "inet", "uuid[]"]
    columns = tuple(
        Column(f'c{n} "', parse_type(name), Constant(""), 0.0, True, False)
        for n, name in enumerate(types)
    )
    table = Table("wide", 0, columns, (), None, (), (), ())
    count = 5000
    arrays = [
        pa.array(range(count), pa.int64()),
        pa.array([f"text {n}" for n in range(count)]).dictionary_encode(),
        pa.array([Decimal(n) / 100 for n in range(count)], pa.decimal128(10, 2)),
        pa.array(
            [f"10.{n >> 8}.{n & 255}.1" if n % 2 else f"fe80::{n + 1:x}" for n in range(count)]
        ),
        pa.array(
            [[bytes([k] * 16) for k in range(n % 3)] for n in range(count)], pa.list_(pa.binary(16))
        ),
    ]
    batch = pa.record_batch(arrays, [column.name for column in columns])
    with connect(postgres_environment) as connection:
        connection.execute(
            "CREATE TEMP TABLE w (a bigint, b text, c numeric(10,2), d inet, e uuid[])"
        )
        with (
            connection.cursor() as cursor,
            cursor.copy("COPY w FROM STDIN (FORMAT binary)") as copy,
        ):
            for piece in CopyEncoder(table).encode([batch.slice(0, 1234), batch.slice(1234)]):
                copy.write(piece)
        wrong = connection.execute(
            "SELECT a FROM w WHERE b <> 'text ' || a OR c <> a / 100.0 "
            "OR family(d) <> 6 - 2 * (a % 2) OR cardinality(e) <> a % 3 "
            "OR (a % 2 = 0 AND host(d) <> 'fe80::' || to_hex(a + 1)) "
            "OR (a % 2 = 1 AND host(d) <> format('10.%s.%s.1', a / 256, a % 256))"
        ).fetchall()
        assert wrong == []
        assert connection.execute("SELECT count(*) FROM w").fetchone() == (count,)
