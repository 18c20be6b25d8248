"""Why a run in the background did not begin, kept where nobody was left to be told."""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from rowmill.engine.records import LogLine
from rowmill.errors import RowmillError
from rowmill.local.home import remembered
from rowmill.local.home.folder import Home, write_private
from rowmill.local.records.run_log import SUPERVISOR


@dataclass(frozen=True)
class UnbegunRun:
    """A run of `name` that ended before it had a number, and with it a record or a log."""

    name: str
    line: LogLine

    def __str__(self) -> str:
        at = "" if self.line.time is None else f" at {self.line.time:%Y-%m-%d %H:%M:%S} UTC"
        return (
            f"{self.name}: a run in the background ended{at}, before it had begun: {self.line.text}"
        )


def keep(home: Home, name: str, error: Exception) -> None:
    """Remember why a run did not begin, until one has; a home that cannot be written stays without.

    Args:
        error: it holds no secret.
    """
    reason = error.reason if isinstance(error, RowmillError) else type(error).__name__
    line = LogLine(
        text=f"{reason}: {error}", source=SUPERVISOR, time=datetime.now(UTC), level="ERROR"
    )
    with suppress(OSError):
        remembered.make_folder(home, name)
        write_private(_file(home, name), json.dumps(line.to_json(), ensure_ascii=False))


def forget(home: Home, name: str) -> None:
    """A run has begun since, or the experiment is forgotten."""
    with suppress(OSError):
        _file(home, name).unlink(missing_ok=True)


def last(home: Home, name: str) -> UnbegunRun | None:
    """The last run that did not begin, if nobody was told and none has begun since."""
    try:
        text = _file(home, name).read_text(encoding="utf-8")
        return UnbegunRun(name, LogLine.from_json(json.loads(text)))
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        return None


def _file(home: Home, name: str) -> Path:
    return remembered.folder(home, name) / "not-begun.json"
