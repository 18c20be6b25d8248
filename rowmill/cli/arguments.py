"""What commands are given of experiments, manifests and tables, and how a shell completes it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from rowmill.cli.completion import (
    complete_experiment,
    complete_manifest,
    complete_query,
    complete_table,
    complete_trace,
)
from rowmill.terminal.failures import UsageError

# One of the two: `one_file` says which.
Manifest = Annotated[
    Path | None,
    typer.Argument(
        help="The manifest; or give it with -f.",
        metavar="[FILE]",
        show_default=False,
        autocompletion=complete_manifest,
    ),
]
File = Annotated[
    Path | None,
    typer.Option(
        "-f",
        "--file",
        help="The manifest, instead of FILE; - is standard input.",
        metavar="FILE",
        show_default=False,
        autocompletion=complete_manifest,
    ),
]
FileInstead = Annotated[
    Path | None,
    typer.Option(
        "-f",
        "--file",
        help="The manifest, instead of NAME; - is standard input.",
        metavar="FILE",
        autocompletion=complete_manifest,
    ),
]
Name = Annotated[
    str | None,
    typer.Argument(
        help="The experiment, as last run here; or give its manifest with -f.",
        metavar="[NAME]",
        show_default=False,
        autocompletion=complete_experiment,
    ),
]
TableOption = Annotated[
    str | None,
    typer.Option(
        "-t",
        "--table",
        help="Show this table only.",
        metavar="TABLE",
        autocompletion=complete_table,
    ),
]
QueryWords = Annotated[
    list[str] | None,
    typer.Argument(
        help="The experiment (not with -f) and the query.",
        metavar="[NAME] SQL",
        show_default=False,
        autocompletion=complete_query,
    ),
]
TraceWords = Annotated[
    list[str] | None,
    typer.Argument(
        help="The experiment (not with -f), the table and the values of its primary key.",
        metavar="[NAME] TABLE KEY...",
        show_default=False,
        autocompletion=complete_trace,
    ),
]


def one_file(argument: Path | None, option: Path | None) -> Path:
    """The manifest of a command that takes FILE or -f FILE.

    Raises:
        UsageError: there is none, or there are two.
    """
    if argument is None and option is None:
        raise UsageError("give the manifest, FILE or -f FILE, such as: -f shop.yaml")
    if argument is not None and option is not None:
        raise UsageError(f"give one manifest: {argument} or -f {option}, not both")
    found = argument if option is None else option
    assert found is not None
    return found
