"""A line of a log as both faces print it."""

from __future__ import annotations

from rowmill.engine.json_records import time_to_json
from rowmill.engine.records import LogLine


def text_of(line: LogLine) -> str:
    """`[worker 2] 2026-01-02T03:04:05Z WARNING the text`, without what is not known.

    Further lines of the text are indented, so that none is taken for another process's.
    """
    return f"[{line.source}] {words_of(line)}".replace("\n", "\n    ")


def words_of(line: LogLine) -> str:
    """As `text_of`, of a process that is known, and as it said it."""
    time = None if line.time is None else time_to_json(line.time)
    return " ".join(part for part in (time, line.level, line.text) if part is not None)
