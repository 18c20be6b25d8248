"""Read the log of a run that this machine supervised, whole or as it grows."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

from rowmill.engine.records import LogLine
from rowmill.errors import NotFound
from rowmill.local.home.folder import Home
from rowmill.local.home.liveness import is_supervised
from rowmill.local.records.run_log import SUPERVISOR, logged_runs, older_part

FOLLOW_SECONDS = 0.3


def known_log(home: Home, name: str, number: int | None) -> int:
    """The number of the run whose log is meant: `number`, by default the newest that has one.

    Raises:
        NotFound: NoLogs, there is none here.
    """
    known = logged_runs(home, name)
    if number is None and known:
        return known[-1]
    if number is not None and number in known:
        return number
    which = f"any run of {name}" if number is None else f"run {number} of {name}"
    others = f"; it has those of {_listed(known)}" if known else ""
    raise NotFound(
        "NoLogs",
        f"this machine has no log of {which}{others}: a log is kept in the ROWMILL_HOME of who "
        "made the run, of as many runs as its `runHistoryLimit`; "
        f"for what became of them: rowmill runs {name}",
    )


def is_written(home: Home, name: str, number: int) -> bool:
    """Whether a process of this machine goes on with the log of run `number`."""
    return is_supervised(home, name) and logged_runs(home, name)[-1:] == [number]


def lines(file: Path) -> Iterator[LogLine]:
    """What a log holds now, oldest first."""
    return following(file, lambda: False)


def following(
    file: Path, goes_on: Callable[[], bool], sleep: Callable[[float], None] = time.sleep
) -> Iterator[LogLine]:
    """What a log holds, and what is added to it while `goes_on` says that it is written."""
    first = file.open("rb")
    # After the other: what is set aside between the two is that one, and not read twice.
    yield from _older(file, first)
    current: BinaryIO | None = first
    while current is not None:
        with current:
            reader = _Lines(current)
            while True:
                # Asked before the look, so that the last words are read too.
                alive, is_last = goes_on(), _is_at(current, file)
                yield from reader.rest()
                if not (alive and is_last):
                    break
                sleep(FOLLOW_SECONDS)
        current = None if is_last else _next(file, goes_on, sleep)


def _older(file: Path, current: BinaryIO) -> Iterator[LogLine]:
    try:
        older = older_part(file).open("rb")
    except FileNotFoundError:
        return
    with older:
        if not os.path.sameopenfile(older.fileno(), current.fileno()):
            yield from _Lines(older).rest()


def _next(
    file: Path, goes_on: Callable[[], bool], sleep: Callable[[float], None]
) -> BinaryIO | None:
    """The file in place of one that was set aside as too large; None if none comes."""
    while True:
        alive = goes_on()
        with suppress(FileNotFoundError):
            return file.open("rb")
        if not alive:
            return None
        sleep(FOLLOW_SECONDS)


class _Lines:
    """The lines of a file, those alone that are whole."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._begun = b""

    def rest(self) -> Iterator[LogLine]:
        """What was added since the last time."""
        for piece in self._file:
            self._begun += piece
            if self._begun.endswith(b"\n"):
                whole, self._begun = self._begun, b""
                yield _line(whole)


def _line(raw: bytes) -> LogLine:
    text = raw.decode("utf-8", "replace").rstrip("\n")
    try:
        return LogLine.from_json(json.loads(text))
    except (ValueError, TypeError, AttributeError):
        # Torn by a full disk, say: shown as it is.
        return LogLine(text=text, source=SUPERVISOR)


def _is_at(opened: BinaryIO, file: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(opened.fileno()), file.stat())
    except FileNotFoundError:
        return False


def _listed(numbers: Sequence[int]) -> str:
    if len(numbers) == 1:
        return f"run {numbers[0]}"
    return f"runs {', '.join(map(str, numbers))}"
