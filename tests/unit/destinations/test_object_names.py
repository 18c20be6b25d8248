from __future__ import annotations

from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rowmill.destinations.lake.object_names import (
    owner_in,
    part_key,
    record_key,
    run_of,
    run_of_record,
    table_folder,
    tags,
)


@pytest.mark.parametrize(
    ("table", "segment"),
    [
        ("orders", "orders"),
        ("a b/ü", "a%20b%2F%C3%BC"),
        ("100%", "100%25"),
        ("A-z_0.9~", "A-z_0.9~"),
        (".", "%2E"),
        ("..", "%2E%2E"),
        ("...x", "...x"),
        ("!*'()", "%21%2A%27%28%29"),
    ],
)
def test_a_tables_segment_is_percent_encoded(table: str, segment: str) -> None:
    assert table_folder("p/", table) == f"p/{segment}/"


@given(st.text(min_size=1), st.integers(0, 10**7), st.from_regex(r"[0-9a-f]{12}", fullmatch=True))
def test_a_parts_key_says_its_run_and_no_two_tables_share_a_folder(
    table: str, number: int, run_id: str
) -> None:
    key = part_key("p/", table, number, run_id)

    folder, name = key.removeprefix("p/").split("/")
    assert unquote(folder) == table
    assert folder.isascii()
    assert folder.strip(".")
    assert run_of(key) == run_id
    assert name.startswith(f"part-{number:05d}-")


@pytest.mark.parametrize(
    "key", ["orders/data.parquet", "part-1-x.parquet", "part-00001-.parquet", "a/part-00001-x.csv"]
)
def test_what_is_no_part_names_no_run(key: str) -> None:
    assert run_of(key) is None


def test_a_records_key_says_its_run() -> None:
    assert run_of_record("p/", record_key("p/", "abc")) == "abc"
    assert run_of_record("p/", "p/_rowmill/current.json") is None
    assert run_of_record("p/", "p/_rowmill/run-abc.json.bak") is None
    assert run_of_record("p/", "p/_rowmill/run-a/b.json") is None


@given(st.text(min_size=1))
def test_any_owner_can_be_told_from_an_objects_metadata(owner: str) -> None:
    metadata = tags(owner, "run", "sha256:abc")

    assert all(value.isascii() and value.isprintable() for value in metadata.values())
    assert owner_in(metadata) == owner
    assert owner_in({}) is None
