"""The commands' names, options and help texts; what they do is imported when they run.

`rowmill --help` must feel instant, so this module imports typer and nothing else that is heavy.
"""

from __future__ import annotations

from typing import Annotated

import typer

from rowmill.cli.arguments import (
    File,
    FileInstead,
    Manifest,
    Name,
    QueryWords,
    TableOption,
    TraceWords,
    one_file,
)
from rowmill.cli.options import (
    BatchRows,
    OutputOption,
    ProgressStyle,
    Rows,
    RowsOption,
    Scale,
    Secrets,
    Seed,
    Threads,
    Workers,
    Yes,
)
from rowmill.terminal.command_line import App
from rowmill.terminal.output import Output

app = App(
    "rowmill",
    "Synthetic relational data at warehouse scale: one manifest becomes related tables in "
    "S3 (Parquet) and Postgres, the same rows every time, exactly once.",
)


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


@app.command()
def validate(
    manifest: Manifest = None,
    file: File = None,
    scale: Scale = None,
    seed: Seed = None,
    output: OutputOption = Output.TEXT,
) -> None:
    """Check a manifest and say all that is wrong with it."""
    from rowmill.cli.failures import reporting

    with reporting(as_json=output is Output.JSON):
        from rowmill.cli.commands.manifest import validate as body

        body(one_file(manifest, file), scale, seed, as_json=output is Output.JSON)


@app.command()
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
    from rowmill.cli.failures import reporting

    with reporting(as_json=output is Output.JSON):
        from rowmill.cli.commands.manifest import plan as body

        chosen = one_file(manifest, file)
        body(chosen, scale, seed, workers, batch_rows, as_json=output is Output.JSON)


@app.command()
def preview(
    manifest: Manifest = None,
    file: File = None,
    table: TableOption = None,
    rows: Annotated[
        int,
        typer.Option(
            "-n", "--rows", help="How many rows of each table to show.", metavar="N", min=1
        ),
    ] = 10,
    scale: Scale = None,
    seed: Seed = None,
    output: RowsOption = Rows.TABLE,
) -> None:
    """Show the first rows of the tables, without writing anything."""
    from rowmill.cli.failures import reporting

    with reporting(as_json=output is Rows.JSON):
        from rowmill.cli.commands.preview import preview as body

        body(one_file(manifest, file), table, rows, scale, seed, output.value)


@app.command()
def run(
    manifest: Manifest = None,
    file: File = None,
    workers: Workers = None,
    batch_rows: BatchRows = None,
    scale: Scale = None,
    seed: Seed = None,
    secret: Secrets = None,
    resume: Annotated[
        bool,
        typer.Option("--resume", help="Resume an unfinished run; refuse if there is none."),
    ] = False,
    restart: Annotated[
        bool, typer.Option("--restart", help="Drop an unfinished run and start over.")
    ] = False,
    adopt: Annotated[
        str | None,
        typer.Option(
            "--adopt", help="Take over the tables and the prefix of this owner.", metavar="OWNER"
        ),
    ] = None,
    progress: Annotated[
        ProgressStyle | None,
        typer.Option(
            "--progress",
            help="How to show progress; by default bars on a terminal, else plain lines.",
        ),
    ] = None,
    progress_interval: Annotated[
        float,
        typer.Option(
            "--progress-interval", help="Seconds between two plain lines.", metavar="S", min=0.1
        ),
    ] = 5.0,
    output: OutputOption = Output.TEXT,
) -> None:
    """Make the data: load, add keys, publish. Resumes an interrupted run of the same manifest."""
    from rowmill.cli.failures import reporting

    with reporting(as_json=output is Output.JSON):
        from rowmill.local.process_settings import set_for_workers

        set_for_workers()
        from rowmill.cli.commands.run import RunRequest
        from rowmill.cli.commands.run import run as body

        body(
            RunRequest(
                file=one_file(manifest, file),
                workers=workers,
                batch_rows=batch_rows,
                scale=scale,
                seed=seed,
                secrets=tuple(secret or ()),
                resume=resume,
                restart=restart,
                adopt=adopt,
                style=progress.value if progress else None,
                interval=progress_interval,
                as_json=output is Output.JSON,
            )
        )


@app.command()
def status(
    name: Name = None,
    file: FileInstead = None,
    secret: Secrets = None,
    output: OutputOption = Output.TEXT,
) -> None:
    """Show the newest run of an experiment, table by table."""
    from rowmill.cli.failures import reporting

    with reporting(as_json=output is Output.JSON):
        from rowmill.cli.commands.records import status as body

        body(name, file, tuple(secret or ()), as_json=output is Output.JSON)


