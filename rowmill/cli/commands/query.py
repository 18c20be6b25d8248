"""`query`: a read-only SQL query over an experiment's tables."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import typer

from rowmill.cli.row_output import RowSet, write_rows
from rowmill.cli.sources import from_either
from rowmill.destinations.postgres_connection import Patience
from rowmill.destinations.postgres_query import read_rows
from rowmill.local.connections import connections
from rowmill.local.home import rowmill_home
from rowmill.terminal.failures import UsageError
from rowmill.worker.destinations import CONTACT_SECONDS


def query(words: Sequence[str], file: Path | None, secrets: Sequence[str], output: str) -> None:
    """Show the result of a query; the experiment's schema is first on the search path.

    Args:
        words: NAME and SQL, or with `file` the SQL alone.
    """
    if len(words) != (2 if file is None else 1):
        raise UsageError("give the experiment's NAME and one SQL text, or -f FILE and the SQL")
    sql = words[-1]
    source = from_either(words[0] if file is None else None, file, secrets)
    spec = source.spec()
    if spec.postgres is None:
        raise UsageError(f"{spec.name} has no Postgres destination to query")
    reader = connections(spec, source.secrets, rowmill_home()).reader
    assert reader is not None
    columns, rows = read_rows(
        reader(),
        sql,
        schema=spec.postgres.schema,
        patience=Patience(contact_seconds=CONTACT_SECONDS),
        notice=lambda text: typer.echo(f"rowmill: {text}", err=True),
    )
    write_rows([RowSet("rows", f"{len(rows):,} rows", columns, rows)], output)
