from __future__ import annotations

from datetime import UTC, datetime

from rowmill_operator.status_news import news

NOON = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


def test_no_nulls_are_sent() -> None:
    status = {"run": {"id": None, "rows": 0}, "history": [{"reason": None}], "phase": "Running"}
    assert news({}, status, NOON) == {
        "run": {"rows": 0, "lastUpdated": "2026-03-01T12:00:00Z"},
        "history": [{}],
        "phase": "Running",
    }


def test_the_same_but_for_the_time_is_no_news() -> None:
    before = {"run": {"rows": 5, "lastUpdated": "a"}, "tables": []}
    same = {"run": {"rows": 5.0, "lastUpdated": "b", "id": None}, "tables": ()}
    assert news(before, same, NOON) is None
    assert news(before, {"run": {"rows": 6, "lastUpdated": "a"}, "tables": []}, NOON) is not None
    assert news(before, {"run": {"rows": 5, "lastUpdated": "a"}}, NOON) is not None
    assert news({}, {}, NOON) is None
    assert news({}, {"run": None}, NOON) is None


def test_what_is_observed_stays_as_it_is() -> None:
    before = {"run": {"rows": 5, "lastUpdated": "a"}}
    after = {"run": {"rows": 6, "lastUpdated": "a"}}
    changed = news(before, after, NOON)
    assert changed == {"run": {"rows": 6, "lastUpdated": "2026-03-01T12:00:00Z"}}
    assert (before["run"]["lastUpdated"], after["run"]["lastUpdated"]) == ("a", "a")
