"""The console on which commands show tables to people."""

from __future__ import annotations

from rich.console import Console


class PipeConsole(Console):
    """A console on standard output that leaves a closed pipe to cli/failures.py."""

    def on_broken_pipe(self) -> None:
        # Rich would end the process with 1, which is what differences end with.
        raise BrokenPipeError
