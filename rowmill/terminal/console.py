"""The console on which commands show tables and texts to people."""

from __future__ import annotations

import sys

from rich.console import Console


class PipeConsole(Console):
    """A console on standard output that leaves a closed pipe to failures.py."""

    def on_broken_pipe(self) -> None:
        # Rich would end the process with 1, which is what differences end with.
        raise BrokenPipeError

    @property
    def terminal_width(self) -> int | None:
        """The columns of the terminal that standard output is; None if it is none."""
        return self.width if sys.stdout.isatty() else None
