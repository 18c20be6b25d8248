"""The plugin's commands, options and help texts; what they do is imported when they run."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any

import typer

from rowmill.kubectl.options import with_cluster_options
from rowmill.terminal.command_line import App
from rowmill.terminal.entry import interruptible
from rowmill.terminal.output import Output

app = App("kubectl rowmill", "Watch and steer the Experiments of a cluster.")


Name = Annotated[str, typer.Argument(help="The Experiment.", metavar="NAME", show_default=False)]
NameOrAll = Annotated[
    str | None,
    typer.Argument(
        help="The Experiment; without it, all of the namespace.",
        metavar="[NAME]",
        show_default=False,
    ),
]
OutputOption = Annotated[Output, typer.Option("-o", "--output", help="How to print: text or json.")]


def main() -> None:
    """The entry point of `kubectl-rowmill`, which kubectl runs as `kubectl rowmill`."""
    with interruptible("rowmill"):
        app()


@app.callback(invoke_without_command=True)
def kubectl_rowmill(
    version: Annotated[bool, typer.Option("--version", help="Show the version and exit.")] = False,
) -> None:
    """Answer `--version`."""
    if version:
        from rowmill.version import VERSION

        typer.echo(f"rowmill {VERSION}")
        raise typer.Exit


@app.command()
@with_cluster_options
def status(
    name: NameOrAll = None,
    watch: Annotated[
        bool,
        typer.Option("-w", "--watch", help="Keep showing until the run of NAME has ended."),
    ] = False,
    output: OutputOption = Output.TEXT,
    *,
    wanted: dict[str, Any],
) -> None:
    """Show the newest run, table by table; with -w live, and end as the run does."""
    from rowmill.kubectl.failures import reporting

    as_json = output is Output.JSON
    with reporting(as_json=as_json):
        from rowmill.kubectl.cluster import connect
        from rowmill.kubectl.kubeconfig import Wanted
        from rowmill.kubectl.records import status as body
        from rowmill.kubectl.watching import watch as watching

        cluster = connect(Wanted(**wanted))
        (watching if watch else body)(cluster, name, as_json=as_json)


@app.command()
@with_cluster_options
def runs(
    name: NameOrAll = None,
    output: OutputOption = Output.TEXT,
    *,
    wanted: dict[str, Any],
) -> None:
    """List the runs that the status remembers (`runHistoryLimit` says how many)."""
    from rowmill.kubectl.failures import reporting

    as_json = output is Output.JSON
    with reporting(as_json=as_json):
        from rowmill.kubectl.cluster import connect
        from rowmill.kubectl.kubeconfig import Wanted
        from rowmill.kubectl.records import runs as body

        body(connect(Wanted(**wanted)), name, as_json=as_json)


def _changing(verb: str) -> Callable[..., None]:
    """The command that asks the operator for one of `changes.CHANGES`."""

    @with_cluster_options
    def change(name: Name, *, wanted: dict[str, Any]) -> None:
        from rowmill.kubectl.failures import reporting

        with reporting():
            from rowmill.kubectl.changes import CHANGES
            from rowmill.kubectl.cluster import connect
            from rowmill.kubectl.kubeconfig import Wanted

            CHANGES[verb](connect(Wanted(**wanted)), name)

    return change


def _beginning(verb: str) -> Callable[..., None]:
    """The same for what begins or takes up a run, which may be waited for."""

    @with_cluster_options
    def begin(
        name: Name,
        wait: Annotated[
            bool,
            typer.Option(
                "--wait",
                help="Show that run to its end; exit code 0: complete, 4: failed, 5: aborted.",
            ),
        ] = False,
        timeout: Annotated[
            str | None,
            typer.Option(
                "--timeout",
                help="With --wait: wait no longer than this, such as 30m; the run goes on.",
                metavar="DURATION",
            ),
        ] = None,
        *,
        wanted: dict[str, Any],
    ) -> None:
        from rowmill.kubectl.failures import reporting

        with reporting():
            from rowmill.kubectl.changes import CHANGES, awaited, seconds
            from rowmill.kubectl.cluster import connect
            from rowmill.kubectl.kubeconfig import Wanted
            from rowmill.kubectl.watching import watch

            longest = seconds(timeout, wait=wait)
            cluster = connect(Wanted(**wanted))
            if not wait:
                CHANGES[verb](cluster, name)
                return
            awaited(CHANGES[verb], cluster, name)
            watch(cluster, name, as_json=False, timeout=longest, asked=True)

    return begin


app.command("abort", help="End the run; what is durable stays, and `resume` goes on with it.")(
    _changing("abort")
)
app.command(
    "rerun", help="Start the next run; readers see the old data until the new is published."
)(_beginning("rerun"))
app.command("suspend", help="Stop the worker pods until `resume`; what is durable stays.")(
    _changing("suspend")
)
app.command("resume", help="Go on with a suspended, failed or aborted run where it stopped.")(
    _beginning("resume")
)


@app.command()
@with_cluster_options
def logs(
    name: Name,
    shard: Annotated[
        int | None,
        typer.Option(
            "--shard",
            help="Show the lines of this shard only, without its name before them.",
            metavar="N",
            min=0,
        ),
    ] = None,
    follow: Annotated[
        bool, typer.Option("-f", "--follow", help="Keep showing until the run has ended.")
    ] = False,
    *,
    wanted: dict[str, Any],
) -> None:
    """Show what the newest run's pods say."""
    from rowmill.kubectl.failures import reporting

    with reporting():
        from rowmill.kubectl.cluster import connect
        from rowmill.kubectl.kubeconfig import Wanted
        from rowmill.kubectl.logs import logs as body

        body(connect(Wanted(**wanted)), name, shard, follow=follow)
