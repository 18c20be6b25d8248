"""One form of a cell, whether it comes from the generator, from Parquet or from Postgres."""

from __future__ import annotations

import ipaddress
from datetime import UTC, datetime, time
from decimal import Decimal
from typing import Any
from uuid import UUID

import pyarrow as pa
import pytest

from rowmill.spec.values.types import parse_type
from rowmill.verify.canonical import canonical
from rowmill.verify.cell_hash import hash_cells
from rowmill.verify.values import values

_INTERVAL = pa.MonthDayNano([14, 3, 4_005_006_000])
_UUID = UUID("123e4567-e89b-12d3-a456-426614174000")
_TIME = time(23, 59, 59, 50)
_V4 = bytes((2, 32, 0, 4)) + ipaddress.ip_address("192.0.2.1").packed
_V6 = bytes((3, 64, 0, 16)) + ipaddress.ip_address("2001:db8::1").packed
_MOMENT = datetime(2024, 2, 29, 12, 30, tzinfo=UTC)


def _opaque(name: str, cells: list[Any], storage: pa.DataType) -> pa.Array:
    kind = pa.opaque(storage, name, "PostgreSQL")
    return pa.ExtensionArray.from_storage(kind, pa.array(cells, storage))


def _of_dictionary(offsets: list[int | None], texts: list[str | None]) -> pa.ListArray:
    """Lists as they are read where their elements are stored as a dictionary."""
    elements = pa.array(texts, pa.string()).dictionary_encode()
    return pa.ListArray.from_arrays(pa.array(offsets, pa.int32()), elements)


# Per type: the generator's form, Parquet's, that of Postgres through ADBC.
FORMS: dict[str, list[pa.Array]] = {
    "interval": [
        pa.array([_INTERVAL, None], pa.month_day_nano_interval()),
        pa.array(["P1Y2M3DT4.005006S", None], pa.string()),
        pa.array([_INTERVAL, None], pa.month_day_nano_interval()),
    ],
    "inet": [
        pa.array(["192.0.2.1", "2001:db8::1/64", None], pa.string()),
        pa.array(["192.0.2.1", "2001:db8::1/64", None], pa.string()).dictionary_encode(),
        _opaque("inet", [_V4, _V6, None], pa.binary()),
    ],
    "char(5)": [
        pa.array(["ab", "", None], pa.string()),
        pa.array(["ab", "", None], pa.string()).dictionary_encode(),
        pa.array(["ab   ", "     ", None], pa.string()),
    ],
    "numeric(10,2)": [
        pa.array([Decimal("1.50"), None], pa.decimal128(10, 2)),
        pa.array([Decimal("1.50"), None], pa.decimal128(10, 2)),
        _opaque("numeric", ["1.50", None], pa.string()),
    ],
    "uuid": [
        pa.array([_UUID.bytes, None], pa.binary(16)),
        pa.ExtensionArray.from_storage(pa.uuid(), pa.array([_UUID.bytes, None], pa.binary(16))),
        pa.array([str(_UUID), None], pa.string()),
        pa.array([str(_UUID), None], pa.string()).dictionary_encode(),
    ],
    "uuid[]": [
        pa.array([[_UUID.bytes, None], [], None], pa.list_(pa.binary(16))),
        pa.array([[str(_UUID), None], [], None], pa.list_(pa.string())),
        _of_dictionary([0, 2, None, 2], [str(_UUID), None]),
    ],
    "time[]": [
        pa.array([[_TIME, None], [], None], pa.list_(pa.time64("us"))),
        _of_dictionary([0, 2, None, 2], ["23:59:59.00005", None]),
    ],
    "time": [
        pa.array([_TIME, None], pa.time64("us")),
        pa.array(["23:59:59.00005", None], pa.string()),
    ],
    "jsonb": [
        pa.array(['{"a": 1}', None], pa.string()),
        pa.ExtensionArray.from_storage(
            pa.json_(pa.string()), pa.array(['{"a": 1}', None], pa.string())
        ),
    ],
    "timestamptz": [
        pa.array([_MOMENT, None], pa.timestamp("us", "UTC")),
        pa.array([_MOMENT, None], pa.timestamp("us", "UTC")),
    ],
    "char(3)[]": [
        pa.array([["a", None, ""], [], None], pa.list_(pa.string())),
        pa.array([["a  ", None, "   "], [], None], pa.list_(pa.string())),
    ],
    "text[]": [
        pa.array([["a"], None, ["b", None]], pa.list_(pa.string())),
        pa.array([["x"], ["a"], None, ["b", None]], pa.list_(pa.string())).slice(1),
        _of_dictionary([0, None, 1, 3], ["a", "b", None]),
    ],
}


