"""Queries that are kept by name beside an experiment's records."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from rowmill.engine.json_records import to_json
from rowmill.errors import Conflict, Invalid

MAX_NAME = 100
MAX_SQL = 100_000
MAX_QUERIES = 1_000


@dataclass(frozen=True)
class SavedQuery:
    """A query's name, unique in its experiment, its text, and when that was saved."""

    name: str
    sql: str
    saved_at: datetime

    def to_json(self) -> dict[str, Any]:
        return to_json(self)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> SavedQuery:
        """Raises KeyError or ValueError if it is none."""
        return cls(data["name"], data["sql"], datetime.fromisoformat(data["savedAt"]))


def check_saved(name: str, sql: str) -> None:
    """Refuse what no ledger keeps.

    Raises:
        Invalid: InvalidQuery.
    """
    control = any(unicodedata.category(each) in ("Cc", "Cs") for each in name)
    if not 0 < len(name) <= MAX_NAME or control or name != name.strip():
        raise Invalid(
            "InvalidQuery",
            f"the name of a saved query has 1 to {MAX_NAME} characters, none of them a control "
            "character, and no space around them",
        )
    if not sql.strip() or len(sql) > MAX_SQL or unstorable(sql):
        raise Invalid(
            "InvalidQuery",
            f"a saved query has 1 to {MAX_SQL:,} characters, none of them NUL or half a surrogate "
            "pair",
        )


def check_room(name: str, kept: Sequence[SavedQuery]) -> None:
    """Raise Conflict, TooManyQueries, if one more of a new name is too many."""
    if len(kept) >= MAX_QUERIES and all(each.name != name for each in kept):
        raise Conflict(
            "TooManyQueries",
            f"{MAX_QUERIES:,} queries are saved already: forget one, or save it in place of one",
        )


def unstorable(text: str) -> bool:
    """Whether a text holds what Postgres has no character for."""
    return "\0" in text or any("\ud800" <= each <= "\udfff" for each in text)
