from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

import pytest

from rowmill.spec.dataset import ParquetTypes
from tests.unit.destinations.parquet_files import (
    BOTH,
    UUID,
    batch_of,
    column,
    names,
    pool,
    table_of,
    written,
)


@pytest.mark.parametrize(("types", "sql", "values", "read", "physical", "logical"), BOTH)
@pytest.mark.parametrize("array", [False, True])
def test_readers_can_skip_row_groups_by_any_column(
    types: ParquetTypes,
    sql: str,
    values: list[Any],
    read: list[Any] | None,
    physical: str,
    logical: str,
    array: bool,
) -> None:
    short = [value for value in values if len(str(value)) <= 4096]
    cells = [short, None] if array else [*short, None]
    name = f"{sql}[]" if array else sql

    file = written(table_of(column("c", name)), [batch_of("c", name, cells)], types=types)

    statistics = file.metadata.row_group(0).column(0).statistics
    assert (statistics.null_count, statistics.has_min_max) == (1, True)


@pytest.mark.parametrize(
    ("sql", "values", "least", "greatest"),
    [
        ("boolean", [True, False], False, True),
        ("double precision", [2.5, -1.0, 9.0], -1.0, 9.0),
        ("numeric(38,10)", [Decimal("1.5"), Decimal("-3.25")], Decimal("-3.25"), Decimal("1.5")),
        ("text", ["b", "ä", "a"], "a", "ä"),
        (
            "uuid",
            [UUID, bytes(16)],
            "00000000-0000-0000-0000-000000000000",
            "00010203-0405-0607-0809-0a0b0c0d0e0f",
        ),
        ("time", [dt.time(12, 30), dt.time(12, 30, 0, 5)], "12:30:00", "12:30:00.000005"),
    ],
)
def test_statistics_are_the_least_and_the_greatest_value(
    sql: str, values: list[Any], least: Any, greatest: Any
) -> None:
    file = written(table_of(column("c", sql)), [batch_of("c", sql, values)])

    statistics = file.metadata.row_group(0).column(0).statistics
    assert (statistics.min, statistics.max) == (least, greatest)


def test_of_long_texts_the_nulls_alone_are_counted() -> None:
    file = written(table_of(column("c", "text")), [batch_of("c", "text", ["x" * 4097, "a", None])])

    statistics = file.metadata.row_group(0).column(0).statistics
    assert (statistics.null_count, statistics.has_min_max) == (1, False)


def test_a_dictionarys_statistics_are_those_of_the_values_that_occur() -> None:
    file = written(names(), [pool([1, None] * 50)])

    statistics = file.metadata.row_group(0).column(0).statistics
    assert (statistics.null_count, statistics.min, statistics.max) == (50, "bob", "bob")
