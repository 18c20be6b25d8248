"""The commands' names, options and help texts; what they do is imported when they run.

`rowmill --help` must feel instant, so this module imports typer and nothing else that is heavy.
"""

from __future__ import annotations

from typing import Annotated, Any

import typer

from rowmill.cli.arguments import (
    File,
    FileInstead,
    Manifest,
    Name,
    NameAlone,
    NameOrAll,
    QueryWords,
    TableOption,
    TraceWords,
)
from rowmill.cli.options import (
    Adopt,
    AllowHosts,
    BatchRows,
    BehindProxy,
    ConsoleHost,
    ConsolePort,
    Detach,
    FirstRows,
    KeepData,
    Offset,
    Progress,
    ProgressInterval,
    Resume,
    RowsOption,
    Scale,
    Secrets,
    Seed,
    Threads,
    TlsCertificate,
    TlsKey,
    Workers,
)
from rowmill.terminal.command import command
from rowmill.terminal.command_line import App, SharedOptions
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
from rowmill.terminal.output import Output, Rows

app = App(
    "rowmill",
    "Synthetic relational data at warehouse scale: one manifest becomes related tables in "
    "S3 (Parquet) and Postgres, the same rows every time, exactly once.",
    translations="rowmill.cli.failures:TRANSLATIONS",
)


# The experiment that a command is for: by its NAME, or in a manifest's file with its secrets.
_FILE: dict[str, Any] = {"file": FileInstead, "secrets": Secrets}
ONE = SharedOptions("rowmill.cli.engine:chosen", _FILE, takes=("name",))
# Here -f is what it is to everybody who follows a log.
ONE_BY_NAME = SharedOptions("rowmill.cli.engine:chosen_by_name", {}, takes=("name",))
ONE_OR_ALL = SharedOptions("rowmill.cli.engine:chosen_or_all", _FILE, takes=("name",))
TO_TRACE = SharedOptions("rowmill.cli.engine:chosen_to_trace", _FILE, takes=("words",))
TO_QUERY = SharedOptions("rowmill.cli.engine:chosen_to_query", _FILE, takes=("words",))
ONE_TO_REMOVE = SharedOptions("rowmill.cli.engine:chosen_to_remove", _FILE, takes=("name", "yes"))


@app.callback(invoke_without_command=True)
def rowmill(
    ctx: typer.Context,
    version: Annotated[bool, typer.Option("--version", help="Show the version and exit.")] = False,
) -> None:
    """Answer `--version`; without a command show the help."""
    if version:
        from rowmill import __version__

        typer.echo(f"rowmill {__version__}")
        raise typer.Exit
    if ctx.invoked_subcommand is None:
        typer.echo(ctx.get_help())
        raise typer.Exit(2)


@command(app, "rowmill.cli.commands.manifest:validate")
def validate(
    manifest: Manifest = None,
    file: File = None,
    scale: Scale = None,
    seed: Seed = None,
    output: OutputOption = Output.TEXT,
) -> None:
    """Check a manifest and say all that is wrong with it."""


@command(app, "rowmill.cli.commands.manifest:plan")
def plan(
    manifest: Manifest = None,
    file: File = None,
    scale: Scale = None,
    seed: Seed = None,
    workers: Workers = None,
    batch_rows: BatchRows = None,
    output: OutputOption = Output.TEXT,
) -> None:
    """Show tables, batches, parts, shards, bytes and memory of a run."""


@command(app, "rowmill.cli.commands.preview:preview")
def preview(
    manifest: Manifest = None,
    file: File = None,
    table: TableOption = None,
    rows: FirstRows = 10,
    offset: Offset = 0,
    scale: Scale = None,
    seed: Seed = None,
    output: RowsOption = Rows.TABLE,
) -> None:
    """Show rows of the tables, the first or those from --offset on, without writing anything."""


@command(
    app,
    "rowmill.cli.commands.run:run",
    first="rowmill.local.workers.process_settings:set_for_workers",
)
def run(
    manifest: Manifest = None,
    file: File = None,
    workers: Workers = None,
    batch_rows: BatchRows = None,
    scale: Scale = None,
    seed: Seed = None,
    secrets: Secrets = None,
    resume: Resume = False,
    restart: Restart = False,
    adopt: Adopt = None,
    detach: Detach = False,
    progress: Progress = None,
    progress_interval: ProgressInterval = 5.0,
    output: OutputOption = Output.TEXT,
) -> None:
    """Make the data: load, add keys, publish. Resumes an interrupted run of the same manifest."""


