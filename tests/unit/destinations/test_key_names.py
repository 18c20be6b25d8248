"""Which names of NOT NULLs are Postgres's own, and which a user's."""

from __future__ import annotations

import pytest

from rowmill.destinations.postgres.tables.key_names import is_not_nulls


@pytest.mark.parametrize(
    ("name", "table", "column"),
    [
        ("a_b_id_not_null", "a", "b_id"),
        ("a_b_id_not_null1", "a_b", "id"),
        ("a_b_id_not_null120", "a_b", "id"),
        ("not_null1_not_null_not_null2", "not_null1", "not_null"),
        ("t" * 27 + "_" + "c" * 26 + "_not_null", "t" * 60, "c" * 60),
        ("t" * 26 + "_" + "c" * 26 + "_not_null1", "t" * 60, "c" * 60),
        ("t" * 25 + "_" + "c" * 25 + "_not_null120", "t" * 60, "c" * 60),
    ],
)
def test_a_name_is_postgres_own_with_any_number_at_its_end(
    name: str, table: str, column: str
) -> None:
    assert is_not_nulls(name, table, column)


@pytest.mark.parametrize(
    "name",
    [
        "mine",
        "a_b_id_not_null_1",
        "a_b_id_not_null0",
        "a_b_id_not_null01",
        "a_b_id_not_null1\n",
        "a_b_id_not_null1x",
        "a_c_id_not_null1",
        "a_b_id_not_null_not_null",
    ],
)
def test_any_other_name_is_a_users(name: str) -> None:
    assert not is_not_nulls(name, "a_b", "id")
