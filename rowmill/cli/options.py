"""The options that commands share, with what is taken where one is not given."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any

import typer

from rowmill.spec.run_bounds import BATCH_ROWS, WORKERS
from rowmill.terminal.output import Output


class Rows(StrEnum):
    """How rows are shown."""

    TABLE = "table"
    CSV = "csv"
    JSON = "json"


class ProgressStyle(StrEnum):
    """How progress is shown; by default bars on a terminal and plain lines elsewhere."""

    BARS = "bars"
    PLAIN = "plain"
    NONE = "none"


def _workers(help_text: str) -> Any:
    """The option `--workers`, which counts what the command works with."""
    return typer.Option(
        "--workers",
        help=help_text,
        metavar="N",
        min=WORKERS.least,
        max=WORKERS.most,
        envvar="ROWMILL_WORKERS",
        show_envvar=True,
    )


OutputOption = Annotated[Output, typer.Option("-o", "--output", help="How to print: text or json.")]
RowsOption = Annotated[
    Rows, typer.Option("-o", "--output", help="How to print: table, csv or json.")
]
Secrets = Annotated[
    list[str] | None,
    typer.Option(
        "--secret",
        help="A secret that the manifest names, as a file of KEY=VALUE lines; may be repeated.",
        metavar="NAME=FILE",
    ),
]
Scale = Annotated[
    str | None,
    typer.Option("--scale", help="Use this scale instead of the manifest's.", metavar="X"),
]
Seed = Annotated[
    int | None,
    typer.Option("--seed", help="Use this seed instead of the manifest's.", metavar="N"),
]
Workers = Annotated[
    int | None,
    _workers("Worker processes; by default the manifest's parallelism, else all cores but one."),
]
Threads = Annotated[int | None, _workers("Threads; by default one a core, at most 8.")]
BatchRows = Annotated[
    int | None,
    typer.Option(
        "--batch-rows",
        help="Rows of a batch; by default the manifest's batchRows, else by row width and memory.",
        metavar="N",
        min=BATCH_ROWS.least,
        max=BATCH_ROWS.most,
        envvar="ROWMILL_BATCH_ROWS",
        show_envvar=True,
    ),
]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Remove without asking.")]
