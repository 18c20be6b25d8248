"""Rows in every output, whatever their type."""

import json
from datetime import UTC, date, datetime, time
from decimal import Decimal
from uuid import UUID

import pyarrow as pa
import pytest

from rowmill.cli.plain_values import plain_values
from rowmill.cli.row_output import RowSet, write_rows

UUID_TEXT = "12345678-1234-5678-1234-567812345678"


@pytest.mark.parametrize(
    ("array", "plain"),
    [
        (pa.array([True, None]), [True, None]),
        (pa.array([1.5, None]), [1.5, None]),
        (pa.array([Decimal("1.50")], pa.decimal128(5, 2)), ["1.50"]),
        (pa.array([date(2020, 1, 2)]), ["2020-01-02"]),
        (pa.array([time(1, 2, 3)], pa.time64("us")), ["01:02:03"]),
        (pa.array([datetime(2020, 1, 2, tzinfo=UTC)]), ["2020-01-02 00:00:00+00:00"]),
        (pa.array([UUID(UUID_TEXT).bytes], pa.binary(16)), [UUID_TEXT]),
        (pa.array([b"\0\xff"], pa.binary()), ["\\x00ff"]),
        (pa.array(["a", None, "a"]).dictionary_encode(), ["a", None, "a"]),
        (pa.array([[1, None], None, []], pa.list_(pa.int32())), [[1, None], None, []]),
        (
            pa.array(
                [(14, 1, 3_600_000_000_000), (0, 0, 0), (-1, -2, -500_000_000)],
                pa.month_day_nano_interval(),
            ),
            ["1 year 2 mons 1 day 01:00:00", "00:00:00", "-1 mons -2 days -00:00:00.5"],
        ),
    ],
)
def test_arrow_values_become_plain(array: pa.Array, plain: list[object]) -> None:
    assert plain_values(array) == plain


SETS = [
    RowSet("a", "a (2 rows)", ["id", "[red]"], [(1, None), (2, "x,[/red]")]),
    RowSet("b", "b", ["n"], pa.record_batch({"n": pa.array([], pa.int64())})),
]


def test_json_is_one_object_of_lists(capsys: pytest.CaptureFixture[str]) -> None:
    write_rows(SETS, "json")
    assert json.loads(capsys.readouterr().out) == {
        "a": [{"id": 1, "[red]": None}, {"id": 2, "[red]": "x,[/red]"}],
        "b": [],
    }


def test_csv_has_a_header_for_each_set(capsys: pytest.CaptureFixture[str]) -> None:
    write_rows(SETS, "csv")
    assert capsys.readouterr().out == 'id,[red]\n1,\n2,"x,[/red]"\n\nn\n'


def test_a_table_shows_names_and_values_as_they_are(capsys: pytest.CaptureFixture[str]) -> None:
    write_rows(SETS, "table")
    out = capsys.readouterr().out
    assert "a (2 rows)" in out
    assert "[red]" in out
    assert "x,[/red]" in out
    assert "null" in out
