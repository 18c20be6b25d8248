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

# One of the two: `sources.one_file` says which.
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
NameAlone = Annotated[
    str,
    typer.Argument(
        help="The experiment, as last run here.",
        metavar="NAME",
        show_default=False,
        autocompletion=complete_experiment,
    ),
]
NameOrAll = Annotated[
    str | None,
    typer.Argument(
        help="The experiment, as last run here, or its manifest with -f; without, all.",
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
