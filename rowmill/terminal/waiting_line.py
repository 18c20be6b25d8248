"""One line on standard error that is written over while it changes, for a command that waits."""

from __future__ import annotations

import shutil
import sys

from rowmill.terminal.prose import visible

_ERASE = "\r\x1b[2K"


class WaitingLine:
    """A line at the foot of the terminal; nothing else may be written while it is there."""

    def __init__(self) -> None:
        self._there = False

    def show(self, text: str) -> None:
        """Write the line, or write over it; a narrow terminal shows its beginning."""
        text = visible(text)
        width = shutil.get_terminal_size().columns
        shown = text if len(text) < width else f"{text[: width - 2]}…"
        self._write(_ERASE + shown)
        self._there = True

    def clear(self) -> None:
        """Take it away, if it is there."""
        if self._there:
            self._there = False
            self._write(_ERASE)

    def _write(self, text: str) -> None:
        sys.stderr.write(text)
        sys.stderr.flush()
