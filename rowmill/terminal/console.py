"""The console on which commands show tables to people."""

from __future__ import annotations

from rich.console import Console
from rich.measure import Measurement
from rich.table import Table

_ANY_WIDTH = 100_000


class PipeConsole(Console):
    """A console on standard output that leaves a closed pipe to failures.py."""

    def on_broken_pipe(self) -> None:
        # Rich would end the process with 1, which is what differences end with.
        raise BrokenPipeError


def print_whole(table: Table) -> None:
    """Print a table as wide as it is: a narrow screen breaks its lines, and no cell is cut."""
    console = PipeConsole()
    options = console.options.update(max_width=_ANY_WIDTH)
    needed = Measurement.get(console, options, table).maximum
    PipeConsole(width=max(console.width, needed), soft_wrap=True).print(table)
