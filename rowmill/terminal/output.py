"""The forms in which commands answer."""

from __future__ import annotations

from enum import StrEnum


class Output(StrEnum):
    """Text for people or one JSON document on standard output."""

    TEXT = "text"
    JSON = "json"