@pytest.mark.parametrize("kind", FORMS)
def test_every_form_of_a_cell_hashes_alike(kind: str) -> None:
    parsed = parse_type(kind)
    hashes = [hash_cells(canonical(form, parsed)).tolist() for form in FORMS[kind]]
    assert all(each == hashes[0] for each in hashes)
    assert len(set(hashes[0])) == len(hashes[0])


@pytest.mark.parametrize("kind", FORMS)
def test_every_form_of_a_cell_is_shown_alike(kind: str) -> None:
    parsed = parse_type(kind)
    shown = [values(form, parsed) for form in FORMS[kind]]
    assert all(each == shown[0] for each in shown)


@pytest.mark.parametrize(
    ("kind", "shown"),
    [
        ("interval", "P1Y2M3DT4.005006S"),
        ("inet", "192.0.2.1"),
        ("char(5)", "ab"),
        ("numeric(10,2)", "1.50"),
        ("uuid", str(_UUID)),
        ("timestamptz", "2024-02-29 12:30:00+00"),
        ("char(3)[]", ["a", None, ""]),
    ],
)
def test_a_value_is_shown_as_people_write_it(kind: str, shown: object) -> None:
    assert values(FORMS[kind][-1], parse_type(kind))[0] == shown


def test_a_number_that_json_lacks_is_a_word() -> None:
    cells = pa.array([float("nan"), float("inf"), float("-inf"), 1.5, None])
    words = ["NaN", "Infinity", "-Infinity", 1.5, None]
    assert values(cells, parse_type("double precision")) == words
    assert values(pa.array([cells.to_pylist()]), parse_type("double precision[]")) == [words]


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("uuid", ""),
        ("uuid", str(_UUID).upper()),
        ("uuid", str(_UUID).replace("-", "0")),
        ("uuid", str(_UUID).replace("1", "g")),
        ("uuid", f"{{{str(_UUID)[2:]}}}"),
        ("uuid", "é" * 18),
        ("time", "12:30"),
        ("time", "12:30:00.50"),
        ("time", "24:30:00"),
        ("time", "23:60:00"),
        ("time", "12:30:00\n"),
        ("time", "1:02:03"),
    ],
)
def test_text_that_no_cell_prints_as_is_refused(kind: str, text: str) -> None:
    good = {"uuid": str(_UUID), "time": "12:30:00"}[kind]
    with pytest.raises(pa.ArrowInvalid, match=f"is no {kind} as Postgres prints it"):
        canonical(pa.array([good, None, text]), parse_type(kind))


def test_slices_of_text_are_read_from_where_they_begin() -> None:
    cells = pa.array(["0" * 8 + str(_UUID)[8:], None, str(_UUID), str(_UUID)]).slice(2)
    assert canonical(cells, parse_type("uuid")).to_pylist() == [_UUID.bytes] * 2
    assert len(canonical(cells.slice(2), parse_type("uuid"))) == 0


def test_trailing_spaces_count_in_text_though_not_in_char() -> None:
    cells = pa.array(["a", "a "], pa.string())
    assert len(set(hash_cells(canonical(cells, parse_type("text"))).tolist())) == 2
    assert len(set(hash_cells(canonical(cells, parse_type("char(2)"))).tolist())) == 1
