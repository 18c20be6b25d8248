"""A line of a log as both faces print it."""

from __future__ import annotations

from rowmill.engine.json_records import time_to_json
from rowmill.engine.records import LogLine


def text_of(line: LogLine) -> str:
    """`[worker 2] 2026-01-02T03:04:05Z WARNING the text`, without what is not known.

    Further lines of the text are indented, so that none is taken for another process's.
    """
    time = None if line.time is None else time_to_json(line.time)
    known = (time, line.level, line.text)
    return f"[{line.source}] {' '.join(filter(None, known))}".replace("\n", "\n    ")
