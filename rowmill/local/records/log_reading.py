"""Read the log of a run that this machine supervised, whole or as it grows."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

from rowmill.engine.cancellation import Cancellation
from rowmill.engine.records import LogLine
from rowmill.errors import NotFound
from rowmill.local.home import remembered
from rowmill.local.home.file_locks import is_at
from rowmill.local.home.folder import Home
from rowmill.local.home.liveness import is_supervised
from rowmill.local.records.run_log import SUPERVISOR, log_file, logged_runs, older_part

FOLLOW_SECONDS = 0.3
# Who sets a log aside makes the next at once.
_LOOKS_FOR_NEXT = 10


def known_log(home: Home, name: str, number: int | None) -> int:
    """The number of the run whose log is meant: `number`, by default the newest that is known here.

    Raises:
        NotFound: NoLogs, there is none here; that of an older run is no answer.
    """
    known = logged_runs(home, name)
    wanted = _newest(home, name, known) if number is None else number
    if wanted in known:
        return wanted
    which = f"any run of {name}" if wanted is None else f"run {wanted} of {name}"
    others = f"; it has those of {_listed(known)}" if known else ""
    raise NotFound(
        "NoLogs",
        f"this machine has no log of {which}{others}: a log is kept in the ROWMILL_HOME of who "
        "made the run, of as many runs as its `runHistoryLimit`; "
        f"for what became of them: rowmill runs {name}",
    )


def is_written(home: Home, name: str, number: int) -> bool:
    """Whether a process of this machine goes on with the log of run `number`."""
    # Its own file may be missing for a moment, while it is set aside.
    later = any(each > number for each in logged_runs(home, name))
    return is_supervised(home, name) and not later


def read_log(
    home: Home, name: str, number: int, *, follow: bool, cancellation: Cancellation | None = None
) -> Iterator[LogLine]:
    """What the log of a run holds, and with `follow` what is added to it until the run has ended.

    Raises:
        NotFound: NoLogs, it was removed meanwhile.
        Cancelled: by its cancellation.
    """
    file = log_file(home, name, number)
    sleep = time.sleep if cancellation is None else cancellation.sleep
    try:
        yield from following(file, lambda: follow and is_written(home, name, number), sleep)
    except FileNotFoundError:
        raise NotFound(
            "NoLogs",
            f"the log of run {number} of {name} is gone: somebody removed {file} while it was "
            f"read. How far the run is: rowmill status {name}",
        ) from None


def lines(file: Path) -> Iterator[LogLine]:
    """What a log holds now, oldest first; raises as `following`."""
    return following(file, lambda: False)


def following(
    file: Path, goes_on: Callable[[], bool], sleep: Callable[[float], None] = time.sleep
) -> Iterator[LogLine]:
    """What a log holds, and what is added to it while `goes_on` says that it is written.

    Raises:
        FileNotFoundError: it is no longer there.
    """
    first = file.open("rb")
    # After the other: what is set aside between the two is that one, and not read twice.
    yield from _older(file, first)
    current: BinaryIO | None = first
    while current is not None:
        with current:
            reader = _Lines(current)
            while True:
                # Asked before the look, so that the last words are read too.
                alive, is_last = goes_on(), is_at(current.fileno(), file)
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


def _next(file: Path, goes_on: Callable[[], bool], sleep: Callable[[float], None]) -> BinaryIO:
    """The file in place of one that was set aside as too large; raises FileNotFoundError."""
    for _ in range(_LOOKS_FOR_NEXT):
        alive = goes_on()
        with suppress(FileNotFoundError):
            return file.open("rb")
        if not alive:
            break
        sleep(FOLLOW_SECONDS)
    return file.open("rb")


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


def _newest(home: Home, name: str, logged: Sequence[int]) -> int | None:
    last = remembered.last_progress(home, name)
    seen = None if last is None else last.run.number
    return max([*logged, *([] if seen is None else [seen])], default=None)


def _listed(numbers: Sequence[int]) -> str:
    if len(numbers) == 1:
        return f"run {numbers[0]}"
    return f"runs {', '.join(map(str, numbers))}"
