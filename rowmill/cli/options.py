"""The options that commands share, with what is taken where one is not given."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from rowmill.spec.run_bounds import BATCH_ROWS, WORKERS
from rowmill.terminal.output import ProgressStyle, Rows


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
Resume = Annotated[
    bool, typer.Option("--resume", help="Resume an unfinished run; refuse if there is none.")
]
Adopt = Annotated[
    str | None,
    typer.Option(
        "--adopt", help="Take over the tables and the prefix of this owner.", metavar="OWNER"
    ),
]
Detach = Annotated[
    bool,
    typer.Option("--detach", help="Return once it is begun; it goes on without this terminal."),
]
Progress = Annotated[
    ProgressStyle | None,
    typer.Option(
        "--progress",
        help="How to show progress; by default bars on a terminal, else plain lines.",
    ),
]
ProgressInterval = Annotated[
    float,
    typer.Option(
        "--progress-interval", help="Seconds between two plain lines.", metavar="S", min=0.1
    ),
]
FirstRows = Annotated[
    int,
    typer.Option("-n", "--rows", help="How many rows of each table to show.", metavar="N", min=1),
]
Offset = Annotated[
    int,
    typer.Option(
        "--offset",
        help="Begin at this row of each table, counted from 0; any is as quick.",
        metavar="N",
        min=0,
    ),
]
KeepData = Annotated[
    bool,
    typer.Option("--keep-data", help="Only forget it on this machine; its data and records stay."),
]
ConsoleHost = Annotated[
    str, typer.Option("--host", help="The address to listen at.", metavar="ADDRESS")
]
ConsolePort = Annotated[
    int | None,
    typer.Option(
        "--port",
        help="The port to listen at; by default 8470, or the next free one.",
        metavar="PORT",
        min=1,
        max=65535,
    ),
]
TlsCertificate = Annotated[
    Path | None,
    typer.Option("--tls-certificate", help="Speak TLS with this certificate.", metavar="FILE"),
]
TlsKey = Annotated[
    Path | None, typer.Option("--tls-key", help="The certificate's key.", metavar="FILE")
]
BehindProxy = Annotated[
    str | None,
    typer.Option(
        "--behind-proxy",
        help="The name of a proxy that people reach the console by.",
        metavar="HOST",
    ),
]
AllowHosts = Annotated[
    list[str] | None,
    typer.Option(
        "--allow-host",
        help="A name by which the console is called, too; may be given more than once.",
        metavar="NAME",
    ),
]
