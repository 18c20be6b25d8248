"""The form of a line's time in every log: UTC, with its Z."""

from __future__ import annotations

import logging
from datetime import UTC, datetime


class UtcFormatter(logging.Formatter):
    """Writes a record's time as `2026-01-02T03:04:05.678901Z`, whatever the process's zone."""

    def formatTime(self, record: logging.LogRecord, datefmt: str | None = None) -> str:  # noqa: N802 - logging's own name
        time = datetime.fromtimestamp(record.created, UTC).replace(tzinfo=None)
        return f"{time.isoformat(timespec='microseconds')}Z"
