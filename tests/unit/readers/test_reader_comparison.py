"""What `make readers` compares: a reader that changes anything does not pass."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest

from tests.readers.comparison import differences
from tests.readers.known import READERS, Reader

EXACT = READERS["duckdb"]
WRITTEN = pa.table(
    {
        "id": pa.array([1, 2, 3, 4], pa.int64()),
        "name": ["a", None, "c", ""],
        "price": pa.array([Decimal("0.10"), Decimal("2.00"), None, Decimal("-3.30")]),
        "tags": pa.array([["x", None], [], None, ["y", "x"]], pa.list_(pa.string())),
        "raw": pa.array([b"\xff", b"", None, b"x"]),
    }
)


def _found(column: str, values: Any, kind: pa.DataType | None = None) -> pa.Table:
    place = WRITTEN.column_names.index(column)
    cells = pa.array(values, kind or WRITTEN[column].type)
    return WRITTEN.set_column(place, column, cells)


def _differences(found: pa.Table, reader: Reader = EXACT) -> list[str]:
    return differences("it", WRITTEN, found, reader)


def test_the_same_rows_in_another_order_and_layout_are_equal() -> None:
    shuffled = WRITTEN.take(pa.array([2, 0, 3, 1]))
    assert _differences(shuffled) == []
    views = shuffled.cast(
        pa.schema(
            [
                pa.field("id", pa.int64()),
                pa.field("name", pa.string_view()),
                WRITTEN.schema.field("price"),
                pa.field("tags", pa.large_list(pa.large_string())),
                pa.field("raw", pa.large_binary()),
            ]
        )
    )
    assert _differences(views) == []


@pytest.mark.parametrize(
    ("column", "values", "told"),
    [
        ("id", [1, 2, 3, 5], "1 cells are not there, such as 4, and 1 are foreign, such as 5"),
        ("name", ["a", "", "c", ""], "such as None, and 0 are foreign"),
        ("name", ["a", None, "c ", ""], "such as 'c', and 1 are foreign, such as 'c '"),
        ("price", [Decimal("0.10"), Decimal("2.01"), None, Decimal("-3.30")], "Decimal('2.01')"),
        ("tags", [["x", None], [], None, ["x", "y"]], "such as ['y', 'x'], and 1 are foreign"),
        ("tags", [["x", None], [], [], ["y", "x"]], "such as None, and 0 are foreign"),
        ("tags", [["x"], [], None, ["y", "x"]], "such as ['x', None], and 1 are foreign"),
        ("raw", [b"\xfe", b"", None, b"x"], "such as b'\\xff', and 1 are foreign"),
    ],
)
def test_a_changed_cell_is_told_with_its_column(column: str, values: list[Any], told: str) -> None:
    (text,) = _differences(_found(column, values))
    assert text.startswith(f"column {column!r}: ")
    assert told in text


def test_a_value_too_often_is_a_difference_though_each_is_known() -> None:
    (text,) = _differences(_found("id", [1, 2, 3, 3]))
    assert text.startswith("column 'id': 1 cells are not there, such as 4")
    twice = pa.concat_tables([WRITTEN, WRITTEN.slice(0, 1)])
    (text,) = differences("it", twice, pa.concat_tables([WRITTEN, WRITTEN.slice(3)]), EXACT)[:1]
    assert text == "column 'id': its values are right, but do not occur as often as they should"


def test_right_cells_in_wrong_rows_are_a_difference() -> None:
    (text,) = _differences(_found("id", [2, 1, 3, 4]))
    assert text == "every column's cells are right, but they stand in other rows"


def test_rows_and_columns_are_counted() -> None:
    assert _differences(WRITTEN.slice(1)) == ["3 rows, not 4"]
    assert "its columns are" in _differences(WRITTEN.drop_columns("raw"))[0]
    assert "its columns are" in _differences(WRITTEN.rename_columns(["ID", *"abcd"]))[0]


def test_another_type_is_a_difference_though_the_values_are_equal() -> None:
    found = _found("id", [1, 2, 3, 4], pa.int32())
    assert _differences(found) == ["column 'id': it is handed over as int32, not int64"]


def test_what_a_readers_types_cannot_hold_is_excepted_and_nothing_more() -> None:
    clickhouse, pandas = READERS["chdb"], READERS["fastparquet"]
    empty = _found("tags", [["x", None], [], [], ["y", "x"]])
    bytes_as_text = empty.set_column(4, "raw", WRITTEN["raw"].cast(pa.string(), safe=False))
    assert _differences(bytes_as_text, clickhouse) == []
    floats = _found("price", [0.1, 2.0000000000000004, None, -3.3], pa.float64())
    assert _differences(floats, pandas) == []
    cent = _found("price", [0.1, 2.01, None, -3.3], pa.float64())
    assert "more than rounding" in _differences(cent, pandas)[0]
    null = _found("price", [0.1, 2.0, 0.0, -3.3], pa.float64())
    assert "more than rounding" in _differences(null, pandas)[0]
