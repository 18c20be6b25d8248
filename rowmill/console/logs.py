"""Log lines as text, and as server-sent events."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator

from fastapi.sse import format_sse_event

from rowmill.engine.json_records import time_to_json
from rowmill.engine.records import LogLine


def as_text(lines: Iterable[LogLine]) -> Iterator[bytes]:
    """Each line with its time, its source and its level, as far as they are known."""
    for line in lines:
        known = (line.time and time_to_json(line.time), line.source, line.level, line.text)
        yield (" ".join(word for word in known if word) + "\n").encode()


def followed(lines: Iterable[LogLine]) -> Iterator[bytes]:
    """An event `line` each, and `end` once there will be no more."""
    for line in lines:
        told = json.dumps(line.to_json(), ensure_ascii=False)
        yield format_sse_event(event="line", data_str=told)
    yield format_sse_event(event="end", data_str="{}")
