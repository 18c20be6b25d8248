"""Whether DuckDB skips row groups by their statistics: it answers from a file of which one is left.

All pages of the other row groups are overwritten, so that whoever reads one of them fails.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from tests.readers.published import folder_of
from tests.readers.scripting import run

MANIFEST = Path(__file__).parent / "pruned.yaml"
NAME = "pruned"
_TABLE = "rising"
_KEY = "c_bigint"
_RISING = ("c_bigint", "c_text", "c_uuid", "c_double", "c_real", "c_numeric_12", "c_numeric_38")


@dataclass(frozen=True)
class _Query:
    """`answer` holds the keys of the rows that it must find; None if it must hit damaged pages."""

    about: str
    sql: str
    answer: list[int] | None


def differences(tables: Mapping[str, pa.Table], source: Path, python: Path) -> list[str]:
    """What DuckDB did not skip, a sentence each.

    Args:
        tables: the rows of the manifest's table.
        source: where its objects are.
        python: DuckDB's.
    """
    (whole,) = (source / folder_of(_TABLE)).glob("*.parquet")
    metadata = pq.read_metadata(whole)
    if metadata.num_row_groups < 3:
        return [f"the file has {metadata.num_row_groups} row groups: too few to skip any"]
    left = metadata.num_row_groups // 2
    one_left, none_left = source / "one-left.parquet", source / "none-left.parquet"
    one_left.write_bytes(_damaged(whole, metadata, keep=left))
    none_left.write_bytes(_damaged(whole, metadata, keep=None))
    queries = _queries(tables[_TABLE], metadata, left, one_left, none_left)
    asked, answered = source / "queries.json", source / "answers.json"
    asked.write_text(json.dumps([query.sql for query in queries]), encoding="utf-8")
    failure = run(python, "query_duckdb.py", asked, answered)
    if failure is not None:
        return [failure]
    answers = json.loads(answered.read_text(encoding="utf-8"))
    pairs = zip(queries, answers, strict=True)
    return [text for query, answer in pairs if (text := _judge(query, answer)) is not None]


def _damaged(path: Path, metadata: pq.FileMetaData, keep: int | None) -> bytes:
    """The file with other bytes in all pages of all row groups but one."""
    content = bytearray(path.read_bytes())
    for group in range(metadata.num_row_groups):
        if group == keep:
            continue
        for number in range(metadata.num_columns):
            column = metadata.row_group(group).column(number)
            begin = column.data_page_offset
            if column.has_dictionary_page:
                begin = min(begin, column.dictionary_page_offset)
            size = column.total_compressed_size
            content[begin : begin + size] = b"\xff" * size
    return bytes(content)


def _queries(
    rows: pa.Table,
    metadata: pq.FileMetaData,
    left: int,
    one_left: Path,
    none_left: Path,
) -> list[_Query]:
    sizes = [metadata.row_group(group).num_rows for group in range(metadata.num_row_groups)]
    there = sum(sizes[:left]) + sizes[left] // 2
    elsewhere = sum(sizes[:left]) // 2
    found = [
        _Query(column, _select(one_left, f'"{column}" = {_literal(rows[column][row])}'), answer)
        for column in _RISING
        for row, answer in ((there, [rows[_KEY][there].as_py()]), (elsewhere, None))
    ]
    for condition, reverse in (
        ("NOT c_true", "c_true"),
        ("c_null IS NOT NULL", "c_null IS NULL"),
        ("c_never_null IS NULL", "c_never_null IS NOT NULL"),
    ):
        found.append(_Query(condition, _select(none_left, condition), []))
        found.append(_Query(reverse, _select(none_left, reverse), None))
    return found


def _select(path: Path, condition: str) -> str:
    return f"SELECT {_KEY} FROM read_parquet('{path}') WHERE {condition}"


def _literal(scalar: Any) -> str:
    value = scalar.as_py()
    return f"'{value}'" if isinstance(value, str) else str(value)


def _judge(query: _Query, answer: Any) -> str | None:
    if query.answer is None:
        # Otherwise the damage is none, and the other answers prove nothing.
        return None if isinstance(answer, str) else f"{query.about}: it read a damaged row group"
    if isinstance(answer, str):
        return (
            f"{query.about}: no row group is skipped by its statistics ({answer.splitlines()[0]})"
        )
    keys = [row[0] for row in answer]
    return None if keys == query.answer else f"{query.about}: it found {keys}, not {query.answer}"
