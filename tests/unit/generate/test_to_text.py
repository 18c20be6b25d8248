from datetime import UTC, date, datetime, time
from decimal import Decimal
from uuid import UUID

import pyarrow as pa
import pytest

from rowmill.generate.arrow_types import arrow_type
from rowmill.generate.text.to_text import to_text
from rowmill.spec.values.types import parse_type

WHEN = datetime(2020, 1, 2, 3, 4, 5, 670000)


def months(*parts: int) -> pa.MonthDayNano:
    return pa.MonthDayNano(list(parts))


# The right sides are what PostgreSQL 18 prints.
@pytest.mark.parametrize(
    ("type_name", "value", "printed"),
    [
        ("boolean", True, "true"),
        ("smallint", -5, "-5"),
        ("numeric(10,2)", Decimal("-1.50"), "-1.50"),
        ("numeric(38,38)", Decimal("1e-38"), "0." + "0" * 37 + "1"),
        ("numeric(10,0)", Decimal(1234567890), "1234567890"),
        ("double precision", 123456789012345.0, "123456789012345"),
        ("double precision", 1e15, "1e+15"),
        ("double precision", 0.0001, "0.0001"),
        ("double precision", 0.00001, "1e-05"),
        ("double precision", -2.5e-300, "-2.5e-300"),
        ("double precision", -0.0, "-0"),
        ("double precision", float("-inf"), "-Infinity"),
        ("double precision", float("nan"), "NaN"),
        ("real", 1234567.0, "1.234567e+06"),
        ("real", 123456.0, "123456"),
        ("real", 0.1, "0.1"),
        ("date", date(1, 2, 3), "0001-02-03"),
        ("time", time(12, 30), "12:30:00"),
        ("time", time(12, 30, 0, 500000), "12:30:00.5"),
        ("timestamp", WHEN, "2020-01-02 03:04:05.67"),
        ("timestamptz", WHEN.replace(tzinfo=UTC), "2020-01-02 03:04:05.67+00"),
        ("interval", months(14, -3, 4_000_000_000), "1 year 2 mons -3 days +00:00:04"),
        ("interval", months(0, 1, 0), "1 day"),
        ("interval", months(0, 0, 0), "00:00:00"),
        ("interval", months(-1, 0, -1_500_000_000), "-1 mons -00:00:01.5"),
        ("uuid", bytes(range(16)), str(UUID(bytes=bytes(range(16))))),
        ("bytea", b"\x00\xff", "\\x00ff"),
        ("text", "é", "é"),
        (
            "text[]",
            ["a", "b c", "", "null", None, 'x"y', "\\"],
            '{a,"b c","","null",NULL,"x\\"y","\\\\"}',
        ),
        ("text[]", [], "{}"),
        ("boolean[]", [True, False], "{t,f}"),
        ("timestamp[]", [WHEN], '{"2020-01-02 03:04:05.67"}'),
    ],
)
def test_a_value_is_printed_as_postgres_casts_it(
    type_name: str, value: object, printed: str
) -> None:
    known = parse_type(type_name)
    values = pa.array([value, None, value], type=arrow_type(known))
    assert to_text(values, known).to_pylist() == [printed, None, printed]
    assert to_text(values[1:], known).to_pylist() == [None, printed]
    assert to_text(values[:0], known).to_pylist() == []


def test_a_dictionary_is_rendered_once() -> None:
    values = pa.array(["a", None, "b", "a"]).dictionary_encode()
    assert to_text(values, parse_type("text")).to_pylist() == ["a", None, "b", "a"]
