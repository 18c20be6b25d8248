"""The arguments and options of the plugin's commands, and those that all share: which cluster."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from rowmill.terminal.command_line import SharedOptions

Name = Annotated[str, typer.Argument(help="The Experiment.", metavar="NAME", show_default=False)]
NameOrAll = Annotated[
    str | None,
    typer.Argument(
        help="The Experiment; without it, all of the namespace.",
        metavar="[NAME]",
        show_default=False,
    ),
]
Shard = Annotated[
    int | None,
    typer.Option(
        "--shard",
        help="Show the lines of this shard only, without its name before them.",
        metavar="N",
        min=0,
    ),
]
Longest = Annotated[
    str | None,
    typer.Option(
        "--timeout",
        help="Wait no longer than this, such as 30m; what was asked for goes on.",
        metavar="DURATION",
    ),
]
# By the field of `kubeconfig.Wanted`, which is imported when a command runs: help needs none of it.
_OPTIONS: dict[str, Any] = {
    "namespace": Annotated[
        str | None,
        typer.Option(
            "-n",
            "--namespace",
            help="The namespace; by default the context's.",
            metavar="NS",
        ),
    ],
    "context": Annotated[
        str | None,
        typer.Option("--context", help="The kubeconfig's context to use.", metavar="NAME"),
    ],
    "kubeconfig": Annotated[
        Path | None,
        typer.Option(
            "--kubeconfig",
            help="The kubeconfig; by default $KUBECONFIG, else ~/.kube/config.",
            metavar="FILE",
        ),
    ],
    "cluster": Annotated[
        str | None,
        typer.Option("--cluster", help="The kubeconfig's cluster to use.", metavar="NAME"),
    ],
    "user": Annotated[
        str | None,
        typer.Option("--user", help="The kubeconfig's user to use.", metavar="NAME"),
    ],
    "server": Annotated[
        str | None,
        typer.Option("-s", "--server", help="The API server's address.", metavar="URL"),
    ],
    "as_user": Annotated[
        str | None,
        typer.Option("--as", help="Act as this user, if you may.", metavar="USER"),
    ],
    "as_groups": Annotated[
        list[str] | None,
        typer.Option(
            "--as-group",
            help="With --as: act in this group; may be repeated.",
            metavar="GROUP",
        ),
    ],
    "as_uid": Annotated[
        str | None,
        typer.Option("--as-uid", help="With --as: act with this UID.", metavar="UID"),
    ],
    "as_user_extra": Annotated[
        list[str] | None,
        typer.Option(
            "--as-user-extra",
            help="With --as: act with this extra value; may be repeated.",
            metavar="KEY=VALUE",
        ),
    ],
}
CLUSTER = SharedOptions("rowmill.kubectl.engine:chosen", _OPTIONS)