@command(app, "rowmill.commands.status:status", shared=ONE_OR_ALL)
def status(
    name: NameOrAll = None, watch: Watch = False, output: OutputOption = Output.TEXT
) -> None:
    """Show the newest run, table by table; with -w live, and end as the run does."""


@command(app, "rowmill.commands.status:runs", shared=ONE_OR_ALL)
def runs(name: NameOrAll = None, output: OutputOption = Output.TEXT) -> None:
    """List the runs of one experiment, or of all that were run here."""


@command(app, "rowmill.commands.changes:abort", shared=ONE)
def abort(name: Name = None) -> None:
    """End the run; what is durable stays, and `resume` goes on with it."""


@command(app, "rowmill.commands.changes:suspend", shared=ONE)
def suspend(name: Name = None) -> None:
    """Stop the run until it is resumed; what is durable stays."""


@command(app, "rowmill.commands.changes:resume", shared=ONE)
def resume(name: Name = None, wait: Wait = False, timeout: Timeout = None) -> None:
    """Go on with a run that was stopped, in the background; with --wait show it to its end."""


@command(app, "rowmill.commands.changes:rerun", shared=ONE)
def rerun(
    name: Name = None, restart: Restart = False, wait: Wait = False, timeout: Timeout = None
) -> None:
    """Begin the next run in the background; readers keep the old data until it is published."""


@command(app, "rowmill.commands.logs:logs", shared=ONE_BY_NAME)
def logs(name: NameAlone, run: RunNumber = None, follow: Follow = False) -> None:
    """Show what the processes of a run said, by default of the newest one here."""


@command(app, "rowmill.commands.verify:verify", shared=ONE)
def verify(name: Name = None, workers: Threads = None, output: OutputOption = Output.TEXT) -> None:
    """Make all rows again and compare every destination with them. Exit code 1: differences."""


@command(app, "rowmill.commands.trace:trace", shared=TO_TRACE)
def trace(words: TraceWords = None, output: OutputOption = Output.TEXT) -> None:
    """Tell where a stored row comes from: run, batch, object, row. Exit code 1: it differs."""


@command(app, "rowmill.commands.query:query", shared=TO_QUERY)
def query(words: QueryWords = None, output: RowsOption = Rows.TABLE) -> None:
    """Run a read-only SQL query over an experiment's tables; a table shows the first 1,000 rows."""


@command(app, "rowmill.commands.removal:reset", shared=ONE_TO_REMOVE)
def reset(name: Name = None, yes: Yes = False) -> None:
    """Remove an experiment's data; its records stay. Asks on a terminal, and nowhere else."""


@command(app, "rowmill.commands.removal:delete", shared=ONE_TO_REMOVE)
def delete(name: Name = None, keep_data: KeepData = False, yes: Yes = False) -> None:
    """Remove an experiment's data and records. Asks on a terminal, and nowhere else."""


@command(app, "rowmill.cli.commands.console:console")
def console(
    host: ConsoleHost = "127.0.0.1",
    port: ConsolePort = None,
    secrets: Secrets = None,
    tls_certificate: TlsCertificate = None,
    tls_key: TlsKey = None,
    behind_proxy: BehindProxy = None,
    allow_host: AllowHosts = None,
) -> None:
    """Serve the REST API of this machine's experiments, to this machine alone by default."""


@command(app, "rowmill.cli.commands.servers:up")
def up(output: OutputOption = Output.TEXT) -> None:
    """Start the embedded Postgres and S3 server."""


@command(app, "rowmill.cli.commands.servers:down")
def down() -> None:
    """Stop the embedded servers; their data stays."""


@command(app, "rowmill.cli.commands.servers:env")
def env() -> None:
    """Print shell exports for psql and S3 tools: eval "$(rowmill env)"."""


@command(app, "rowmill.cli.commands.manifest:schema")
def schema() -> None:
    """Print the manifest's JSON Schema, for editors."""


@command(app, "rowmill.cli.commands.manifest:crd")
def crd() -> None:
    """Print the CustomResourceDefinition, for kubectl apply."""
