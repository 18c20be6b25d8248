"""The options that both faces' commands have, in the same words."""

from __future__ import annotations

from typing import Annotated

import typer

from rowmill.terminal.output import Output

OutputOption = Annotated[Output, typer.Option("-o", "--output", help="How to print: text or json.")]
Watch = Annotated[
    bool,
    typer.Option("-w", "--watch", help="Keep showing until the run of NAME has ended."),
]
Wait = Annotated[
    bool,
    typer.Option(
        "--wait",
        help="Show that run to its end; exit code 0: complete, 4: failed, 5: aborted.",
    ),
]
Timeout = Annotated[
    str | None,
    typer.Option(
        "--timeout",
        help="With --wait: wait no longer than this, such as 30m; the run goes on.",
        metavar="DURATION",
    ),
]
Restart = Annotated[bool, typer.Option("--restart", help="Drop an unfinished run and start over.")]
RunNumber = Annotated[
    int | None, typer.Option("--run", help="Its number; by default the newest.", metavar="N", min=1)
]
Follow = Annotated[
    bool, typer.Option("-f", "--follow", help="Keep showing until the run has ended.")
]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Remove without asking.")]
