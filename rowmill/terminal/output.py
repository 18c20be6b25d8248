"""The forms in which commands answer and show their progress."""

from __future__ import annotations

import json
from enum import StrEnum


class Output(StrEnum):
    """Text for people or one JSON document on standard output."""

    TEXT = "text"
    JSON = "json"


class Rows(StrEnum):
    """How rows are shown."""

    TABLE = "table"
    CSV = "csv"
    JSON = "json"


class ProgressStyle(StrEnum):
    """How progress is shown; by default bars on a terminal and plain lines elsewhere."""

    BARS = "bars"
    PLAIN = "plain"
    NONE = "none"


def print_json(document: object) -> None:
    """One JSON document on standard output."""
    print(json.dumps(document, ensure_ascii=False))