@app.command()
def runs(
    name: Name = None,
    file: FileInstead = None,
    secret: Secrets = None,
    output: OutputOption = Output.TEXT,
) -> None:
    """List the runs of one experiment, or of all that were run here."""
    from rowmill.cli.failures import reporting

    with reporting(as_json=output is Output.JSON):
        from rowmill.cli.commands.records import runs as body

        body(name, file, tuple(secret or ()), as_json=output is Output.JSON)


@app.command()
def abort(name: Name = None, file: FileInstead = None, secret: Secrets = None) -> None:
    """End the live run; it can be resumed."""
    from rowmill.cli.failures import reporting

    with reporting():
        from rowmill.cli.commands.removal import abort as body

        body(name, file, tuple(secret or ()))


@app.command()
def verify(
    name: Name = None,
    file: FileInstead = None,
    secret: Secrets = None,
    workers: Threads = None,
    output: OutputOption = Output.TEXT,
) -> None:
    """Make all rows again and compare every destination with them. Exit code 1: differences."""
    from rowmill.cli.failures import reporting

    with reporting(as_json=output is Output.JSON):
        from rowmill.cli.commands.verify import verify as body

        body(name, file, tuple(secret or ()), workers, as_json=output is Output.JSON)


@app.command()
def trace(
    words: TraceWords = None,
    file: FileInstead = None,
    secret: Secrets = None,
    output: OutputOption = Output.TEXT,
) -> None:
    """Tell where a stored row comes from: run, batch, object, row index, seed."""
    from rowmill.cli.failures import reporting

    with reporting(as_json=output is Output.JSON):
        from rowmill.cli.commands.trace import trace as body

        body(words or (), file, tuple(secret or ()), as_json=output is Output.JSON)


@app.command()
def query(
    words: QueryWords = None,
    file: FileInstead = None,
    secret: Secrets = None,
    output: RowsOption = Rows.TABLE,
) -> None:
    """Run a read-only SQL query over an experiment's tables; a table shows the first 1,000 rows."""
    from rowmill.cli.failures import reporting

    with reporting(as_json=output is Rows.JSON):
        from rowmill.cli.commands.query import query as body

        body(words or (), file, tuple(secret or ()), output.value)


@app.command()
def reset(
    name: Name = None, file: FileInstead = None, secret: Secrets = None, yes: Yes = False
) -> None:
    """Remove an experiment's data; its records stay. Asks on a terminal, and nowhere else."""
    from rowmill.cli.failures import reporting

    with reporting():
        from rowmill.cli.commands.removal import reset as body

        body(name, file, tuple(secret or ()), yes=yes)


@app.command()
def delete(
    name: Name = None, file: FileInstead = None, secret: Secrets = None, yes: Yes = False
) -> None:
    """Remove an experiment's data and records. Asks on a terminal, and nowhere else."""
    from rowmill.cli.failures import reporting

    with reporting():
        from rowmill.cli.commands.removal import delete as body

        body(name, file, tuple(secret or ()), yes=yes)


@app.command()
def up(output: OutputOption = Output.TEXT) -> None:
    """Start the embedded Postgres and S3 server."""
    from rowmill.cli.failures import reporting

    with reporting(as_json=output is Output.JSON):
        from rowmill.cli.commands.servers import up as body

        body(as_json=output is Output.JSON)


@app.command()
def down() -> None:
    """Stop the embedded servers; their data stays."""
    from rowmill.cli.failures import reporting

    with reporting():
        from rowmill.cli.commands.servers import down as body

        body()


@app.command()
def env() -> None:
    """Print shell exports for psql and S3 tools: eval "$(rowmill env)"."""
    from rowmill.cli.failures import reporting

    with reporting():
        from rowmill.cli.commands.servers import env as body

        body()


@app.command()
def schema() -> None:
    """Print the manifest's JSON Schema, for editors."""
    from rowmill.cli.failures import reporting

    with reporting():
        from rowmill.cli.commands.manifest import schema as body

        body()


@app.command()
def crd() -> None:
    """Print the CustomResourceDefinition, for kubectl apply."""
    from rowmill.cli.failures import reporting

    with reporting():
        from rowmill.cli.commands.manifest import crd as body

        body()
