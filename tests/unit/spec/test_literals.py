"""Literals read by their column's type, moments and intervals among them."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rowmill.spec.values.literals import fit_numeric, read_literal
from rowmill.spec.values.moments import DAY, MAX_TIMESTAMP, MIN_TIMESTAMP, format_timestamp
from rowmill.spec.values.types import ColumnType, parse_type

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)


@pytest.mark.parametrize(
    ("column_type", "written", "expected"),
    [
        ("boolean", "true", True),
        ("boolean", "false", False),
        ("smallint", -32768, -32768),
        ("bigint", "9223372036854775807", 2**63 - 1),
        ("integer", "1e3", 1000),
        ("real", "0.1", 0.10000000149011612),
        ("real", 16777217, 16777216.0),
        ("double precision", "-1.5e-3", -0.0015),
        ("numeric(5,2)", "1.5", Decimal("1.50")),
        ("numeric(38,0)", "9" * 38, Decimal("9" * 38)),
        ("numeric(38,38)", "0." + "1" * 38, Decimal("0." + "1" * 38)),
        ("numeric(3,1)", "1.500", Decimal("1.5")),
        ("text", 5, "5"),
        ("varchar(3)", "äöü", "äöü"),
        ("char(3)", "a    ", "a"),
        ("date", "2024-02-29", 19782),
        ("date", "0001-01-01", -719162),
        ("time", "23:59:59.999999", DAY - 1),
        ("timestamp", "1969-12-31 23:59:59.9", -100_000),
        ("timestamptz", "1970-01-01T01:00:00+01:00", 0),
        ("timestamptz", "1970-01-01T00:00:00-0530", 19_800_000_000),
        ("timestamptz", "1970-01-02", DAY),
        ("interval", "P1Y2M3DT4H", (14, 3, 14_400_000_000)),
        ("interval", "P2W", (0, 14, 0)),
        ("interval", "PT0.5S", (0, 0, 500_000)),
        ("interval", "36h", (0, 1, 43_200_000_000)),
        ("interval", "-P1DT1S", (0, -1, -1_000_000)),
        (
            "uuid",
            "{123E4567E89B12D3A456426614174000}",
            "123e4567-e89b-12d3-a456-426614174000",
        ),
        ("json", '{"b":1,  "a":2}', '{"b":1,  "a":2}'),
        ("json", 7, "7"),
        ("jsonb", '{"b":1,  "a":2}', '{"a": 2, "b": 1}'),
        ("bytea", "\\xDEadbeef", b"\xde\xad\xbe\xef"),
        ("bytea", "\\x", b""),
        ("inet", "192.168.0.1/32", "192.168.0.1"),
        ("integer[]", "[1, -2]", (1, -2)),
        ("numeric(4,2)[]", "[1.10, 2]", (Decimal("1.10"), Decimal("2.00"))),
        ("boolean[]", "[true, false]", (True, False)),
        ("text[]", '["a", ""]', ("a", "")),
        ("jsonb[]", '["{\\"a\\":1.50}", 2]', ('{"a": 1.50}', "2")),
        ("date[]", "[]", ()),
    ],
)
def test_literals(column_type: str, written: int | str, expected: object) -> None:
    found = read_literal(written, parse_type(column_type))
    assert found == expected
    assert type(found) is type(expected)


@pytest.mark.parametrize(
    ("column_type", "written"),
    [
        ("boolean", "1"),
        ("boolean", "TRUE"),
        ("smallint", 32768),
        ("integer", "1_000"),
        ("integer", "１"),
        ("integer", "0x10"),
        ("bigint", "1e999999999"),
        ("bigint", "9" * 5000),
        ("real", "1e39"),
        ("double precision", "nan"),
        ("double precision", "1e309"),
        ("numeric(5,2)", "1000"),
        ("numeric(5,2)", "0.001"),
        ("numeric(5,2)", "Infinity"),
        ("varchar(2)", "abc"),
        ("text", "a\0b"),
        ("text", "\ud800"),
        ("date", "2023-02-29"),
        ("date", "2024-2-9"),
        ("date", "2024-W09-4"),
        ("date", "10000-01-01"),
        ("date", "0000-12-31"),
        ("time", "24:00:00"),
        ("time", "12:00:60"),
        ("time", "12:00:00.1234567"),
        ("timestamp", "2024-01-01T00:00:00Z"),
        ("timestamptz", "2024-01-01T00:00:00+16:00"),
        ("timestamptz", "2024-01-01T00:00:00+01:60"),
        ("timestamptz", "9999-12-31T23:59:59-01:00"),
        ("timestamptz", "2024-01-01Z"),
        ("interval", "P"),
        ("interval", "P1D T1H"),
        ("interval", "PT"),
        ("interval", "P1.5Y"),
        ("interval", ""),
        ("interval", "P999999999Y"),
        ("uuid", "123e4567"),
        ("json", "{'a': 1}"),
        ("json", "NaN"),
        ("json", "[" * 100_000),
        ("jsonb", '"\\u0000"'),
        ("bytea", "deadbeef"),
        ("bytea", "\\xabc"),
        ("inet", "300.0.0.1"),
        ("integer[]", "1"),
        ("integer[]", '{"a": 1}'),
        ("integer[]", "[[1]]"),
        ("integer[]", "[null]"),
        ("integer[]", "[1.5]"),
        ("jsonb[]", '[{"a": 1}]'),
        ("text[]", "[" * 100_000),
    ],
)
def test_wrong_literals_say_what_would_be_right(column_type: str, written: int | str) -> None:
    with pytest.raises(ValueError, match=r".+") as caught:
        read_literal(written, parse_type(column_type))
    assert len(str(caught.value)) < 400
    assert ";" in str(caught.value) or "use" in str(caught.value)


@given(st.dates())
def test_dates_round_trip(value: date) -> None:
    assert read_literal(value.isoformat(), parse_type("date")) == (value - EPOCH.date()).days


@given(st.times())
def test_times_round_trip(value: time) -> None:
    since = datetime.combine(EPOCH.date(), value, UTC) - EPOCH
    assert read_literal(value.isoformat(), parse_type("time")) == since // MICROSECOND


@given(
    st.datetimes(datetime(2, 1, 1), datetime(9998, 12, 31)),
    st.integers(-15 * 60 - 59, 15 * 60 + 59).map(lambda m: timezone(timedelta(minutes=m))),
)
def test_timestamps_count_from_the_epoch_in_any_zone(value: datetime, zone: timezone) -> None:
    moment = value.replace(tzinfo=zone)
    read = read_literal(moment.isoformat(), parse_type("timestamptz"))
    assert read == (moment - EPOCH) // MICROSECOND


@given(st.integers(MIN_TIMESTAMP, MAX_TIMESTAMP), st.booleans())
def test_timestamps_are_shown_as_they_are_read(micros: int, zoned: bool) -> None:
    column_type = parse_type("timestamptz" if zoned else "timestamp")
    assert read_literal(format_timestamp(micros, zoned), column_type) == micros


@given(st.integers(1, 38), st.integers(0, 38), st.integers(-(10**40), 10**40))
def test_numerics_hold_exactly_their_digits(precision: int, scale: int, units: int) -> None:
    column_type = ColumnType(
        parse_type("numeric(1,0)").name, precision=precision, scale=min(scale, precision)
    )
    number = Decimal(f"{units}e-{column_type.scale}")
    if abs(units) < 10**precision:
        fitted = fit_numeric(number, column_type)
        assert fitted == number
        assert fitted.as_tuple().exponent == -(column_type.scale or 0)
    else:
        with pytest.raises(ValueError, match="outside the range"):
            fit_numeric(number, column_type)


@given(st.lists(st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]))))
def test_arrays_of_text_round_trip(values: list[str]) -> None:
    assert read_literal(json.dumps(values), parse_type("text[]")) == tuple(values)
