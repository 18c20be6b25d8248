"""The plugin's commands, options and help texts; what they do is imported when they run."""

from __future__ import annotations

from typing import Annotated

import typer

from rowmill.kubectl.elsewhere import ELSEWHERE
from rowmill.kubectl.options import CLUSTER, Longest, Name, NameOrAll, Shard
from rowmill.terminal.command import command
from rowmill.terminal.command_line import App
from rowmill.terminal.entry import interruptible, own_process
from rowmill.terminal.options import (
    Follow,
    OutputOption,
    Restart,
    RunNumber,
    Timeout,
    Wait,
    Watch,
    Yes,
)
from rowmill.terminal.output import Output

app = App(
    "kubectl rowmill",
    "Watch and steer the Experiments of a cluster.",
    translations="rowmill.kubectl.failures:TRANSLATIONS",
    shared=CLUSTER,
    elsewhere=ELSEWHERE,
    # Its shell completes kubectl, which asks a plugin in another way.
    completes=False,
)


def console_main() -> None:
    """The entry point of the process `kubectl-rowmill`, which kubectl runs as `kubectl rowmill`."""
    with own_process():
        main()


def main() -> None:
    """Run the command of `sys.argv`, which ends in SystemExit with its exit code."""
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


@command(app, "rowmill.commands.status:status")
def status(
    name: NameOrAll = None, watch: Watch = False, output: OutputOption = Output.TEXT
) -> None:
    """Show the newest run, table by table; with -w live, and end as the run does."""


@command(app, "rowmill.commands.status:runs")
def runs(name: NameOrAll = None, output: OutputOption = Output.TEXT) -> None:
    """List the runs that the status remembers (`runHistoryLimit` says how many)."""


@command(app, "rowmill.commands.changes:abort")
def abort(name: Name) -> None:
    """End the run; what is durable stays, and `resume` goes on with it."""


@command(app, "rowmill.commands.changes:rerun")
def rerun(
    name: Name, restart: Restart = False, wait: Wait = False, timeout: Timeout = None
) -> None:
    """Start the next run; readers see the old data until the new is published."""


@command(app, "rowmill.commands.changes:suspend")
def suspend(name: Name) -> None:
    """Stop the worker pods until `resume`; what is durable stays."""


@command(app, "rowmill.commands.changes:resume")
def resume(name: Name, wait: Wait = False, timeout: Timeout = None) -> None:
    """Go on with a suspended, failed or aborted run where it stopped."""


@command(app, "rowmill.commands.verify:verify_remotely")
def verify(name: Name, timeout: Longest = None, output: OutputOption = Output.TEXT) -> None:
    """Have all rows made again and every destination compared. Exit code 1: differences."""


@command(app, "rowmill.commands.removal:reset_remotely")
def reset(name: Name, yes: Yes = False, timeout: Longest = None) -> None:
    """Remove an experiment's data; its records stay. Asks on a terminal, and nowhere else."""


@command(app, "rowmill.commands.logs:logs_of_shards")
def logs(name: Name, run: RunNumber = None, shard: Shard = None, follow: Follow = False) -> None:
    """Show what a run's pods say, by default the newest's."""
