"""What a saved query may be called and say, and how many there may be."""

from datetime import UTC, datetime

import pytest

from rowmill.engine.saved_queries import (
    MAX_NAME,
    MAX_QUERIES,
    MAX_SQL,
    SavedQuery,
    check_room,
    check_saved,
)
from rowmill.errors import Conflict, Invalid

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


def test_a_saved_query_is_its_json() -> None:
    query = SavedQuery("顧客", "select 1", NOW)
    data = {"name": "顧客", "sql": "select 1", "savedAt": "2026-01-02T03:04:05Z"}
    assert query.to_json() == data
    assert SavedQuery.from_json(data) == query


@pytest.mark.parametrize("name", ["a", "x" * MAX_NAME, "all / of: them?", "顧客"])
def test_a_name_is_a_short_line(name: str) -> None:
    check_saved(name, "select 1")


@pytest.mark.parametrize(
    ("name", "sql"),
    [
        ("", "select 1"),
        (" a", "select 1"),
        ("a\n", "select 1"),
        ("a\0b", "select 1"),
        ("a\ud800", "select 1"),
        ("x" * (MAX_NAME + 1), "select 1"),
        ("a", " \n"),
        ("a", "select '\0'"),
        ("a", "select '\udfff'"),
        ("a", "x" * (MAX_SQL + 1)),
    ],
)
def test_what_no_ledger_keeps_is_refused(name: str, sql: str) -> None:
    with pytest.raises(Invalid) as refusal:
        check_saved(name, sql)
    assert refusal.value.reason == "InvalidQuery"


def test_a_full_ledger_takes_only_what_replaces_one() -> None:
    kept = [SavedQuery(str(number), "select 1", NOW) for number in range(MAX_QUERIES)]
    check_room("new", kept[1:])
    check_room("7", kept)
    with pytest.raises(Conflict) as refusal:
        check_room("new", kept)
    assert refusal.value.reason == "TooManyQueries"
