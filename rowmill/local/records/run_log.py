"""The log of a run that this machine supervises: what its supervisor and its workers say."""

from __future__ import annotations

import json
import logging
import os
from contextlib import suppress
from datetime import UTC, datetime
from io import TextIOWrapper
from logging.handlers import RotatingFileHandler
from pathlib import Path
from typing import Literal

from rowmill.engine.records import LogLine
from rowmill.local.home import remembered
from rowmill.local.home.folder import Home, make_private

SUPERVISOR = "supervisor"
MOST_BYTES = 10_000_000

Level = Literal["INFO", "WARNING", "ERROR"]


class RunLog:
    """Writes `run-N.log` below the experiment's folder; use as a context manager.

    What is said before the run has a number is kept until then. A run does not end for want of a
    log: what a full disk or a home that cannot be written does not take is lost.

    Args:
        most_bytes: of a file; one that is larger becomes `run-N.log.1`, in place of the last such.
    """

    def __init__(self, home: Home, name: str, most_bytes: int = MOST_BYTES) -> None:
        self._home = home
        self._name = name
        self._most_bytes = most_bytes
        self._early: list[LogLine] = []
        self._file: RotatingFileHandler | None = None

    def __enter__(self) -> RunLog:
        return self

    def __exit__(self, *_: object) -> None:
        if self._file is not None:
            # A full disk does not take what is still held back either.
            with suppress(OSError):
                self._file.close()

    def begin(self, number: int, *, keep: int, fresh: bool = False) -> None:
        """Go on in the file of run `number`; of the runs before it `keep` files stay.

        Of a `fresh` run there is no file, and of later runs none: what has such a number here is of
        an experiment that was deleted elsewhere, whose runs were counted before.
        """
        with suppress(OSError):
            remembered.make_folder(self._home, self._name)
            make_private(log_folder(self._home, self._name))
            oldest = number - max(keep, 0)
            _discard(self._home, self._name, range(oldest, number + (0 if fresh else 1)))
            self._file = _File(log_file(self._home, self._name, number), self._most_bytes)
        early, self._early = self._early, []
        for line in early:
            self._write(line)

    def say(self, text: str, *, level: Level = "INFO", source: str = SUPERVISOR) -> None:
        """Log a text, which holds no secret; its lines are kept together."""
        line = LogLine(text=text, source=source, time=datetime.now(UTC), level=level)
        if self._file is None:
            self._early.append(line)
        else:
            self._write(line)

    def _write(self, line: LogLine) -> None:
        if self._file is not None:
            text = json.dumps(line.to_json(), ensure_ascii=False)
            self._file.handle(logging.makeLogRecord({"msg": text}))


def log_folder(home: Home, name: str) -> Path:
    """Where the logs of an experiment's runs are."""
    return remembered.folder(home, name) / "logs"


def log_file(home: Home, name: str, number: int) -> Path:
    """The log of a run; its older part has `.1` behind the name."""
    return log_folder(home, name) / f"run-{number}.log"


def older_part(file: Path) -> Path:
    """Where the lines are that a log held before it became too large."""
    return file.with_name(f"{file.name}.1")


def logged_runs(home: Home, name: str) -> list[int]:
    """The numbers of the runs that have a log here, the oldest first."""
    found = []
    for file in log_folder(home, name).glob("run-*.log"):
        number = file.name.removeprefix("run-").removesuffix(".log")
        if number.isdigit():
            found.append(int(number))
    return sorted(found)


def _discard(home: Home, name: str, stay: range) -> None:
    for number in logged_runs(home, name):
        if number not in stay:
            file = log_file(home, name, number)
            file.unlink(missing_ok=True)
            older_part(file).unlink(missing_ok=True)


class _File(RotatingFileHandler):
    """A log file that its owner alone reads."""

    def __init__(self, file: Path, most_bytes: int) -> None:
        super().__init__(
            file, maxBytes=most_bytes, backupCount=1, encoding="utf-8", errors="backslashreplace"
        )

    def _open(self) -> TextIOWrapper:
        return open(self.baseFilename, "a", encoding="utf-8", errors=self.errors, opener=_private)

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - as logging calls it
        """Lose the line: the standard handler would write to standard error."""


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)
